"""What is written to clients: sent together, as each write may wake one, limited while they read nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from flowise_mock.engine.http_limits import HTTPLimits

MOST = 64 * 1024
"""Bytes that wait for the end of a turn; only a transport knows whether its client reads."""


class Unsent:
    """What waits to be read by one client, from `pause` to `resume`. `stalled` are all that wait now."""

    __slots__ = ("_limits", "_loop", "_progress", "_resumed", "_stalled", "_transport", "is_paused")

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        limits: HTTPLimits,
        stalled: set[Unsent],
    ) -> None:
        self.is_paused = False
        self._transport = transport
        self._loop = loop
        self._limits = limits
        self._stalled = stalled
        self._progress: asyncio.TimerHandle | None = None
        self._resumed: asyncio.Event | None = None

    def pause(self) -> None:
        """Much waits: if it is too much for several together, close the connection for which most does."""
        self.is_paused = True
        self._stalled.add(self)
        self._watch(self._size())
        sizes = {each: each._size() for each in self._stalled if not each._transport.is_closing()}
        if len(sizes) > 1 and sum(sizes.values()) > self._limits.unsent_bytes:
            max(sizes, key=lambda each: sizes[each])._transport.abort()

    def resume(self) -> None:
        """The client has read most of it, or has left."""
        self.is_paused = False
        if self._resumed is not None:
            self._resumed.set()
        self._stalled.discard(self)
        if self._progress is not None:
            self._progress.cancel()
            self._progress = None

    async def drained(self) -> None:
        """Wait until `resume`."""
        if self._resumed is None:
            self._resumed = asyncio.Event()
        self._resumed.clear()
        await self._resumed.wait()

    def _size(self) -> int:
        return self._transport.get_write_buffer_size()

    def _watch(self, before: int) -> None:
        """Close the connection if the client reads nothing for so long."""
        self._progress = self._loop.call_later(self._limits.write_seconds, self._check_progress, before)

    def _check_progress(self, before: int) -> None:
        size = self._size()
        if size >= before:
            self._transport.abort()
        else:
            self._watch(size)


class Outbox:
    """The writes that wait for the end of a turn, in their order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._size = 0

    def add(self, transport: asyncio.Transport, data: bytes, loop: asyncio.AbstractEventLoop) -> None:
        if not self._waiting:
            loop.call_soon(self.flush)
        self._waiting.append((transport, data))
        self._size += len(data)
        if self._size > MOST:
            self.flush()

    def flush(self) -> None:
        """Send now what waits."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)


class Outgoing:
    """The transport of one connection, whose writes go through the outbox."""

    def __init__(self, transport: asyncio.Transport, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._outbox = outbox
        self._loop = loop
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Any) -> None:
        self._outbox.add(self._transport, data, self._loop)

    def write_eof(self) -> None:
        self._outbox.flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._outbox.flush()
        self._transport.close()

    def abort(self) -> None:
        self._outbox.flush()
        self._transport.abort()
