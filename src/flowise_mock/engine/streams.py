"""Event streams, framed as Flowise frames them: one event, one frame, one write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from starlette.types import Receive, Send

from flowise_mock.outcomes import Streamed

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


def frame(name: str, data: Any) -> bytes:
    """One event: a `message:` line, a `data:` line of compact JSON without a blank, an empty line."""
    return b"message:\ndata:" + orjson.dumps({"event": name, "data": data}) + b"\n\n"


def named_frame(name: str, data: Any) -> bytes:
    """One event of speech, which has a real `event:` line and a blank after `data:`."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"event": name, "data": data}) + b"\n\n"


class Streams:
    """The streams that are open on one server."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """End all of them; their responses are completed."""
        for telling in self._open:
            telling.cancel()

    async def send(self, streamed: Streamed, receive: Receive, send: Send) -> None:
        """Send events as they come; a client that goes away, or `close`, ends them."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        make = named_frame if streamed.named else frame
        telling = asyncio.ensure_future(_tell(streamed.events, make, send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._open.add(telling)
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(telling)
            leaving.cancel()
            telling.cancel()
            ended, _ = await asyncio.gather(telling, leaving, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        await send({"type": "http.response.body", "body": b""})


async def _tell(
    events: AsyncIterator[tuple[str, Any]], make: Callable[[str, Any], bytes], send: Send
) -> None:
    async for name, data in events:
        await send({"type": "http.response.body", "body": make(name, data), "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
