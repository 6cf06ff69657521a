"""A timer wheel: one timer of the event loop for the pauses of thousands of streams."""

from __future__ import annotations

import asyncio
import heapq
import math

TICK = 0.004
"""Seconds between two ticks; a pause ends at the tick after its end."""


class TimerWheel:
    """Wakes everything that waits for the same tick at once."""

    def __init__(self, tick: float = TICK) -> None:
        self._tick = tick
        self._begin(None)

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._ticks: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, until: float) -> asyncio.Future[None]:
        """A future that is done at that time of the event loop's clock."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an app that is used by one loop after the other
            self._begin(loop)
        tick = math.ceil(until / self._tick)
        future = loop.create_future()
        if tick in self._waiting:
            self._waiting[tick].append(future)
        else:
            self._waiting[tick] = [future]
            heapq.heappush(self._ticks, tick)
            if tick == self._ticks[0]:
                self._set_timer(loop)
        return future

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._ticks[0] * self._tick, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._ticks and self._ticks[0] * self._tick <= now + self._tick / 4:
            for future in self._waiting.pop(heapq.heappop(self._ticks)):
                if not future.done():
                    future.set_result(None)
        if self._ticks:
            self._set_timer(loop)
