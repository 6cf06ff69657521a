"""Inputs that are made to harm: each is answered below 500, logs no traceback, and others are answered after it.

test_bad_input.py breaks each field of each operation; these are requests as a whole.
"""

from __future__ import annotations

import contextlib
import json
import logging
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest

from conftest import KEY, Running

pytestmark = pytest.mark.server

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
AGENTFLOW = "2f4a6c8e-1b3d-4f5a-8c7e-9d0b1a2c3e4f"
JSON = "application/json"
FORM = "multipart/form-data; boundary=b"
PREDICT = f"/api/v1/prediction/{FLOW}"


class Sent(NamedTuple):
    method: str
    path: str
    body: bytes = b""
    media: str = JSON
    headers: Mapping[str, str] = MappingProxyType({})


def posted(path: str, body: Any, **more: Any) -> Sent:
    return Sent("POST", path, json.dumps(body).encode(), **more)


def form(*parts: str) -> bytes:
    return "".join(f"--b\r\n{part}\r\n" for part in parts).encode() + b"--b--\r\n"


def flow(nodes: Any, edges: Any = ()) -> str:
    return json.dumps({"nodes": nodes, "edges": list(edges)})


def node(id: str, name: str, **data: Any) -> dict[str, Any]:
    return {"id": id, "data": {"id": id, "name": name, "category": "Agent Flows", "inputs": {}, **data}}


RING = flow(
    [node("a", "startAgentflow"), node("b", "directReplyAgentflow"), node("c", "directReplyAgentflow")],
    [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}, {"source": "c", "target": "b"}],
)
LOOP = flow(
    [
        node("a", "startAgentflow"),
        node("l", "loopAgentflow", inputs={"loopBackToNode": "a-Start", "maxLoopCount": 10**9}),
    ],
    [{"source": "a", "target": "l"}],
)
STARS = flow([node(str(number), "directReplyAgentflow") for number in range(3000)])
SELF = flow([node("a", "chatOpenAI", category="Chat Models", inputs={"model": "{{a.data.instance}}"})])
TYPES = flow([None, 5, "a", [], {}, {"id": None, "data": None}, {"data": {"inputs": []}}], [None, 5, {}])
BOMB = zlib.compress(b" " * 30_000_000)
STORE = "/api/v1/document-store"

