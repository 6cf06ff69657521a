"""The connection of one request: ASGI cannot close or reset it; this does, through uvicorn's transport."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import Receive, Send

from flowise_mock.engine import private_api


class Connection:
    """The connection that a request came over. `receive` and `send` are the server's own."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    @property
    def has_left(self) -> bool:
        """Whether the client closed the connection."""
        return private_api.has_left(self._send)

    async def closed(self) -> None:
        """Wait until the client, or the server, has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

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
            await self._end("abort")

    async def close(self) -> None:
        """Close the connection after everything is sent, whether or not the response is complete."""
        await self._end("close")

    async def reset(self) -> None:
        """Reset the connection: the client sees an error, and not an end."""
        transport = private_api.transport(self._send)
        if transport is not None:
            linger = struct.pack("ii", 1, 0)  # discard what is unsent, and send RST
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await self._end("abort")

    async def _end(self, how: str) -> None:
        transport = private_api.transport(self._send)
        if transport is not None:
            getattr(transport, how)()
            await self.closed()
