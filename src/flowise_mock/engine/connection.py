"""The connection of one request: ASGI cannot close or reset it; this does, through the server's transport."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from functools import partial

from starlette.types import Receive, Send

from flowise_mock.engine.http_exchange import Exchange


def has_left(send: Send) -> bool:
    """Whether the client that `send` sends to closed the connection."""
    exchange = getattr(send, "__self__", None)
    return isinstance(exchange, Exchange) and exchange.disconnected


class Connection:
    """The connection that a request came over. `receive` and `send` are the server's own.

    Behind another server than ours it waits, and cannot do more.
    """

    __slots__ = ("_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    @property
    def _exchange(self) -> Exchange | None:
        exchange = getattr(self._send, "__self__", None)
        return exchange if isinstance(exchange, Exchange) else None

    @property
    def has_left(self) -> bool:
        """Whether the client closed the connection."""
        return has_left(self._send)

    async def closed(self) -> None:
        """Wait until the client, or the server, has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def when_left(self, callback: Callable[[], None]) -> Callable[[], object]:
        """Call `callback` once the client leaves, or the response is complete. Returns what ends this."""
        exchange = self._exchange
        if exchange is None:
            return asyncio.ensure_future(self._call_when_closed(callback)).cancel
        if exchange.disconnected:
            callback()
        exchange.on_left = callback
        return partial(setattr, exchange, "on_left", None)

    async def _call_when_closed(self, callback: Callable[[], None]) -> None:
        await self.closed()
        callback()

    async def wait(self, seconds: float) -> bool:
        """Wait so long, or until the client leaves; whether it left."""
        try:
            await asyncio.wait_for(self.closed(), seconds)
        except TimeoutError:
            return False
        return True

    async def leave_open(self, seconds: float) -> None:
        """Send nothing until the client gives up or the time is over; then close the connection."""
        if not await self.wait(seconds):
            await self._abort()

    async def close(self) -> None:
        """Close the connection after everything is sent, whether or not the response is complete."""
        exchange = self._exchange
        if exchange is not None:
            exchange.close()
            await self.closed()

    async def reset(self) -> None:
        """Reset the connection: the client sees an error, and not an end."""
        exchange = self._exchange
        if exchange is not None:
            linger = struct.pack("ii", 1, 0)  # discard what is unsent, and send RST
            exchange.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        await self._abort()

    async def _abort(self) -> None:
        exchange = self._exchange
        if exchange is not None:
            exchange.transport.abort()
            await self.closed()
