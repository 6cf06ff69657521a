"""Connections: upgrades, answers that come before the body is read, slow and greedy clients."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conftest import KEY, Running
from flowise_mock.engine.http_limits import HTTPLimits
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

LIMITS = HTTPLimits(idle_seconds=0.6, body_seconds=0.6, write_seconds=0.3, discard_seconds=1.0)
MAX_BODY = 100_000
HOST = "Host: localhost\r\n"
AUTH = f"Authorization: Bearer {KEY}\r\n"
JSON = "Content-Type: application/json\r\n"
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AQ==\r\nSec-WebSocket-Version: 13\r\n"
)
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


@pytest.fixture(scope="module")
def bounded() -> Iterator[Running]:
    """A server with limits that a test can reach."""
    running = Running(
        build.build(
            Options(token_delay=0, max_body=MAX_BODY, limits=replace(LIMITS, discard_bytes=2 * MAX_BODY))
        )
    )
    yield running
    running.stop()


def head(method: str, path: str, *more: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\n{HOST}{AUTH}{''.join(more)}\r\n".encode()


def post(body: bytes, *more: str, path: str = "/api/v1/tools") -> bytes:
    return head("POST", path, JSON, f"Content-Length: {len(body)}\r\n", *more) + body


def connect(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=3)


def read(connection: socket.socket) -> bytes:
    """Everything until the server closes, or is silent for long."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except TimeoutError:
        pass
    return received


def statuses(received: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3})", received)]


def exchange(running: Running, *packets: bytes, timeout: float = 1.5) -> bytes:
    with connect(running) as connection:
        connection.settimeout(timeout)
        for packet in packets:
            connection.sendall(packet)
            time.sleep(0.002 if len(packets) > 1 else 0)
        return read(connection)


def settled(running: Running) -> bool:
    """Whether the server is soon busy with nothing."""
    until = time.monotonic() + 3
    while running.tasks() and time.monotonic() < until:
        time.sleep(0.02)
    return running.tasks() == 0


def packets(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


# --- upgrades --------------------------------------------------------------------------------------

LARGE = json.dumps({"name": "x" * 80_000}).encode()
CHUNKED = b'5\r\n{"nam\r\n9\r\ne": "hey"\r\n1\r\n}\r\n0\r\n\r\n'


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (post(b'{"name": "small"}', H2C), [200]),
        (post(LARGE, H2C), [200]),
        (head("POST", "/api/v1/tools", JSON, "Transfer-Encoding: chunked\r\n", H2C) + CHUNKED, [200]),
        (head("GET", "/api/v1/tools", H2C), [200]),
        (head("DELETE", "/api/v1/tools/none", H2C), [400]),
        (post(b'{"name": "one"}', H2C) + post(b'{"name": "two"}', H2C), [200, 200]),
        (post(b'{"name": "one"}', H2C) + head("GET", "/api/v1/ping"), [200, 200]),
        (head("GET", "/api/v1/ping") + post(b'{"name": "two"}', H2C), [200, 200]),
        (post(b'{"name": "x"}', "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"), [200]),
        (post(b'{"name": "x"}', "Connection: upgrade, close\r\nUpgrade: h2c\r\n"), [200]),
        (post(b"{", H2C), [400]),
        (post(b"", H2C), [400]),
    ],
)  # fmt: skip
def test_an_upgrade_that_is_not_served_is_ignored(bounded: Running, raw: bytes, expected: list[int]) -> None:
    bounded.reset()
    assert statuses(exchange(bounded, raw, timeout=0.5)) == expected
    created = [each["name"][:9] for each in bounded.mock.store.select("tool")]
    for name in ("small", "one", "two"):
        assert created.count(name) == (f'"{name}"'.encode() in raw)


