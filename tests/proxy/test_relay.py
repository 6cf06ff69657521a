"""The relay: what both sides see through it is what they see without it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import closing
from threading import Thread

import pytest

from flowise_mock.proxy.exchange import Exchange
from flowise_mock.proxy.relay import Relay
from flowise_mock.proxy.upstream import Upstream
from proxy import faults
from proxy.faults import ASK, CASES, OK, Act, Case, Result, Seen


def until(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_both_sides_see_the_same_as_without_the_relay(case: Case) -> None:
    plain = faults.directly(case)
    other, _ = faults.relayed(case)
    if case.differs:
        plain.client.end = case.differs
    assert other == plain


def relayed(server: Act, client: Act) -> tuple[Result, list[Exchange]]:
    return faults.relayed(Case("", server, client))


def test_an_exchange_has_what_was_sent_and_what_came() -> None:
    server = faults.answers(faults.CHUNKED, b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n", pause=0.05)
    _, found = relayed(server, faults.asks)
    [exchange] = found
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/api/v1/prediction/1", 200)
    assert (exchange.request, exchange.response, exchange.whole) == (b"{}", b"onetwo", True)
    sizes = [size for _, size in exchange.arrivals]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 6
    first, last = exchange.arrivals[0][0], exchange.arrivals[-1][0]
    assert last - first > 80


@pytest.mark.parametrize(
    ("server", "client", "failure"),
    [
        (faults.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), faults.asks, "the server left in the middle"),
        (faults.closes, faults.asks, "the server left before a response"),
        (faults.streams_on, faults.leaves_in_stream, "the client left in the middle of the response"),
        (faults.reads_body, faults.resets_in_body, "the client left in the middle of the request"),
    ],
)  # fmt: skip
def test_an_exchange_says_who_left(server: Act, client: Act, failure: str) -> None:
    _, found = relayed(server, client)
    assert [each.failure[: len(failure)] for each in found] == [failure]
    assert not found[0].whole


def test_requests_at_once_are_two_exchanges() -> None:
    case = next(each for each in CASES if each.name == "client sends two requests at once")
    _, found = faults.relayed(case)
    assert [(each.path, each.response) for each in found] == [("/one", b"1"), ("/two", b"2")]


def test_a_body_too_long_to_keep_goes_through_whole() -> None:
    case = next(each for each in CASES if each.name == "server sends 100 MB")
    result, [exchange] = faults.relayed(case)
    assert result.client.data.startswith(b"104857665 bytes")
    assert exchange.response_length == 100 * 1024 * 1024
    assert len(exchange.response) <= 8 * 1024 * 1024
    assert not exchange.whole


def test_what_is_no_http_is_no_exchange() -> None:
    case = next(each for each in CASES if each.name == "client sends garbage")
    assert faults.relayed(case)[1] == []


def test_a_connection_goes_on_after_an_exchange() -> None:
    def server(sock: socket.socket, seen: Seen) -> None:
        for _ in range(3):
            seen.data = b""
            seen.read(sock, b"{}")
            sock.sendall(OK)

    def client(sock: socket.socket, seen: Seen) -> None:
        for _ in range(3):
            sock.sendall(ASK % faults.host(sock))
            seen.data = b""
            seen.read(sock, b"ok")

    _, found = relayed(server, client)
    assert [each.response for each in found] == [b"ok"] * 3


def test_a_host_of_the_client_s_own_stays() -> None:
    sent = b"GET / HTTP/1.1\r\nHost: flowise.example\r\n\r\n"
    result, _ = relayed(faults.answers(OK, until=b"\r\n\r\n"), faults.sends(sent))
    assert result.server.data == sent


def test_a_slow_client_holds_the_server_and_no_memory() -> None:
    """The relay stops reading from a server whose client does not read."""
    sent: list[int] = []

    def server(sock: socket.socket, seen: Seen) -> None:
        seen.read(sock, b"{}")
        sock.settimeout(1.0)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                sent.append(sock.send(bytes(1 << 16)))
        except OSError:
            return

    def client(sock: socket.socket, seen: Seen) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(ASK % faults.host(sock))
        time.sleep(1.5)

    relayed(server, client)
    assert sum(sent) < 30_000_000  # what the kernel holds of three sockets


def test_a_server_that_is_the_proxy_is_found_at_the_connection() -> None:
    """A name may lead back to the proxy later than at its start."""
    found: list[Exchange] = []
    notices: list[str] = []
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with faults.relay(port, found, port, notices) as own:
        answers: list[bytes] = []

        def ask() -> None:
            with closing(socket.create_connection(("127.0.0.1", own), 5)) as sock:
                seen = Seen()
                faults.asks(sock, seen)
                answers.append(seen.end.encode())

        thread = Thread(target=ask)
        thread.start()
        thread.join(5)
        time.sleep(0.2)
    assert answers == [b"reset"]
    assert len(found) <= 1
    assert 1 <= len(notices) <= 6, "the proxy connects to itself on and on"


def test_small_writes_are_not_held_back() -> None:
    """Without TCP_NODELAY the second of two small writes waits for the acknowledgement of the first, 40 ms."""

    async def delays() -> list[int]:
        exchanges: list[Exchange] = []
        accepted: list[asyncio.StreamWriter] = []
        upstream = await asyncio.start_server(lambda reader, writer: accepted.append(writer), "127.0.0.1", 0)
        relay = Relay(
            Upstream.of(f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"), exchanges.append
        )
        bound = socket.create_server(("127.0.0.1", 0))
        await relay.start(bound)
        _, writer = await asyncio.open_connection(*bound.getsockname())
        while len(relay.sides) < 2 or not accepted:
            await asyncio.sleep(0.01)
        found = [side.option(socket.TCP_NODELAY) for side in relay.sides]
        await relay.stop()
        for each in [writer, *accepted]:
            each.close()
            await each.wait_closed()
        upstream.close()
        return found

    assert asyncio.run(delays()) == [1, 1]
