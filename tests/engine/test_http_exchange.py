"""Responses on the wire: framing, keep-alive, `Expect`, headers that would break the head, failing apps."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import uvicorn

from flowise_mock.engine.connection import Connection
from flowise_mock.engine.http_exchange import SENT, Answer, Exchange, respond
from flowise_mock.engine.http_limits import HTTPLimits
from flowise_mock.engine.http_protocol import Protocol
from flowise_mock.engine.unsent import Outbox

OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Does what the path says."""
    if scope["type"] == "http":
        await ACTIONS[scope["path"]](scope, receive, send)


async def whole(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send({"type": "http.response.body", "body": b"ok"})


async def chunks(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Name", b"one")]})
    for body in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
    assert await receive() == {"type": "http.disconnect"}


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("a defect")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    """Sends nothing."""


async def raises_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise ValueError("a defect")


async def longer(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send({"type": "http.response.body", "body": b"more"})


async def twice(scope: Any, receive: Any, send: Any) -> None:
    await whole(scope, receive, send)
    await whole(scope, receive, send)


async def split(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-name", scope["query_string"].replace(b"%0A", b"\n"))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def last(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 299, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def answered(scope: Any, receive: Any, send: Any) -> None:
    """Sends a whole response at once, and then another one, which cannot be sent."""
    answer = Answer(200, [(b"content-length", b"2")], b"ok")
    assert respond(answer, send) is SENT
    if scope["query_string"]:
        await respond(answer, send)


async def slow(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"ok"})


async def streams(scope: Any, receive: Any, send: Any) -> None:
    """Sends until the client leaves, and makes no task for it."""
    left = asyncio.Event()
    connection = Connection(receive, send)
    stay = connection.when_left(left.set)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while not left.is_set():
        await send({"type": "http.response.body", "body": b"more", "more_body": True})
        await asyncio.sleep(0.01)
    again = asyncio.Event()
    connection.when_left(again.set)  # it has left already
    GONE.append((again.is_set(), connection.has_left, len(asyncio.all_tasks())))
    stay()


async def left(scope: Any, receive: Any, send: Any) -> None:
    GONE.append((await receive(), await receive()))


ALL = (
    whole, chunks, echo, nothing, raises, returns, raises_late, longer, twice, split, last, slow, streams, left,
    answered,
)  # fmt: skip
ACTIONS = {f"/{each.__name__}": each for each in ALL}
GONE: list[Any] = []


class Served(NamedTuple):
    """A server that runs, and its port."""

    server: uvicorn.Server
    port: int


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    bound = socket.create_server(("127.0.0.1", 0))
    protocol: Any = partial(Protocol, limits=HTTPLimits(), stalled=set(), outbox=Outbox())
    config = uvicorn.Config(
        app,
        http=protocol,
        log_config=None,
        lifespan="off",
        timeout_keep_alive=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve([bound]),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield Served(server, bound.getsockname()[1])
    server.should_exit = True
    thread.join(5)


def exchange(server: Served, *requests: str, timeout: float = 0.3) -> bytes:
    """What the server sends until it closes, or is silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as client:
        for each in requests:
            client.sendall(each.encode())
        try:
            while part := client.recv(65536):
                received += part
        except TimeoutError:
            received += b"(open)"
    lines = received.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"date: "))


def request(path: str, *headers: str, method: str = "GET", body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (request("/whole"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok(open)"),
        (request("/whole", method="HEAD"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n(open)"),
        (
            request("/whole", "Connection: close"),
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        ),
        (request("/answered"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok(open)"),
        (request("/answered", method="HEAD"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n(open)"),
        (request("/last"), b"HTTP/1.1 299 \r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"),
        (
            request("/chunks"),
            b"HTTP/1.1 200 OK\r\nx-name: one\r\ntransfer-encoding: chunked\r\n\r\n"
            b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n(open)",
        ),
        (request("/nothing"), b"HTTP/1.1 204 No Content\r\n\r\n(open)"),
        (
            request("/echo", "Content-Length: 4", "Expect: 100-continue", method="POST", body="body"),
            b"HTTP/1.1 100 Continue\r\n\r\n"
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n(open)",
        ),
        (
            request("/raises"),
            b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        (
            request("/returns"),
            b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
    ],
)
def test_a_response(server: Served, sent: str, expected: bytes) -> None:
    assert exchange(server, sent) == expected


@pytest.mark.parametrize(
    "path", ["/raises", "/returns", "/raises_late", "/longer", "/twice", "/split?a%0Ab", "/answered?twice"]
)
def test_an_application_that_fails_is_logged_once(
    server: Served, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        exchange(server, request(path))
    except ConnectionResetError:
        assert path in ("/raises_late", "/longer")
    assert server.server.server_state.tasks == set()
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_a_broken_body_is_refused_without_a_traceback(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    sent = request("/echo", "Transfer-Encoding: chunked", "Expect: 100-continue", method="POST", body="x\r\n")
    assert exchange(server, sent).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert [each.levelname for each in caplog.records] == []


def test_a_broken_request_does_not_take_the_one_before_it_along(server: Served) -> None:
    received = exchange(server, request("/slow") + request("/whole") + "nonsense\r\n\r\n", timeout=1)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.rindex(b"HTTP/1.1 400") > received.rindex(b"HTTP/1.1 200")


def test_a_client_that_waits_is_asked_to_continue(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
        client.sendall(request("/echo", "Content-Length: 4", "Expect: 100-continue", method="POST").encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert b"body" in client.recv(1000)


def test_the_head_does_not_wait_for_a_body_that_comes_later(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
        client.sendall(request("/slow").encode())
        assert client.recv(1000).endswith(b"\r\n\r\n")
        assert client.recv(1000) == b"ok"


def test_requests_that_come_together_are_answered_in_their_order(server: Served) -> None:
    received = exchange(server, request("/chunks") + request("/whole") + request("/last") + request("/whole"))
    assert [line for line in received.split(b"\r\n") if b"HTTP/" in line] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"okHTTP/1.1 299 ",
    ]


def test_a_whole_response_waits_for_a_client_that_does_not_read() -> None:
    async def waits() -> list[bytes]:
        written: list[bytes] = []
        drained = asyncio.Event()
        connection: Any = SimpleNamespace(
            loop=asyncio.get_running_loop(),
            transport=SimpleNamespace(write=written.append),
            unsent=SimpleNamespace(is_paused=True, drained=drained.wait),
            default_headers=lambda: b"",
            completed=lambda exchange: None,
        )
        waiting = Exchange(connection, app, {"method": "GET"}, keep_alive=True, continues=False)
        sending = asyncio.ensure_future(
            respond(Answer(200, [(b"content-length", b"2")], b"ok"), waiting.send)
        )
        await asyncio.sleep(0.01)
        assert written == []
        connection.unsent.is_paused = False
        drained.set()
        await sending
        return written

    assert asyncio.run(waits()) == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]


def test_an_idle_connection_is_closed(server: Served) -> None:
    started = time.monotonic()
    assert b"(open)" not in exchange(server, request("/whole"), timeout=3)
    assert 0.9 < time.monotonic() - started < 2.5


def test_a_client_that_leaves_is_told_to_the_application(server: Served) -> None:
    GONE.clear()
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
        client.sendall(request("/left").encode())
        time.sleep(0.1)
    until = time.monotonic() + 2
    while not GONE and time.monotonic() < until:
        time.sleep(0.01)
    first = {"type": "http.request", "body": b"", "more_body": False}
    assert [(first, {"type": "http.disconnect"})] == GONE


def test_a_stream_knows_that_its_client_left_without_a_task(server: Served) -> None:
    GONE.clear()
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
        client.sendall(request("/streams").encode())
        assert client.recv(100)
    until = time.monotonic() + 2
    while not GONE and time.monotonic() < until:
        time.sleep(0.01)
    assert GONE == [(True, True, 2)]  # the server, and the request


def test_a_defect_of_ours_is_logged_and_not_only_refused(
    server: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*arguments: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("flowise_mock.engine.http_protocol.head_problem", fails)
    with caplog.at_level(logging.ERROR):
        assert b"HTTP/1.1 400" in exchange(server, request("/whole"))
    assert "a request cannot be read" in caplog.text
