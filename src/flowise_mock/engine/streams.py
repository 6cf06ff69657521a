"""Event streams, framed as Flowise frames them: one event, one frame, one write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.types import Receive, Send

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


def frame(name: str, data: Any) -> bytes:
    """One event: a `message:` line, a `data:` line of compact JSON without a blank, an empty line."""
    return b"message:\ndata:" + orjson.dumps({"event": name, "data": data}) + b"\n\n"


async def stream(events: AsyncIterator[tuple[str, Any]], receive: Receive, send: Send) -> None:
    """Send events as they come; a client that goes away ends them."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    telling = asyncio.ensure_future(_tell(events, send))
    leaving = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        telling.cancel()
        done = await asyncio.gather(telling, leaving, return_exceptions=True)
    if isinstance(done[0], Exception):
        raise done[0]


async def _tell(events: AsyncIterator[tuple[str, Any]], send: Send) -> None:
    async for name, data in events:
        await send({"type": "http.response.body", "body": frame(name, data), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
