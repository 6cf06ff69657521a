"""The slices of long work: how long it lasts before other requests get their turn."""

from __future__ import annotations

import asyncio
from time import perf_counter

from flowise_mock.engine.connection import Connection
from flowise_mock.engine.requests import ClientDisconnect

SLICE = 0.005
"""Seconds of work between two turns of other requests."""


class Turns:
    """Turns of those that have much to do at once: one in each pass of the event loop."""

    __slots__ = ("_pass",)

    def __init__(self) -> None:
        self._pass = asyncio.Lock()

    async def next(self) -> None:
        async with self._pass:
            await asyncio.sleep(0)


class Slices:
    """The work of one request. The first slice begins with the first pause."""

    __slots__ = ("_connection", "_until")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._until = 0.0

    async def pause(self) -> None:
        """Let others go on if the slice is over. Raises ClientDisconnect if the client has left."""
        if perf_counter() < self._until:
            return
        if self._connection.has_left:
            raise ClientDisconnect
        await asyncio.sleep(0)
        self._until = perf_counter() + SLICE
