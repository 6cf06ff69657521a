"""HTTP itself, over raw sockets: bodies in chunks, old versions, methods, origins, vanishing clients."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock.contract import contracts, document
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

AUTH = f"Authorization: Bearer {KEY}\r\n"
JSON = "Content-Type: application/json\r\n"
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def exchange(running: Running, raw: bytes, wait: float = 1.0) -> bytes:
    """What comes back for raw bytes, until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=wait) as connection:
        connection.sendall(raw)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            pass
        return received


def head(method: str, path: str, *more: str, version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n{''.join(more)}\r\n".encode()


def status(received: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3})", received)
    assert found, received[:200]
    return int(found[1])


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return head("POST", "/api/v1/tools", AUTH, JSON, "Transfer-Encoding: chunked\r\n") + body


def test_a_body_in_chunks(mock: Running) -> None:
    received = exchange(mock, chunked(b'{"name":', b' "in chunks"}'))
    assert status(received) == 200
    assert b'"in chunks"' in received


@pytest.mark.parametrize(
    "broken", [b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n", b"ffffffffffffffffff\r\n{}\r\n"]
)
def test_broken_chunks_are_refused(mock: Running, broken: bytes) -> None:
    raw = head("POST", "/api/v1/tools", AUTH, JSON, "Transfer-Encoding: chunked\r\n")
    assert status(exchange(mock, raw + broken)) == 400
    assert status(exchange(mock, head("GET", "/api/v1/ping"))) == 200


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (head("GET", "/api/v1/ping", version="1.0"), 200),
        (b"GET /api/v1/ping HTTP/1.0\r\n\r\n", 200),
        (head("POST", "/api/v1/tools", AUTH, JSON, "Content-Length: 2\r\n", version="1.0") + b"{}", 200),
        (head("GET", "/api/v1/tools/", AUTH), 200),
        (head("GET", "http://localhost/api/v1/ping"), 200),
        (head("GET", "/api/v1/tools/a%2Fb", AUTH), 400),
        (head("GET", "/api/v1//tools", AUTH), 200),  # as Flowise takes it
        (head("GET", "/api/v1", AUTH), 404),
        (head("GET", "/nope"), 404),
        (head("get", "/api/v1/ping"), 400),
        (b"nonsense\r\n\r\n", 400),
        (head("GET", "/api/v1/ping", "no colon\r\n"), 400),
        (head("POST", "/api/v1/tools", AUTH, JSON, "Content-Length: 2\r\n", "Content-Length: 3\r\n") + b"{}x", 400),
        (head("POST", "/api/v1/tools", AUTH, JSON, "Content-Length: x\r\n") + b"{}", 400),
        (head("DELETE", "/api/v1/document-store/vectorstore/query", AUTH), 405),
    ],
)  # fmt: skip
def test_odd_requests(mock: Running, raw: bytes, expected: int) -> None:
    assert status(exchange(mock, raw)) == expected


def test_expect_100_continue(mock: Running) -> None:
    raw = (
        head("POST", "/api/v1/tools", AUTH, JSON, "Expect: 100-continue\r\n", "Content-Length: 2\r\n") + b"{}"
    )
    assert b"HTTP/1.1 200" in exchange(mock, raw)


def test_pipelined_requests_are_answered_in_order(mock: Running) -> None:
    one = b"GET /api/v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
    received = exchange(mock, one * 2 + head("GET", "/api/v1/tools"))
    assert re.findall(rb"HTTP/1.1 (\d{3})", received) == [b"200", b"200", b"401"]


def paths() -> Iterator[tuple[str, list[str]]]:
    loaded = contracts.load("documented")
    for path, item in loaded["paths"].items():
        methods = [method.upper() for method in item if method in document.METHODS]
        first = next(each for each in document.operations(loaded) if each.path == path)
        for parameter in first.definition.get("parameters", []):
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        yield path, methods


@pytest.mark.parametrize(("path", "methods"), list(paths()))
def test_methods(api: httpx.Client, path: str, methods: list[str]) -> None:
    allowed = api.options(path)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert set(allowed.headers["allow"].split(", ")) == set(methods)
    refused = api.request("TRACE", path)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == set(methods)
    if "GET" in methods:
        whole, headless = api.get(path), api.head(path)
        assert (headless.status_code, headless.content) == (whole.status_code, b"")
        assert headless.headers["content-length"] == whole.headers["content-length"]


ORIGINS = [
    "http://localhost", "http://localhost:5173", "https://app.localhost:8443", "http://127.0.0.1:3000",
    "http://127.8.9.1", "http://[::1]:4000",
]  # fmt: skip
FOREIGN = [
    "https://shop.example", "http://localhost.shop.example", "http://127.0.0.1.shop.example", "null",
    "http://shop.example/localhost", "ftp://localhost", "http://localhost:1@shop.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_the_internet_may_not_call(api: httpx.Client, origin: str) -> None:
    headers = {"Origin": origin}
    assert "access-control-allow-origin" not in api.get("/ping", headers=headers).headers
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    assert api.options("/tools", headers=asked).status_code == 400


@pytest.mark.parametrize("page", ORIGINS)
def test_a_page_of_this_machine_may_call(api: httpx.Client, page: str) -> None:
    origin = {"Origin": page}
    assert api.get("/ping", headers=origin).headers["access-control-allow-origin"] == page
    asked = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    preflight = api.options("/tools", headers=asked)
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"]


def test_origins_can_be_named() -> None:
    narrowed = Running(build.build(Options(cors=["https://a.example"])))
    try:
        with narrowed.client() as client:
            ours = client.get("/ping", headers={"Origin": "https://a.example"})
            assert ours.headers["access-control-allow-origin"] == "https://a.example"
            assert (
                "access-control-allow-origin"
                not in client.get("/ping", headers={"Origin": "https://b.example"}).headers
            )
            asked = {"Origin": "https://b.example", "Access-Control-Request-Method": "POST"}
            assert client.options("/tools", headers=asked).status_code == 400
    finally:
        narrowed.stop()


def test_a_body_over_the_limit(api: httpx.Client) -> None:
    large = b'{"name": "' + b"x" * 51 * 1024 * 1024 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert api.post("/tools", content=large, headers=headers).status_code == 413
    in_chunks = api.post(
        "/tools", content=(large[i : i + 2**20] for i in range(0, len(large), 2**20)), headers=headers
    )
    assert in_chunks.status_code == 413
    assert "52428800 bytes" in in_chunks.json()["message"]
    assert api.get("/ping").text == "pong"


def test_clients_that_vanish_leave_nothing(mock: Running) -> None:
    half = head("POST", "/api/v1/tools", AUTH, JSON, "Content-Length: 1000\r\n") + b'{"name":'
    body = b'{"question": "one two three", "streaming": true}'
    stream = head("POST", f"/api/v1/prediction/{FLOW}", JSON, f"Content-Length: {len(body)}\r\n") + body
    before = mock.mock.store.select("tool")
    for raw in (half, stream) * 50:
        with socket.create_connection(("127.0.0.1", mock.port)) as connection:
            connection.sendall(raw)
    until = time.monotonic() + 5
    while mock.tasks() and time.monotonic() < until:
        time.sleep(0.05)
    assert mock.tasks() == 0
    assert mock.mock.store.select("tool") == before
    assert status(exchange(mock, head("GET", "/api/v1/ping"))) == 200
