"""The relay: for each connection of a client one to the server, and bytes in both directions.

A connection is the unit, and not a request: so keep-alive, pipelining, aborts, half-closed connections,
bytes that are no HTTP and the timeouts of the server reach the application as they do without the relay.
One line changes: the header Host names the server, as it does if the application calls it directly. Bytes
of the server go on before they are looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from flowise_mock.proxy.collector import Collector, Sink, Watch
from flowise_mock.proxy.framing import Framer
from flowise_mock.proxy.upstream import Connector, Upstream

HIGH_WATER = 256 * 1024
"""Bytes that wait for one side before the other is read no more."""
SETTLING = 10
"""Rounds of the loop in which connections appear that were accepted before the end, and are cut."""
Notice = Callable[[str], None]


class Relay:
    """Accepts connections and joins each with one to the server. `sink` gets each exchange when it ended."""

    def __init__(self, upstream: Upstream, sink: Sink, notice: Notice = lambda text: None) -> None:
        self.upstream = upstream
        self.connector = Connector(upstream)
        self.collector = Collector(sink)
        self.notice = notice
        self.port = 0
        self.stopped = False
        self.sides: set[Side] = set()
        self._server: asyncio.Server | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def start(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self.port = bound.getsockname()[1]
        self._server = await loop.create_server(lambda: Connection(self).client, sock=bound, backlog=2048)

    async def stop(self) -> None:
        """Accept no more, and cut what is open."""
        self.stopped = True
        if self._server is not None:
            self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for _ in range(SETTLING):
            for side in list(self.sides):
                side.cut()
            await asyncio.sleep(0)


class Connection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.watch = Watch(relay.collector)
        self._own_port = b":%d" % relay.port
        self._host = b"Host: " + relay.upstream.authority.encode() + b"\r\n"
        self._requests = Framer(is_request=True, rewrite=self._line)
        self._responses = Framer(is_request=False, method_of=self.watch.method)
        self.client = Side(self, "client", self.from_client)
        self.server = Side(self, "server", self.from_server)
        self.client.other, self.server.other = self.server, self.client

    def _line(self, line: bytes) -> bytes:
        """A line of a head as the server gets it: a Host that names this proxy names the server instead."""
        own = line[:5].lower() == b"host:" and line.rstrip().endswith(self._own_port)
        return self._host if own else line

    def opened(self) -> None:
        """The client has connected: connect to the server, and read nothing before."""
        self.client.pause()
        task = asyncio.ensure_future(self._connect())
        self.relay.tasks.add(task)
        task.add_done_callback(self.relay.tasks.discard)

    async def _connect(self) -> None:
        try:
            await self.relay.connector.connect(lambda: self.server)
        except (OSError, TimeoutError) as error:
            self.relay.notice(f"{self.relay.upstream.url} does not answer: {error or 'it accepts nothing'}")
            self.client.reset()
            return
        if self.client.lost:
            self.server.reset()
        elif self.server.is_own():
            self.relay.connector.refuse(self.server.peer())
            self.relay.notice(f"{self.relay.upstream.url} is this proxy itself: name the server behind it")
            self.client.reset()
        else:
            self.client.resume()

    def from_client(self, data: bytes) -> None:
        parts = list(self._requests.feed(data))
        forwarded = b"".join([part.raw for part in parts])
        if forwarded:
            self.server.write(forwarded)
        for part in parts:
            self.watch.request(part)

    def from_server(self, data: bytes) -> None:
        self.client.write(data)
        for part in self._responses.feed(data):
            self.watch.response(part)
            if part.head is not None and part.head.status == 101:
                self._requests.become_opaque()
                self._responses.become_opaque()

    def at_end(self, side: Side) -> None:
        """A side has sent all it will send."""
        framer, watch = (
            (self._requests, self.watch.request)
            if side is self.client
            else (self._responses, self.watch.response)
        )
        for part in framer.end():
            if side is self.client and part.raw:
                self.server.write(part.raw)
            watch(part)

    def ended(self, side: Side) -> None:
        """A side is gone."""
        if side is self.server:
            self.at_end(side)
        self.watch.cut("the proxy ended" if self.relay.stopped else f"the {side.name} left")


class Side(asyncio.Protocol):
    """One side of a connection. What comes from it goes to `take`; how it ends, the other side ends too."""

    def __init__(self, connection: Connection, name: str, take: Callable[[bytes], None]) -> None:
        self.name = name
        self.other: Side
        self.lost = False
        self.finished = False
        self._connection = connection
        self._take = take
        self._transport: asyncio.Transport | None = None

    # --- of asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        # asyncio sets it only on sockets that were made with the number of the protocol
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.relay.sides.add(self)
        if self._connection.relay.stopped:
            transport.abort()
        elif self.name == "client":
            self._connection.opened()

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def eof_received(self) -> bool:
        self.finished = True
        self._connection.at_end(self)
        self.other.write_eof()
        if self.other.finished:
            self.other.close()
        return not (self._is_tls() or self.other.finished)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._connection.relay.sides.discard(self)
        self._connection.ended(self)
        if error is None:
            self.other.close()
        else:
            self.other.reset()

    def pause_writing(self) -> None:
        self.other.pause()

    def resume_writing(self) -> None:
        self.other.resume()

    # --- what the other side does ---

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(data)

    def write_eof(self) -> None:
        if self._transport is None or self.lost or self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        else:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self.lost and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Send what waits, and end."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Send what waits, and end with a reset (RST)."""
        if self._transport is None or self.lost:
            return
        found = self._transport.get_extra_info("socket")
        if found is not None and not self._transport.is_closing():
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.close()

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def option(self, name: int) -> int:
        """An option of TCP that its socket has."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, name))

    def peer(self) -> str:
        """The address at the other end."""
        assert self._transport is not None
        return str(self._transport.get_extra_info("peername")[0])

    def is_own(self) -> bool:
        """Whether this connection to the server leads to this proxy."""
        assert self._transport is not None
        listening = self.other._transport.get_extra_info("sockname") if self.other._transport else None
        peer = self._transport.get_extra_info("peername")
        return bool(listening and peer and listening[:2] == peer[:2])

    def _is_tls(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
