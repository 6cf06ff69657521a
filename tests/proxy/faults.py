"""Faults of servers and clients: what both sides see, directly and through the relay.

A case is a server, which does something with each connection it accepts, and a client. Both write down what they saw:
the bytes, and how the connection ended. `python -m proxy.faults` in tests/ prints the table.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from flowise_mock.proxy.exchange import Exchange
from flowise_mock.proxy.relay import Relay
from flowise_mock.proxy.upstream import Upstream

WAIT = 0.6
"""Seconds after which a side that hears nothing gives up."""
ASK = b"POST /api/v1/prediction/1 HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /api/v1/ping HTTP/1.1\r\nHost: %s\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Seen:
    """What one side received, and how the connection ended: `end`, `reset` or `silence`."""

    data: bytes = b""
    end: str = ""

    def read(self, sock: socket.socket, until: bytes | None = None) -> bytes:
        """Read to the end, or until the data has some bytes."""
        sock.settimeout(WAIT)
        while until is None or until not in self.data:
            try:
                piece = sock.recv(65536)
            except TimeoutError:
                self.end = "silence"
                break
            except OSError:
                self.end = "reset"
                break
            if not piece:
                self.end = "end"
                break
            self.data += piece
        return self.data


Act = Callable[[socket.socket, Seen], None]


@dataclass(frozen=True)
class Case:
    """A fault: what the server does with a connection, what the client does, and whether its timing matters."""

    name: str
    server: Act
    client: Act
    differs: str = ""
    """What the client sees through the relay, if it cannot be the same."""


@dataclass
class Result:
    client: Seen = field(default_factory=Seen)
    server: Seen = field(default_factory=Seen)


# --- servers -----------------------------------------------------------------------------------------


def answers(*pieces: bytes, reset: bool = False, pause: float = 0.0, until: bytes = b"{}") -> Act:
    """Read a request, send pieces, and close, perhaps with a reset."""

    def act(sock: socket.socket, seen: Seen) -> None:
        seen.read(sock, until)
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)
        if reset:
            sever(sock)

    return act


def sever(sock: socket.socket) -> None:
    """Close a connection with a reset (RST)."""
    time.sleep(0.05)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def silent(sock: socket.socket, seen: Seen) -> None:
    seen.read(sock, b"{}")
    time.sleep(2 * WAIT)


def closes(sock: socket.socket, seen: Seen) -> None:
    return


def large(sock: socket.socket, seen: Seen) -> None:
    seen.read(sock, b"{}")
    sock.settimeout(20)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\nConnection: close\r\n\r\n")
    for number in range(100):
        sock.sendall(bytes([number]) * 1024 * 1024)


def reads_body(sock: socket.socket, seen: Seen) -> None:
    """Read what comes until the client is gone."""
    seen.read(sock)


def streams_on(sock: socket.socket, seen: Seen) -> None:
    """Send a stream until the client is gone."""
    seen.read(sock, b"{}")
    sock.sendall(CHUNKED)
    try:
        for _ in range(60):
            sock.sendall(b"5\r\nhello\r\n")
            time.sleep(0.01)
    except OSError:
        seen.end = "reset"


def echoes(sock: socket.socket, seen: Seen) -> None:
    """Switch protocols, and send back what comes."""
    seen.read(sock, b"\r\n\r\n")
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: upgrade\r\n\r\n")
    sock.settimeout(WAIT)
    while piece := sock.recv(1000):
        seen.data += piece
        sock.sendall(piece)


def answers_each(sock: socket.socket, seen: Seen) -> None:
    """Answer two requests that come at once."""
    seen.read(sock, b"two")
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2")


def half_closes(sock: socket.socket, seen: Seen) -> None:
    """Answer, send no more, and read on."""
    seen.read(sock, b"{}")
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    sock.shutdown(socket.SHUT_WR)
    seen.read(sock)


def continues(sock: socket.socket, seen: Seen) -> None:
    seen.read(sock, b"\r\n\r\n")
    sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    seen.read(sock, b"body")
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def refuses_early(sock: socket.socket, seen: Seen) -> None:
    """Refuse a body that has not come yet."""
    seen.read(sock, b"\r\n\r\n")
    sock.sendall(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    sock.shutdown(socket.SHUT_WR)
    seen.read(sock)


# --- clients -----------------------------------------------------------------------------------------


def sends(*pieces: bytes, pause: float = 0.0) -> Act:
    """Send pieces, and read to the end."""

    def act(sock: socket.socket, seen: Seen) -> None:
        for piece in pieces:
            sock.sendall(piece % host(sock) if b"%s" in piece else piece)
            time.sleep(pause)
        seen.read(sock)

    return act


asks = sends(ASK)


def host(sock: socket.socket) -> bytes:
    name, port = sock.getpeername()[:2]
    return f"{name}:{port}".encode()


def leaves_in_body(sock: socket.socket, seen: Seen) -> None:
    sock.sendall(b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\nhalf" % host(sock))


def resets_in_body(sock: socket.socket, seen: Seen) -> None:
    leaves_in_body(sock, seen)
    sever(sock)


def leaves_in_stream(sock: socket.socket, seen: Seen) -> None:
    sock.sendall(ASK % host(sock))
    seen.read(sock, b"hello")
    seen.data = b""  # how much has come by now is chance
    sever(sock)


def half_closes_after(sock: socket.socket, seen: Seen) -> None:
    sock.sendall(ASK % host(sock))
    sock.shutdown(socket.SHUT_WR)
    seen.read(sock)


def digests(sock: socket.socket, seen: Seen) -> None:
    sock.sendall(ASK % host(sock))
    sock.settimeout(20)
    found, size = hashlib.sha256(), 0
    while piece := sock.recv(1 << 20):
        found.update(piece)
        size += len(piece)
    seen.data = f"{size} bytes, sha256 {found.hexdigest()}".encode()
    seen.end = "end"


def reads_slowly(sock: socket.socket, seen: Seen) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.sendall(ASK % host(sock))
    time.sleep(0.3)
    digests_rest(sock, seen)


def digests_rest(sock: socket.socket, seen: Seen) -> None:
    sock.settimeout(20)
    size = 0
    while piece := sock.recv(1 << 20):
        size += len(piece)
    seen.data, seen.end = f"{size} bytes".encode(), "end"


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PACKED = zlib.compress(b'{"text":"hello"}' * 20)
CASES = (
    Case("server refuses connections", closes, asks, differs="reset"),
    Case("server never answers", silent, asks),
    Case("server closes at once", closes, sends()),
    Case("server resets before an answer", answers(reset=True), asks),
    Case("server sends garbage", answers(b"\x16\x03\x01 this is no HTTP\r\n\r\n\x00"), asks),
    Case("server closes in the head", answers(b"HTTP/1.1 200 OK\r\nContent-Le"), asks),
    Case("server closes in the body", answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nha"), asks),
    Case("server closes in a chunk", answers(CHUNKED, b"5\r\nhello\r\nff\r\nhalf"), asks),
    Case("server resets in a stream", answers(CHUNKED, b"5\r\nhello\r\n", reset=True), asks),
    Case("server sends a size that is no number", answers(CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"), asks),
    Case("server sends a body without a length", answers(b"HTTP/1.0 200 OK\r\n\r\n", b"one ", b"two"), asks),
    Case("server sends 100 MB", large, digests),
    Case("server sends 100 MB, client reads slowly", large, reads_slowly),
    Case(
        "server redirects",
        answers(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"),
        asks,
    ),
    Case("server sends one byte at a time", answers(*(bytes([each]) for each in OK), pause=0.005), asks),
    Case("server sends early hints", answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK), asks),
    Case("server sends trailers", answers(CHUNKED, b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), asks),
    Case(
        "server sends odd headers",
        answers(b"HTTP/1.1 200 fine\r\nset-COOKIE: a=1\r\nSet-Cookie: b=2\r\nX: \xe9\r\n y\r\n\r\nbody"),
        asks,
    ),
    Case("server ends lines with LF alone", answers(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), asks),
    Case(
        "server compresses",
        answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED),
        asks,
    ),
    Case("server refuses a body before it comes", refuses_early, sends(
        b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000, pause=0.05)),
    Case("server sends no more, and reads on", half_closes, asks),
    Case("server switches protocols", echoes, sends(
        b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n", b"\x00ping", b"\xffpong",
        pause=0.05)),
    Case("server says to continue", continues, sends(
        b"POST / HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", b"body", pause=0.05)),
    Case("server answers HEAD", answers(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", until=b"\r\n\r\n"),
         sends(b"HEAD / HTTP/1.1\r\nHost: %s\r\n\r\n")),
    Case("client sends two requests at once", answers_each, sends(
        b"GET /one HTTP/1.1\r\nHost: %s\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nA: two\r\n\r\n")),
    Case("client sends chunks", answers(OK, until=b"\r\n0\r\n\r\n"), sends(
        b"POST / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n", b"4;a=b\r\nbody\r\n", b"0\r\n\r\n")),
    Case("client sends garbage", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n", until=b"!"), sends(b"\x00\x01 hello!\r\n")),
    Case("client speaks HTTP/2", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n", until=b"SM"),
         sends(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
    Case("client sends a long header", answers(b"HTTP/1.1 431 Too Large\r\n\r\n", until=b"\r\n\r\n"), sends(
        b"GET / HTTP/1.1\r\nHost: %s\r\nX: " + b"x" * 400_000 + b"\r\n\r\n")),
    Case("client sends its head slowly", answers(OK, until=b"\r\n\r\n"), sends(
        b"GET / HT", b"TP/1.1\r", b"\nHo", b"st: 127.0.0.1\r\nA: b", b"\r\n\r\n", pause=0.03)),
    Case("client leaves in the body", reads_body, leaves_in_body),
    Case("client resets in the body", reads_body, resets_in_body),
    Case("client leaves in a stream", streams_on, leaves_in_stream),
    Case("client sends no more, and waits", answers(OK), half_closes_after),
)  # fmt: skip


# --- running a case ----------------------------------------------------------------------------------


def directly(case: Case) -> Result:
    result = Result()
    with serving(case, result) as port:
        call(case, port, result)
    return result


def relayed(case: Case) -> tuple[Result, list[Exchange]]:
    """What both sides see through the relay, and the exchanges that it noted."""
    result = Result()
    exchanges: list[Exchange] = []
    with serving(case, result) as port, relay(port, exchanges) as own:
        call(case, own, result)
    return result, exchanges


def call(case: Case, port: int, result: Result) -> None:
    """Run the client."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), 5)) as sock:
            case.client(sock, result.client)
    except ConnectionRefusedError:
        result.client.end = "refused"
    except OSError:
        result.client.end = "reset"