INPUTS: dict[str, Sent | tuple[Sent, str]] = {
    # bodies
    "a compressed bomb": Sent("POST", PREDICT, BOMB, headers={"Content-Encoding": "deflate"}),
    "a broken compression": Sent("POST", PREDICT, b"\x1f\x8bxx", headers={"Content-Encoding": "gzip"}),
    "an unknown compression": Sent("POST", PREDICT, b"{}", headers={"Content-Encoding": "zstd, br, x"}),
    "an unknown charset": Sent("POST", PREDICT, b"{}", "application/json; charset=klingon"),
    "a charset with no end": Sent("POST", PREDICT, b"{}", "application/json; charset=" + "a" * 10_000),
    "many keys": posted(PREDICT, {f"k{number}": number for number in range(50_000)}),
    "one key many times": Sent("POST", PREDICT, b'{"question": "a"' + b', "question": "b"' * 50_000 + b"}"),
    "a prototype": posted(PREDICT, {"question": "a", "__proto__": {"x": 1}, "constructor": {"prototype": 1}}),
    "an object that says it is a text": posted(PREDICT, {"question": {"toString": "x", "length": 10**9}}),
    "a question of marks": posted(PREDICT, {"question": "\u0301" * 200_000}),
    "a question of directions": posted(PREDICT, {"question": "\u202e\u2066" * 50_000, "streaming": True}),
    "a question with frames of a stream": posted(PREDICT, {"question": "a\n\ndata: {}\r\n\r\nevent: end\n\n", "streaming": True}),
    "a template as a question": posted(PREDICT, {"question": "{{7*7}}{% for x in range(10**9) %}{% endfor %}"}),
    "an expression as a question": posted(PREDICT, {"question": "(a+)+$" + "a" * 60_000}),
    "a history of everything": posted(PREDICT, {"question": "a", "history": [None, 5, [], {"role": []}, {"type": 1, "message": {}}] * 2000}),
    "an upload that is no data": posted(PREDICT, {"question": "a", "uploads": [{"type": "file", "name": "../../etc/passwd", "data": "x", "mime": 5}]}),
    "an upload of wrong base64": posted(PREDICT, {"question": "a", "uploads": [{"type": "file", "name": "a", "data": "data:text/plain;base64,====", "mime": "text/plain"}]}),
    "many uploads": posted(PREDICT, {"question": "a", "uploads": [{"type": "url", "name": "a", "data": "http://127.0.0.1:1/"}] * 5000}),
    "settings as a chain": posted(PREDICT, {"question": "a", "overrideConfig": {"sessionId": {"a": {"b": ["c"] * 10_000}}}}),
    "a decision without a run": posted(f"/api/v1/prediction/{AGENTFLOW}", {"humanInput": {"type": "proceed", "startNodeId": "__proto__"}}),
    # forms
    "a form without an end": Sent("POST", f"/api/v1/attachments/{FLOW}/c", b"--b\r\nContent-Disposition: form-data; name=files; filename=a\r\n\r\n" + b"x" * 100_000, FORM),
    "a part with a long head": Sent("POST", f"/api/v1/attachments/{FLOW}/c", form('Content-Disposition: form-data; name="files"; filename="' + "a" * 200_000 + '"\r\n\r\nx'), FORM),
    "a file named as a path": Sent("POST", f"/api/v1/attachments/{FLOW}/c", form('Content-Disposition: form-data; name="files"; filename="../../../etc/passwd\\x00.txt"\r\nContent-Type: text/plain\r\n\r\nx'), FORM),
    "a form within a form": Sent("POST", f"/api/v1/attachments/{FLOW}/c", form('Content-Disposition: form-data; name="files"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--'), FORM),
    "a boundary of one space": Sent("POST", f"/api/v1/attachments/{FLOW}/c", form("x"), 'multipart/form-data; boundary=" "'),
    "a field many times": Sent("POST", PREDICT, form(*['Content-Disposition: form-data; name="question"\r\n\r\na'] * 900), FORM),
    # addresses
    "a path up": Sent("GET", "/api/v1/chatflows/..%2f..%2f..%2fetc%2fpasswd"),
    "a file up": Sent("GET", f"/api/v1/get-upload-file?chatflowId={FLOW}&chatId=..%2f..&fileName=..%2f..%2fetc%2fpasswd"),
    "an icon up": Sent("GET", "/api/v1/node-icon/..%2f..%2fapp"),
    "zero bytes in a path": Sent("GET", "/api/v1/tools/%00%00"),
    "no UTF-8 in a path": Sent("GET", "/api/v1/tools/%ff%fe%c0%af"),
    "a query of brackets": Sent("GET", "/api/v1/tools?" + "a[" * 2000 + "]" * 2000 + "=1"),
    "a query of many pairs": Sent("GET", "/api/v1/tools?" + "&".join(f"a{number}=1" for number in range(1200))),
    "pages of infinity": Sent("GET", "/api/v1/tools?page=99999999999999999999&limit=1e308"),
    "dates of other worlds": Sent("GET", f"/api/v1/chatmessage/{FLOW}?startDate=-271821-04-20T00:00:00.000Z&endDate=%2B275760-09-13"),
    # flows
    "a flow that is a ring": (posted("/api/v1/chatflows", {"name": "a", "type": "AGENTFLOW", "flowData": RING}), "predict"),
    "a flow that loops": (posted("/api/v1/chatflows", {"name": "a", "type": "AGENTFLOW", "flowData": LOOP}), "predict"),
    "a flow of many starts": (posted("/api/v1/chatflows", {"name": "a", "type": "AGENTFLOW", "flowData": STARS}), "predict"),
    "a flow that refers to itself": (posted("/api/v1/chatflows", {"name": "a", "type": "CHATFLOW", "flowData": SELF}), "predict"),
    "a flow of wrong types": (posted("/api/v1/chatflows", {"name": "a", "type": "AGENTFLOW", "flowData": TYPES}), "predict"),
    "a flow that is deep": (posted("/api/v1/chatflows", {"name": "a", "type": "CHATFLOW", "flowData": '{"nodes": ' + "[" * 50_000}), "predict"),
    # stores
    "a splitter of one character": posted(f"{STORE}/upsert/STORE", {"loader": {"name": "plainText", "config": {"text": "x" * 300_000}}, "splitter": {"name": "recursiveCharacterTextSplitter", "config": {"chunkSize": 1, "chunkOverlap": 0}}, "embedding": {"name": "openAIEmbeddings", "config": {}}, "vectorStore": {"name": "memoryVectorStore", "config": {}}}),
    "a splitter of odd numbers": posted(f"{STORE}/upsert/STORE", {"loader": {"name": "plainText", "config": {"text": "a b"}}, "splitter": {"name": "recursiveCharacterTextSplitter", "config": {"chunkSize": "1e999", "chunkOverlap": -(10**30)}}, "embedding": {"name": "openAIEmbeddings", "config": {}}, "vectorStore": {"name": "memoryVectorStore", "config": {"topK": "NaN"}}}),
    "metadata without end": posted(f"{STORE}/upsert/STORE", {"metadata": {"a": [{}] * 20_000}, "loader": {"name": "plainText", "config": {"text": "a"}}, "embedding": {"name": "openAIEmbeddings", "config": {}}, "vectorStore": {"name": "memoryVectorStore", "config": {}}}),
}  # fmt: skip


def test_there_are_forty() -> None:
    assert len(INPUTS) >= 40


@pytest.mark.parametrize("name", INPUTS)
def test_it_harms_nobody(name: str, served: Running, caplog: pytest.LogCaptureFixture) -> None:
    found = INPUTS[name]
    sent = found if isinstance(found, Sent) else found[0]
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        httpx.Client(base_url=served.url, headers=headers, timeout=20) as client,
        caplog.at_level(logging.WARNING),
    ):
        answers = [answered(client, sent)]
        if not isinstance(found, Sent) and answers[0].status_code == 200:
            path = f"/api/v1/prediction/{answers[0].json()['id']}"
            for streams in (False, True):
                with hangs(served.contract):
                    answers.append(answered(client, posted(path, {"question": "a", "streaming": streams})))
        assert client.get("/api/v1/ping").text == "pong"
    for answer in answers:
        assert "is a defect" not in answer.text
        assert answer.status_code < 500 or served.contract == "3.1.4", answer.text[:300]
    assert [record for record in caplog.records if record.exc_info] == []


def hangs(contract: str) -> contextlib.AbstractContextManager[None]:
    """A real server never answers some of these, so that a mock of its version closes the connection."""
    real = contract == "3.1.4"
    return contextlib.suppress(httpx.RemoteProtocolError) if real else contextlib.nullcontext()


def answered(client: httpx.Client, sent: Sent) -> httpx.Response:
    path = sent.path
    if "STORE" in path:
        made = client.post("/api/v1/document-store/store", json={"name": "a"}).json()
        path = path.replace("STORE", made["id"])
    headers = {"Content-Type": sent.media, **sent.headers}
    return client.request(sent.method, path, content=sent.body or None, headers=headers)