@pytest.mark.parametrize("size", [7, 100])
def test_an_upgrade_in_small_packets(bounded: Running, size: int) -> None:
    raw = post(b'{"name": "in packets"}', H2C) + head("GET", "/api/v1/ping", "Connection: close\r\n")
    assert statuses(exchange(bounded, *packets(raw, max(size, len(raw) // 20)))) == [200, 200]


@pytest.mark.parametrize(
    "path", ["/api/v1/ping", f"/api/v1/prediction/{FLOW}", "/", "/socket.io/", "/__mock__/ready"]
)
def test_a_websocket_is_refused_with_one_line(
    bounded: Running, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    received = exchange(bounded, head("GET", path, WEBSOCKET))
    assert statuses(received) == [400]
    assert b"no WebSockets" in received
    assert [each.levelname for each in caplog.records if "httpx" not in each.name] == ["INFO"]


# --- answers that come before the body -------------------------------------------------------------


def answer_by_urllib(running: Running, path: str, body: bytes, key: str = KEY) -> int:
    request = urllib.request.Request(
        f"{running.api}{path}",
        data=body,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        assert error.read()
        return error.code


@pytest.mark.parametrize(
    ("path", "key", "size", "expected"),
    [
        ("/tools", KEY, 195_000, 413),
        ("/tools", "wrong", 195_000, 401),
        ("/nothing", KEY, 195_000, 404),
        ("/ping", KEY, 195_000, 405),
        ("/tools", KEY, 100, 400),
    ],
)
def test_a_client_that_sends_first_reads_the_answer(
    bounded: Running, path: str, key: str, size: int, expected: int
) -> None:
    for _ in range(8):
        assert answer_by_urllib(bounded, path, b"x" * size, key) == expected


def test_a_client_that_reads_first_has_the_answer_at_once(bounded: Running) -> None:
    started = time.monotonic()
    with connect(bounded) as connection:
        connection.sendall(
            head("POST", "/api/v1/tools", JSON, "Content-Length: 500000\r\n", "Connection: close\r\n")
        )
        received = read(connection)
    assert statuses(received) == [413]
    assert time.monotonic() - started < 0.95


def test_chunks_over_the_limit(bounded: Running) -> None:
    raw = head("POST", "/api/v1/tools", JSON, "Transfer-Encoding: chunked\r\n", "Connection: close\r\n")
    chunk = b"%x\r\n%s\r\n" % (10_000, b"x" * 10_000)
    for _ in range(5):
        assert statuses(exchange(bounded, raw + chunk * 18 + b"0\r\n\r\n")) == [413]


def test_a_connection_goes_on_after_a_body_over_the_limit(bounded: Running) -> None:
    raw = post(b"x" * 150_000) + head("GET", "/api/v1/ping", "Connection: close\r\n")
    assert statuses(exchange(bounded, raw)) == [413, 200]


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_an_endless_body_is_not_read_for_ever(bounded: Running, more: str) -> None:
    raw = head("POST", "/api/v1/tools", JSON, "Transfer-Encoding: chunked\r\n", more)
    chunk = b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000)
    with connect(bounded) as connection:
        connection.sendall(raw)
        sent = 0
        with pytest.raises(OSError, match=r"reset|pipe"):
            while sent < 500:
                connection.sendall(chunk)
                sent += 1
                time.sleep(0.005)
    assert sent < 100


# --- slow clients ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"GET /api/v1/ping HT", [408]),
        (head("GET", "/api/v1/ping")[:-2], [408]),
        (post(b"x" * 100)[:-50], [408]),
        (head("GET", "/api/v1/ping") + b"GET /api", [200, 408]),
        (head("POST", "/api/v1/tools", "Transfer-Encoding: chunked\r\n") + b"5\r\n12", [408]),
    ],
)
def test_half_a_request_is_not_waited_for(bounded: Running, raw: bytes, expected: list[int]) -> None:
    started = time.monotonic()
    assert statuses(exchange(bounded, raw)) == expected
    assert time.monotonic() - started < 5
    assert settled(bounded)


def test_a_head_that_comes_byte_by_byte_has_one_time(bounded: Running) -> None:
    with connect(bounded) as connection:
        connection.settimeout(0.05)
        started = time.monotonic()
        received = b""
        for byte in head("GET", "/api/v1/ping"):
            try:
                connection.sendall(bytes([byte]))
                received += connection.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
            if received:
                break
    assert statuses(received) == [408]
    assert time.monotonic() - started < 3


def fill(running: Running) -> None:
    """9 MB of tools, which is more than the kernel buffers of a connection."""
    texts = {"color": "", "iconSrc": "", "schema": "", "func": ""}
    for number in range(100):
        running.mock.store.create("tool", {"name": f"{number}", "description": "x" * 90_000, **texts})


def test_a_client_that_does_not_read_is_left(bounded: Running) -> None:
    bounded.reset()
    fill(bounded)
    with connect(bounded) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head("GET", "/api/v1/tools") * 3)
        time.sleep(1)
        assert settled(bounded)
        assert bounded.connections() == set()
    bounded.reset()


def test_one_client_may_have_a_larger_answer() -> None:
    running = Running(build.build(Options(limits=replace(LIMITS, unsent_bytes=1_000_000))))
    try:
        fill(running)
        received = exchange(running, head("GET", "/api/v1/tools", "Connection: close\r\n"))
    finally:
        running.stop()
    assert len(received) > 2_000_000
    assert received.endswith(b"]")


def test_what_no_one_reads_is_bounded() -> None:
    limits = replace(LIMITS, write_seconds=30, unsent_bytes=30_000_000)
    running = Running(build.build(Options(limits=limits)))
    clients = []
    try:
        fill(running)
        for _ in range(12):
            client = connect(running)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(head("GET", "/api/v1/tools"))
            clients.append(client)
        until = time.monotonic() + 15
        open_before = -1
        while open_before != len(running.connections()) and time.monotonic() < until:
            open_before = len(running.connections())
            time.sleep(1.5)
        unsent = [each.transport.get_write_buffer_size() for each in running.connections()]
        assert 1 < len(unsent) < 12
        assert sum(unsent) <= limits.unsent_bytes
    finally:
        for client in clients:
            client.close()
        running.stop()


# --- heads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /api/v1/ping HTTP/1.1\r\n\r\n", 400),
        (b"GET /api/v1/ping HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (head("GET", "/api/v1/ping", *(f"X-{number}: 1\r\n" for number in range(300))), 431),
        (head("GET", "/api/v1/ping", f"X: {'x' * 20_000}\r\n"), 431),
        (head("GET", "/api/v1/ping?" + "x" * 20_000), 431),
        (head("GET", "/api/v1/ping", f"X: {'x' * 1_000_000}\r\n"), 431),
        (head("GET", "/api/v1/ping", *["X: 1\r\n"] * 20_000), 431),
        (b"GET /" + b"x" * 500_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 400),
    ],
)  # fmt: skip
def test_a_head_that_is_refused(
    bounded: Running, raw: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    received = exchange(bounded, raw)
    assert statuses(received) == [status]
    answered = json.loads(received.rpartition(b"\r\n\r\n")[2])
    assert answered["statusCode"] == status
    assert len(answered["message"]) > 20
    assert len(caplog.records) == 1
    assert caplog.records[0].levelname == "INFO"


def test_a_head_below_the_limit_passes_with_a_large_body(bounded: Running) -> None:
    raw = post(b'{"name": "' + b"x" * 60_000 + b'"}', f"X: {'x' * 15_000}\r\n", "Connection: close\r\n")
    assert statuses(exchange(bounded, raw)) == [200]


def test_http_1_0_needs_no_host(bounded: Running) -> None:
    assert b" 200 " in exchange(bounded, b"GET /api/v1/ping HTTP/1.0\r\n\r\n")


def test_a_broken_request_waits_for_the_answers_before_it(bounded: Running) -> None:
    raw = post(b'{"question": "one two three", "streaming": true}', path=f"/api/v1/prediction/{FLOW}")
    received = exchange(bounded, raw + b"nonsense\r\n\r\n")
    assert statuses(received) == [200, 400]
    assert received.index(b"[DONE]") < received.index(b"HTTP/1.1 400")


def test_a_broken_body_waits_for_the_answers_before_it(bounded: Running) -> None:
    broken = head("POST", "/api/v1/tools", JSON, "Transfer-Encoding: chunked\r\n") + b"zz\r\n"
    with connect(bounded) as connection:
        connection.sendall(head("GET", "/api/v1/ping") + broken)
        assert statuses(read(connection)) == [200, 400]
        assert connection.recv(1) == b""  # it is closed, and not only silent


@pytest.mark.parametrize("trailer", ["Authorization: Bearer flowise-mock\r\n", "X: 1\r\n" * 300])
def test_a_trailer_is_no_header(bounded: Running, trailer: str) -> None:
    assert AUTH.endswith("Bearer flowise-mock\r\n")
    sent = (
        f"POST /api/v1/tools HTTP/1.1\r\n{HOST}{JSON}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    raw = sent.encode() + CHUNKED.removesuffix(b"\r\n") + trailer.encode() + b"\r\n"
    assert statuses(exchange(bounded, raw)) == [401]
    raw = raw.replace(HOST.encode(), (HOST + AUTH).encode())
    assert statuses(exchange(bounded, raw)) == [200]


def test_a_whole_url_may_have_no_path(bounded: Running, caplog: pytest.LogCaptureFixture) -> None:
    received = exchange(bounded, head("GET", "http://localhost", "Connection: close\r\n"))
    assert statuses(received) == [200]
    assert b"flowise-mock" in received
    assert [record for record in caplog.records if record.exc_info] == []


def test_http_1_0_knows_no_continue(bounded: Running) -> None:
    sent = f"POST /api/v1/tools HTTP/1.0\r\n{AUTH}{JSON}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    assert statuses(exchange(bounded, sent.encode() + b'{"name": "a"}')) == [200]
