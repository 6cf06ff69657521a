"""Event streams, framed as Flowise frames them: one event, one frame, one write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from starlette.types import Receive, Send

from flowise_mock.state.outcomes import Streamed

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


def frame(name: str, data: Any) -> bytes:
    """One event: a `message:` line, a `data:` line of compact JSON without a blank, an empty line."""
    return b"message:\ndata:" + orjson.dumps({"event": name, "data": data}) + b"\n\n"


def bare_frame(name: str, data: Any) -> bytes:
    """As older servers frame some events: the first line lacks its colon."""
    return frame(name, data).replace(b":", b"", 1)


def named_frame(name: str, data: Any) -> bytes:
    """One event of speech, which has a real `event:` line and a blank after `data:`."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"event": name, "data": data}) + b"\n\n"


HEARTBEAT = b":heartbeat\n\n"


class Streams:
    """The streams that are open on one server.

    A comment goes to all of them every `interval` seconds, from one timer that runs while any is open.
    """

    def __init__(self, interval: float = 30.0) -> None:
        self.interval = interval
        self.bare: frozenset[str] = frozenset()
        self._open: dict[asyncio.Task[None], Send] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._beats: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End all of them, and those that are about to open; their responses are completed."""
        self._closed = True
        for telling in list(self._open):
            telling.cancel()

    def _wind(self) -> None:
        """Set the timer where a stream is open and none is set."""
        if self._open and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval, self._beat)

    def _beat(self) -> None:
        self._timer = None
        for send in self._open.values():
            beat = asyncio.ensure_future(_heartbeat(send))
            self._beats.add(beat)
            beat.add_done_callback(self._beats.discard)
        self._wind()

    def framed(self, name: str, data: Any) -> bytes:
        """An event of a prediction, as this server frames it."""
        return bare_frame(name, data) if name in self.bare else frame(name, data)

    async def send(self, streamed: Streamed, receive: Receive, send: Send) -> None:
        """Send events as they come; a client that goes away, or `close`, ends them."""
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        make = named_frame if streamed.named else self.framed
        telling = asyncio.ensure_future(_tell(streamed.events, make, send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._open[telling] = send
        self._wind()
        if self._closed:
            telling.cancel()
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._open[telling]
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


async def _heartbeat(send: Send) -> None:
    await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
