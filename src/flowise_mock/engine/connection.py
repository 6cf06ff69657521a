"""The connection that an answer goes over, as uvicorn has it: ASGI has no word for closing it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

SEND = "flowise_mock.send"
"""Where the server's own send is left among the scope's extensions: its object has the connection."""


def known(app: ASGIApp) -> ASGIApp:
    """The app, outermost: what lies within can close the connection."""

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("extensions", {})[SEND] = send
        await app(scope, receive, send)

    return outermost


def _transport(scope: Scope) -> Any:
    """The transport; None where no uvicorn is there."""
    return getattr(getattr(scope["extensions"].get(SEND), "__self__", None), "transport", None)


async def left(receive: Receive) -> None:
    """Wait until the client, or the server, has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def wait(receive: Receive, seconds: float) -> bool:
    """Wait so long, or until the client leaves; whether it left."""
    try:
        await asyncio.wait_for(left(receive), seconds)
    except TimeoutError:
        return False
    return True


async def leave_open(scope: Scope, receive: Receive, seconds: float) -> None:
    """Send nothing until the client gives up, or the time is over; then close the connection."""
    if not await wait(receive, seconds):
        await _ended(scope, receive, "abort")


async def close(scope: Scope, receive: Receive) -> None:
    """Close the connection once all is sent, whether or not the answer is complete."""
    await _ended(scope, receive, "close")


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection: the client sees an error, not an end."""
    transport = _transport(scope)
    if transport is not None:
        linger = struct.pack("ii", 1, 0)  # do not wait: throw away and send RST
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    await _ended(scope, receive, "abort")


async def _ended(scope: Scope, receive: Receive, how: str) -> None:
    transport = _transport(scope)
    if transport is not None:
        getattr(transport, how)()
        await left(receive)
