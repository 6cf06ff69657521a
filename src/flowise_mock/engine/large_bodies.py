"""Large bodies: few are in memory at a time, and other requests are answered between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.http_limits import HTTPLimits
from flowise_mock.engine.slices import Turns

IDLE = 0.5
"""Seconds without a large body after which the memory of the last ones is given back."""


def give_back_memory() -> None:
    """Give unused memory back to the system, if the C library is glibc, which keeps that of large bodies."""
    import ctypes  # only for those that send large bodies

    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class LargeBodies:
    """Reads bodies above `large_bytes` only while all of them are below `large_total_bytes`.

    Others wait unread, so their clients wait as well. A large body is handed on after a pass of the event
    loop, in which other requests get their turn. `give_back` is called in a thread after the last one.
    """

    def __init__(
        self, app: ASGIApp, limits: HTTPLimits, give_back: Callable[[], None] = give_back_memory
    ) -> None:
        self.app = app
        self.limits = limits
        self._free = limits.large_total_bytes
        self._freed = asyncio.Event()
        self._queue = asyncio.Lock()
        self.turns = Turns()
        self._give_back = give_back
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        size = _size(scope)
        if size <= self.limits.large_bytes:
            return self.app(scope, receive, send)
        return self._hold(size, scope, receive, send)

    async def _hold(self, size: int, scope: Scope, receive: Receive, send: Send) -> None:
        body = _LargeBody(self, size, receive)
        try:
            await self.app(scope, body.receive, partial(body.send, send))
        finally:
            body.release()

    async def reserve(self, size: int) -> None:
        async with self._queue:
            while self._free < size:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size

    def release(self, size: int) -> None:
        self._free += size
        self._freed.set()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE, self._after_last)

    def _after_last(self) -> None:
        if self._free == self.limits.large_total_bytes:  # else another one will be the last
            asyncio.get_running_loop().run_in_executor(None, self._give_back)


class _LargeBody:
    """The large body of one request, which counts until the response begins."""

    def __init__(self, bodies: LargeBodies, size: int, receive: Receive) -> None:
        self._bodies = bodies
        self._size = min(size, bodies.limits.large_total_bytes)
        self._receive = receive
        self._reserved = False
        self._is_over = False

    async def receive(self) -> Message:
        if not self._reserved and not self._is_over:
            await self._bodies.reserve(self._size)
            self._reserved = True
        message = await self._receive()
        if not message.get("more_body") and not self._is_over:
            await self._bodies.turns.next()
        return message

    async def send(self, send: Send, message: Message) -> None:
        self.release()
        await send(message)

    def release(self) -> None:
        self._is_over = True
        if self._reserved:
            self._reserved = False
            self._bodies.release(self._size)


def _size(scope: Scope) -> int:
    """The size that a request announces; the most that a body in chunks may be."""
    for name, value in scope.get("headers", ()):
        if name == b"content-length":
            return int(value[:20]) if value.isdigit() else 0
        if name == b"transfer-encoding":
            return 2**62
    return 0
