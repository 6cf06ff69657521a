"""Bad input of every kind to every operation: a documented status, a clear message, nothing harmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock.contract import contracts, document
from flowise_mock.contract.document import Operation, resolve
from handlers.test_examples import request

pytestmark = pytest.mark.server

DOCUMENT = contracts.load("documented")
OPERATIONS = list(document.operations(DOCUMENT))
JSON = "application/json"
FRONT = {400, 404, 405, 413, 415, 431}
"""What the engine may answer before it knows the operation."""
BAD_IDS = ("00000000-0000-4000-8000-000000000000", "no-such-id", "%20", "%00", "..%2f..%2fetc", "%ff", "%E2%82%AC",
           "CFD531E0-82FC-11E9-BC42-526AF7764F64", "x" * 8000, "-1", "0", "9" * 400, "%7B%7D", "null")  # fmt: skip
BAD_QUERY = ("", "maybe", "%ff", "%00", "9" * 5000, "[]", "-1", "2025-99-99T00:00:00Z", "' OR 1=1 --")
BAD_HEADERS: tuple[dict[str, str], ...] = (
    {"Authorization": "Basic eDp5"}, {"Authorization": "Token flowise-mock"}, {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"}, {"Authorization": "x" * 10_000}, {"Authorization": "Bearer \xe9"}, {"Authorization": ""},
)  # fmt: skip
DEEP = b"[" * 100_000
BODIES: tuple[tuple[str, bytes], ...] = (
    (JSON, b""), (JSON, b" "), (JSON, b"{"), (JSON, b"{'a': 1}"), (JSON, b'{"a": 1,}'), (JSON, b"nul"), (JSON, b"null"),
    (JSON, b"true"), (JSON, b"5"), (JSON, b'"text"'), (JSON, b"[]"), (JSON, b"[{}]"), (JSON, b'{"name": "\xff\xfe"}'),
    (JSON, b"\xef\xbb\xbf{"), (JSON, DEEP), (JSON, b'{"a":' * 100_000), (JSON, b'{"name": ' + b"9" * 5000 + b"}"),
    (JSON, b'{"name": 1e400}'), (JSON, b'{"name": NaN}'), (JSON, b'{"name": "\\ud800"}'), (JSON, b'{"id": "\\u0000"}'),
    (JSON, b"[" + b"0," * 999_999 + b"0]"), ("application/json; charset=utf-16", '{"name": "x"}'.encode("utf-16")),
    ("text/plain", b"{}"), ("application/xml", b"<a/>"), ("application/x-www-form-urlencoded", b"name=x"), ("", b"\x00\x01"),
    ("garbage", b"{}"), ("application/json/json", b"{}"), ("@/;;=", b"{}"), ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=", b"x"), ("multipart/form-data; boundary=b", b"x"), ("multipart/form-data; boundary=b", b"--b\r\n"),
    ("multipart/form-data; boundary=b", b"--b--\r\n"), ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--b--\r\n'),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="question"\r\n\r\n\xff\r\n--b--\r\n'),
)  # fmt: skip
WRONG: tuple[Any, ...] = (None, 5, True, [], {}, "", "x", ["x"], {"a": {"b": [None]}}, -1, 1e308, "\x00")


class Sent(NamedTuple):
    what: str
    method: str
    path: str
    headers: dict[str, str]
    query: str = ""
    body: bytes | None = None


def inputs(operation: Operation) -> Iterator[Sent]:
    """Everything bad that can be sent to one operation, beside its good example."""
    content = operation.definition.get("requestBody", {}).get("content", {})
    good = request(operation, next(iter(content), None))
    path = good["url"]
    headers = {"Authorization": f"Bearer {KEY}"}
    typed = {**headers, "Content-Type": JSON}
    body = json.dumps(good["json"]).encode() if "json" in good else None
    if body is not None:
        headers = typed
    for parameter in operation.definition.get("parameters", []):
        if parameter["in"] == "path":
            for bad in BAD_IDS:
                yield Sent(
                    f"{parameter['name']}={bad[:20]}",
                    operation.method,
                    path.replace(str(parameter["example"]), bad),
                    headers,
                    "",
                    body,
                )
        else:
            for bad in BAD_QUERY:
                yield Sent(
                    f"?{parameter['name']}={bad[:20]}",
                    operation.method,
                    path,
                    headers,
                    f"{parameter['name']}={bad}",
                    body,
                )
    for credentials in BAD_HEADERS:
        yield Sent(str(credentials)[:40], operation.method, path, {**headers, **credentials}, "", body)
    yield Sent("no key", operation.method, path, {"Content-Type": JSON}, "", body)
    yield Sent("6 kB header", operation.method, path, {**headers, "X-Long": "x" * 6000}, "", body)
    yield Sent("unknown query", operation.method, path, headers, "nope=1&nope=2&%ff", body)
    for media, raw in BODIES if content else BODIES[:1]:
        yield Sent(
            f"{media}: {raw[:30]!r}", operation.method, path, {**headers, "Content-Type": media}, "", raw
        )
    schema = content.get(JSON, {}).get("schema", {})
    schema = resolve(DOCUMENT, schema["allOf"][0] if "allOf" in schema else schema)
    for name in schema.get("properties", {}):
        for wrong in WRONG:
            changed = {**(good.get("json") or {}), name: wrong}
            yield Sent(f"{name}={wrong!r}", operation.method, path, typed, "", json.dumps(changed).encode())


def send(client: httpx.Client, base: str, sent: Sent) -> httpx.Response:
    url = httpx.URL(base).copy_with(
        raw_path=f"/api/v1{sent.path}?{sent.query}".rstrip("?").encode("latin-1", "replace")
    )
    headers = [(name.encode(), value.encode("latin-1")) for name, value in sent.headers.items()]
    return client.request(sent.method.upper(), url, headers=headers, content=sent.body)


def complaint(operation: Operation, response: httpx.Response) -> str | None:
    """What is wrong with an answer, if anything."""
    status = response.status_code
    documented = {int(each) for each in operation.definition["responses"]}
    if status >= 500 or (status not in documented and status not in FRONT):
        return f"status {status} is not documented"
    if status < 400:
        return None
    try:
        told = response.json()
    except ValueError:
        return f"{status} with a body that is no JSON: {response.text[:80]!r}"
    message = told.get("message", told.get("error"))
    if "message" in told and (told["statusCode"], told["success"], told["stack"]) != (status, False, {}):
        return f"{status} says {told}"
    if (
        not isinstance(message, str)
        or len(message) < 10
        or "Traceback" in message
        or "object at 0x" in message
    ):
        return f"{status} with the message {message!r}"
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_bad_input(mock: Running, operation: Operation) -> None:
    complaints = []
    count = 0
    with httpx.Client(timeout=30) as client:
        for sent in inputs(operation):
            before = mock.mock.store.snapshot().records
            response = send(client, mock.url, sent)
            wrong = complaint(operation, response)
            if response.status_code >= 400 and mock.mock.store.snapshot().records != before:
                wrong = f"{response.status_code} changed the records"
            if response.status_code < 400:
                mock.reset()
            if wrong:
                complaints.append(f"{sent.what}: {wrong}")
            count += 1
        assert client.get(f"{mock.api}/ping").text == "pong"
    assert count > 0
    assert complaints == []


def test_the_complaints_can_be_made() -> None:
    tools = next(each for each in OPERATIONS if each.id == "getToolById")
    assert complaint(tools, httpx.Response(500, json={})) == "status 500 is not documented"
    assert complaint(tools, httpx.Response(404, text="<html>"))
    assert complaint(
        tools,
        httpx.Response(404, json={"statusCode": 400, "success": False, "message": "m" * 20, "stack": {}}),
    )
    assert complaint(
        tools, httpx.Response(404, json={"statusCode": 404, "success": False, "message": "", "stack": {}})
    )
