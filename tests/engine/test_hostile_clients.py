"""Clients that are made to harm: broken bytes on the socket, odd headers, rules, clocks, files, and sequences.

Each is answered with correct framing, logs no traceback, and others are answered at once after it.
test_hostile_input.py has single requests.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import re
import socket
import time
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest

from conftest import KEY, Running
from knowledge.made_files import pdf_of

pytestmark = pytest.mark.server

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
JSON = "application/json"
PREDICT = f"/api/v1/prediction/{FLOW}"
STORE = "/api/v1/document-store"
HOST = b"Host: localhost\r\n"
LAST = HOST + b"Connection: close\r\n"
PING = b"GET /api/v1/ping HTTP/1.1\r\n"
TOOL = b'{"name": "a", "description": "b", "color": "c"}'
POST = (
    b"POST /api/v1/tools HTTP/1.1\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n"
    b"Content-Type: application/json\r\n" + LAST
)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = POST + b"Content-Length: %d\r\n\r\n" % len(TOOL) + TOOL


class Raw(NamedTuple):
    """Bytes on a socket, so many at a time, and the statuses that come back."""

    data: bytes
    statuses: Sequence[int]
    step: int = 0
    half_closed: bool = False


class Sent(NamedTuple):
    method: str
    path: str
    body: bytes = b""
    media: str = JSON
    headers: Mapping[str, str] = MappingProxyType({})


class Left(NamedTuple):
    """A stream that is open while something else is done."""

    meanwhile: Sent


def sent(method: str, path: str, body: Any = None, **more: Any) -> Sent:
    return Sent(method, path, b"" if body is None else json.dumps(body).encode(), **more)


def control(method: str, path: str, body: Any = None) -> Sent:
    return sent(method, f"/__mock__{path}", body)


def ask(question: str = "a") -> Sent:
    return sent("POST", PREDICT, {"question": question})


def header(name: str, value: str) -> list[Sent]:
    return [sent("POST", PREDICT, {"question": "a"}, headers={name: value})]


def ruled(rule: dict[str, Any], question: str = "a") -> list[Sent]:
    return [control("POST", "/rules", rule), ask(question), control("GET", "/journal")]


def scripted(text: str) -> list[Sent]:
    return [control("PUT", "/namespaces/hostile", {"scripts": [{"name": "a.yaml", "text": text}]}), ask()]


def frozen(at: str) -> list[Sent]:
    used = [ask(), ask(), sent("GET", f"/api/v1/chatmessage/{FLOW}")]
    shown = [control("GET", path) for path in ("/journal", "/journal/har", "/export", "/metrics")]
    return [control("PUT", "/clock", {"at": at}), *used, *shown, control("DELETE", "/clock"), ask(), *shown]


def loaded(loader: str, config: dict[str, Any], **splitter: Any) -> list[Sent]:
    """An upsert into a new store, whose id stands for STORE."""
    body = {
        "loader": {"name": loader, "config": config},
        "splitter": {"name": "recursiveCharacterTextSplitter", "config": splitter} if splitter else {},
        "embedding": {"name": "openAIEmbeddings", "config": {}},
        "vectorStore": {"name": "memoryVectorStore", "config": {}},
    }
    return [sent("POST", f"{STORE}/upsert/STORE", body), sent("GET", f"{STORE}/store/STORE")]


def uri(name: str, data: bytes) -> str:
    return f"data:application/octet-stream;base64,{b64encode(data).decode()},filename:{name}"


def zipped(parts: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return target.getvalue()


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org"


def package(main: str, parts: dict[str, str]) -> bytes:
    """A file of Office, whose main part is this one."""
    kind = "wordprocessingml.document" if main.startswith("word") else "spreadsheetml.sheet"
    types = (
        f'<Types xmlns="{MAIN}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="'
        f'/{main}" ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/></Types>'
    )
    return zipped({"[Content_Types].xml": types, "_rels/.rels": relation("officeDocument", main), **parts})


def relation(kind: str, target: str) -> str:
    relations = f'<Relationships xmlns="{MAIN}/package/2006/relationships">'
    return f'{relations}<Relationship Id="r1" Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>'


def docx(text: str, declared: str = "") -> bytes:
    body = f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>"
    document = f'{declared}<w:document xmlns:w="{MAIN}/wordprocessingml/2006/main">{body}</w:document>'
    return package("word/document.xml", {"word/document.xml": document})


def xlsx(rows: str) -> bytes:
    namespace = f'xmlns="{MAIN}/spreadsheetml/2006/main"'
    book = f'<workbook {namespace} xmlns:r="{OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
    parts = {
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f"<worksheet {namespace}><sheetData>{rows}</sheetData></worksheet>",
    }
    return package("xl/workbook.xml", parts)


ENTITIES = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise("abcdefghij"))
ALIASES = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefgh"))
ENTRY = {
    "id": "1", "namespace": "x", "time": "0001-01-01T00:00:00+14:00", "operation": "", "method": "GET", "path": "/",
    "query": {}, "headers": {}, "status": 200, "completed": True, "duration": 1,
}  # fmt: skip
TOTALS: tuple[Any, ...] = ("a", "\u00b2", {}, [1], 1e308, 1e308, "9" * 5000)
LOADERS = [{"id": "a", "totalChars": total} for total in TOTALS]

INPUTS: dict[str, Raw | Left | list[Sent]] = {
    # bytes
    "a hello of TLS": Raw(bytes.fromhex("16030100c8010000c40303") + b"a" * 200, [400]),
    "a preface of HTTP/2": Raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 27, [400]),
    "a line without a version": Raw(b"GET /api/v1/ping\r\n\r\n", [200]),
    "lines that end with LF alone": Raw((PING + LAST + b"\r\n").replace(b"\r", b""), [400]),
    "a header over two lines": Raw(PING + LAST + b"X: a\r\n b\r\n\r\n", [400]),
    "a zero byte in a header": Raw(PING + LAST + b"X: a\0b\r\n\r\n", [400]),
    "bytes of no character in a path": Raw(b"GET /api/v1/tools/\xff\xfe HTTP/1.1\r\n" + LAST + b"\r\n", [400]),
    "a port above all": Raw(b"GET http://localhost:99999/api/v1/ping HTTP/1.1\r\n" + LAST + b"\r\n", [400]),
    "a tunnel": Raw(b"CONNECT localhost:443 HTTP/1.1\r\n" + LAST + b"\r\n" + PING + LAST + b"\r\n", [400]),
    "a length beside chunks": Raw(CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n0\r\n\r\n", [400]),
    "a body that says it is chunked twice": Raw(CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    "a body that says it is compressed only": Raw(POST + b"Transfer-Encoding: gzip\r\n\r\nx", [400]),
    "a length of 64 bits": Raw(POST + b"Content-Length: 18446744073709551615\r\n\r\n{}", [413]),
    "a long extension of a chunk": Raw(CHUNKED + b"%x;" % len(TOOL) + b"a" * 100_000 + b"\r\n" + TOOL + b"\r\n0\r\n\r\n", [200]),
    "a size of a chunk with zeros": Raw(CHUNKED + b"0" * 10_000 + b"%x\r\n" % len(TOOL) + TOOL + b"\r\n0\r\n\r\n", [200]),
    "a length behind the body": Raw(CHUNKED + b"%x\r\n" % len(TOOL) + TOOL + b"\r\n0\r\nContent-Length: 5\r\n\r\n", [400]),
    "what is broken after two requests": Raw((PING + HOST + b"\r\n") * 2 + b"GET /bro ken HTTP/1.1\r\n\r\n" + PING, [200, 200, 400]),
    "upgrades one after the other": Raw((PING + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n") * 300 + PING + LAST + b"\r\n", [200] * 301),
    "one byte at a time": Raw(SIZED, [200], step=1),
    "a client that sends no more": Raw(SIZED, [200], half_closed=True),
    # headers and bodies
    "half a pair in UTF-7": [Sent("POST", PREDICT, b'{"question": "+2AA-"}', f"{JSON}; charset=utf-7")],
    "UTF-16 that does not say so": [Sent("POST", PREDICT, '{"question": "a"}'.encode("utf-16"))],
    "numbers of no computer": [Sent("POST", PREDICT, b'{"question": "a", "overrideConfig": {"a": 1e999, "b": 1%s, "c": -0.0}}' % (b"0" * 5000))],
    "a large body that only nests": [Sent("POST", PREDICT, b'{"question": "a", "overrideConfig": ' + b'{"a":' * 120_000 + b"1" + b"}" * 120_001)],
    "a part named in no charset": [Sent("POST", PREDICT, b"--b\r\nContent-Disposition: form-data; name*=klingon'x'%ff%00; name*0=a\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b")],
    "tags without end": [Sent("GET", "/api/v1/tools", headers={"If-None-Match": ",".join(f'"{number}"' for number in range(1900))})],
    "an origin that is none": [Sent("OPTIONS", PREDICT, headers={"Origin": "http://[::1", "Access-Control-Request-Headers": "a," * 4000})],
    "a preferred code of thousands of digits": header("Prefer", "code=" + "9" * 8000),
    "a fault of backslashes": header("Flowise-Mock-Fault", 'status; code=418; message="' + "\\\\" * 6000),
    # the control API
    "half a pair in a match": [Sent("GET", "/__mock__/journal?match=%7B%22question%22:%22%5Cud800%22%7D")],
    "a match of a hundred thousand texts": [control("POST", "/verify", {"match": {"question": {"contains": ["a"] * 100_000}}})],
    "a place of thousands of digits": [sent("POST", "/api/v1/tools", ["a"]), control("POST", "/verify", {"match": {"json": {"/" + "9" * 5000: 1}}})],
    "a template that rounds for ever": ruled({"answer": "{{ 1 | round(10000000000, 'floor') }}"}),
    "a template with a number of thousands of digits": ruled({"answer": "{{ " + "9" * 5000 + " }}"}),
    "expressions that search for ever": [*(control("POST", "/rules", {"match": {"question": {"regex": f"(a|a)*${n}"}}, "answer": "x"}) for n in range(20)), ask("a" * 5000 + "b")],
    "aliases that multiply": scripted(f"a: &a [1,1,1,1,1,1,1]\n{ALIASES}rules: []\n"),
    "a number of YAML with thousands of digits": scripted(f"rules: [{{match: {{turn: 0x{'f' * 5000}}}, answer: a}}]\n"),
    "a clock before all years": frozen("0001-01-01T00:00:00+14:00"),
    "a clock at the end of all years": frozen("9999-12-31T23:59:59.999Z"),
    "an entry before all years": [control("POST", "/import", {"format": 1, "contract": "CONTRACT", "records": {}, "journal": [ENTRY]}), control("GET", "/journal")],
    "snapshots above their folder": [control("PUT", f"/snapshots/{name}", {}) for name in ("..", "..%2f..%2fa", "a%00")],
    # files
    "a PDF with a lock of no kind": loaded("pdfFile", {"pdfFile": uri("a.pdf", pdf_of(["<< /Type /Catalog >>"], trailer="/Encrypt << /Filter /Standard /V 99 >> "))}),
    "a PDF whose pages hold themselves": loaded("pdfFile", {"pdfFile": uri("a.pdf", pdf_of(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]))}),
    "entities that multiply in a DOCX": loaded("docxFile", {"docxFile": uri("a.docx", docx("&j;", f'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]>'))}),
    "columns of one name": loaded("microsoftExcel", {"excelFile": uri("a.xlsx", xlsx("<row>" + '<c t="str"><v>a</v></c>' * 8000 + "</row><row><c><v>1</v></c></row>"))}),
    "a number of a sheet that is none": loaded("microsoftExcel", {"excelFile": uri("a.xlsx", xlsx(f'<row><c t="str"><v>a</v></c></row><row><c><v>{"9" * 400}</v></c></row>'))}),
    "a quote that never ends": loaded("csvFile", {"csvFile": uri("a.csv", b'a,b\n"' + b"x,\n" * 50_000), "columnName": ""}),
    "a pointer of thousands of digits": loaded("jsonlinesFile", {"jsonlinesFile": uri("a.jsonl", b'["a"]'), "pointerName": "9" * 5000}),
    "chunks of less than nothing": loaded("plainText", {"text": "a b " * 500}, chunkSize="-0.5", chunkOverlap=-(10**18)),
    "totals that are none": [sent("PUT", f"{STORE}/store/STORE", {"loaders": json.dumps(LOADERS[:number])}) for number in range(1, 8)] + [sent("GET", f"{STORE}/store")],
    # functions
    "a sum that grows": [sent("POST", "/api/v1/node-custom-function", {"javascriptFunction": "return " + "+".join(["$a"] * 5000), "functionInputVariables": {"a": "x" * 10_000}})],
    "a text that is doubled sixty times": [sent("POST", "/api/v1/node-custom-function", {"javascriptFunction": "return " + "JSON.stringify(" * 60 + "'\"'" + ")" * 60})],
    "nothing within a list": [sent("POST", "/api/v1/node-custom-function", {"javascriptFunction": code}) for code in ("return [undefined]", "return JSON.stringify(undefined)")],
    # sequences
    "a flow that is deleted while it answers": Left(Sent("DELETE", f"/api/v1/chatflows/{FLOW}")),
    "a flow that loses its key while it answers": Left(sent("PUT", f"/api/v1/chatflows/{FLOW}", {"apikeyid": "gone"})),
    "a reset while it answers": Left(control("POST", "/reset", {})),
    "a namespace that goes while it answers": Left(control("DELETE", "/namespaces/hostile")),
    "an import while it answers": Left(control("POST", "/import", {"format": 1, "contract": "CONTRACT", "records": {}})),
    "an abort of what is no chat": Left(Sent("PUT", f"/api/v1/chatmessage/abort/{FLOW}/%00%ff..%2f")),
}  # fmt: skip


def test_there_are_forty() -> None:
    assert len(INPUTS) >= 40


@pytest.mark.parametrize("name", INPUTS)
def test_it_harms_nobody(name: str, served: Running, caplog: pytest.LogCaptureFixture) -> None:
    found = INPUTS[name]
    with caplog.at_level(logging.WARNING):
        if isinstance(found, Raw):
            assert statuses(exchanged(served.port, found)) == list(found.statuses)
        else:
            judge(served, answers(served, found))
        started = time.monotonic()
        assert httpx.get(f"{served.api}/ping", timeout=5).text == "pong"
        assert time.monotonic() - started < 1
    assert [record for record in caplog.records if record.exc_info] == []


def judge(served: Running, found: list[httpx.Response]) -> None:
    assert found
    for answer in found:
        assert "is a defect" not in answer.text
        is_control = "/__mock__/" in str(answer.url)
        assert answer.status_code < 500 or (served.contract == "3.1.4" and not is_control), answer.text[:300]


def answers(served: Running, found: Left | list[Sent]) -> list[httpx.Response]:
    """The answers to requests in a namespace of their own; it is as at the start, and goes afterwards."""
    headers = {"Authorization": f"Bearer {KEY}", "Flowise-Mock-Namespace": "hostile"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=10) as client:
        try:
            if isinstance(found, list):
                return [answered(client, served, each) for each in found]
            body = {"question": "a b c " * 2000, "streaming": True, "chatId": "c"}
            with client.stream("POST", PREDICT, json=body) as stream:
                events = stream.iter_lines()
                next(events)
                meanwhile = answered(client, served, found.meanwhile)
                for _ in events:  # httpx raises if the stream is cut
                    pass
            return [meanwhile, answered(client, served, ask())]
        finally:
            client.delete("/__mock__/namespaces/hostile")


def answered(client: httpx.Client, served: Running, request: Sent) -> httpx.Response:
    path = request.path
    if "STORE" in path:
        path = path.replace("STORE", client.post(f"{STORE}/store", json={"name": "a"}).json()["id"])
    content = request.body.replace(b'"CONTRACT"', json.dumps(served.contract).encode()) or None
    headers = {"Content-Type": request.media, **request.headers}
    return client.request(request.method, path, content=content, headers=headers)


def exchanged(port: int, raw: Raw) -> bytes:
    """What comes back until the server closes, which it has to do within five seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        step = raw.step or len(raw.data)
        for start in range(0, len(raw.data), step):
            connection.sendall(raw.data[start : start + step])
        if raw.half_closed:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def statuses(received: bytes) -> list[int]:
    """The statuses of responses, each of which is as long as it says."""
    found = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        line = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert line is not None, head
        assert end, head
        found.append(int(line[1]))
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length else 0
        assert len(received) >= size, head
        received = received[size:]
    return found
