"""What connections write in one turn of the event loop, sent together: each write may wake a client."""

from __future__ import annotations

import asyncio
from typing import Any

MOST = 64 * 1024
"""Bytes that wait for the end of a turn; only a transport knows whether its client reads."""


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