@contextmanager
def serving(case: Case, result: Result) -> Iterator[int]:
    """A server that accepts one connection; its port. The end waits for it."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        if case.name == "server refuses connections":
            listening.close()
            yield port
            return
        listening.listen(5)
        listening.settimeout(5)

        def serve() -> None:
            sock, _ = listening.accept()
            with closing(sock):
                try:
                    case.server(sock, result.server)
                except OSError:
                    result.server.end = "reset"

        thread = threading.Thread(target=serve)
        thread.start()
        yield port
        thread.join(10)
        assert not thread.is_alive()
        result.server.data = result.server.data.replace(f":{port}".encode(), b":PORT")


@contextmanager
def relay(
    port: int, exchanges: list[Exchange], own_port: int = 0, notices: list[str] | None = None
) -> Iterator[int]:
    """The relay, in a thread of this process; its port."""
    notices = [] if notices is None else notices
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    found: list[int] = []

    async def run() -> None:
        made = Relay(Upstream.of(f"http://127.0.0.1:{port}"), exchanges.append, notices.append)
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", own_port))
        await made.start(bound)
        found.append(bound.getsockname()[1])
        started.set()
        await stop.wait()
        await made.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    started.wait(5)
    try:
        yield found[0]
    finally:
        time.sleep(0.02)
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()


def shown(seen: Seen) -> str:
    data = seen.data if len(seen.data) < 60 else seen.data[:40] + b"... %d bytes" % len(seen.data)
    return f"{data!r}, {seen.end or 'left'}"


def main() -> None:
    for case in CASES:
        plain, (other, _) = directly(case), relayed(case)
        verdict = "same" if plain == other else f"DIFFERENT {shown(other.client)} | {shown(other.server)}"
        print(f"{case.name}: client {shown(plain.client)}; server {shown(plain.server)}: {verdict}")


if __name__ == "__main__":
    main()
