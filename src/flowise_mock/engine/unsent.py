"""What was written to a client and not read by it: limited in time for each, and in size for all together."""

from __future__ import annotations

import asyncio

from flowise_mock.engine.http_limits import HTTPLimits


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
