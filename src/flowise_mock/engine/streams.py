"""Event streams, framed as Flowise frames them: one event, one frame, one write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import orjson
from starlette.types import Receive, Send

from flowise_mock.engine.connection import Connection
from flowise_mock.state.outcomes import EventStream

Event = tuple[str, Any]
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]
HEARTBEAT = b":heartbeat\n\n"


class Complete(NamedTuple):
    """In the place of an event: complete the response now, and let the run go on unheard."""


class Cut(NamedTuple):
    """In the place of an event: send half its frame, close the connection, and let the run go on."""

    event: Event


def frame(name: str, data: Any) -> bytes:
    """One event: a `message:` line, a `data:` line of compact JSON without a blank, an empty line."""
    return b"message:\ndata:" + orjson.dumps({"event": name, "data": data}) + b"\n\n"


def bare_frame(name: str, data: Any) -> bytes:
    """One event as older servers frame some: the first line has no colon."""
    return frame(name, data).replace(b":", b"", 1)


def speech_frame(name: str, data: Any) -> bytes:
    """One event of speech: a real `event:` line, and a blank after `data:`."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"event": name, "data": data}) + b"\n\n"


def plain_frame(name: str, data: Any) -> bytes:
    """One event as the HTML standard has it: its name, and its data."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


class Streams:
    """The open streams of one server. `bare_events` are the events that are framed by `bare_frame`.

    Every `interval` seconds a comment goes to all of them, from one timer that runs while any is open.
    """

    def __init__(self, interval: float = 30.0) -> None:
        self.interval = interval
        self.bare_events: frozenset[str] = frozenset()
        self._open: dict[asyncio.Task[None], tuple[str, Send]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._heartbeats: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End all streams, and those that are about to open; their responses are completed."""
        self._closed = True
        for delivery in list(self._open):
            delivery.cancel()

    def end(self, group: str) -> int:
        """End the streams of a group; returns their number."""
        ended = [delivery for delivery, (each, _) in self._open.items() if each == group]
        for delivery in ended:
            delivery.cancel()
        return len(ended)

    def _set_timer(self) -> None:
        """Set the timer if a stream is open and none is set."""
        if self._open and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval, self._beat)

    def _beat(self) -> None:
        self._timer = None
        for _, send in self._open.values():
            heartbeat = asyncio.ensure_future(_write(send, HEARTBEAT))
            self._heartbeats.add(heartbeat)  # a task that nobody holds may be collected
            heartbeat.add_done_callback(self._heartbeats.discard)
        self._set_timer()

    def frame(self, name: str, data: Any) -> bytes:
        """An event of a prediction, as this server frames it."""
        return bare_frame(name, data) if name in self.bare_events else frame(name, data)

    async def send(
        self, stream: EventStream, receive: Receive, send: Send, connection: Connection, group: str = ""
    ) -> None:
        """Send events as they come; a client that leaves, `close`, or `end` of its group ends them."""
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        frames = {"prediction": self.frame, "speech": speech_frame, "plain": plain_frame}
        delivery = _Delivery(frames[stream.framing], send, connection)
        delivering = asyncio.ensure_future(delivery.run(stream.events))
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._open[delivering] = group, delivery.heartbeat
        self._set_timer()
        if self._closed:
            delivering.cancel()
        try:
            await asyncio.wait((delivering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if delivery.over:
                await asyncio.wait((delivering,))
        finally:
            del self._open[delivering]
            leaving.cancel()
            delivering.cancel()
            ended, _ = await asyncio.gather(delivering, leaving, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        await delivery.complete()


class _Delivery:
    """The events of one stream on their way to the client. `over` means that it gets no more of them."""

    def __init__(self, make: Callable[[str, Any], bytes], send: Send, connection: Connection) -> None:
        self.over = False
        self._make = make
        self._send = send
        self._connection = connection

    async def run(self, events: AsyncIterator[Event | Complete | Cut]) -> None:
        async for event in events:
            if self.over:
                continue
            if isinstance(event, Complete):
                await self.complete()
            elif isinstance(event, Cut):
                await self._cut(event.event)
            else:
                await _write(self._send, self._make(*event))

    async def complete(self) -> None:
        if not self.over:
            self.over = True
            await self._send({"type": "http.response.body", "body": b""})

    async def _cut(self, event: Event) -> None:
        self.over = True
        body = self._make(*event)
        await _write(self._send, body[: len(body) // 2])
        await self._connection.close()

    async def heartbeat(self, message: Any) -> None:
        if not self.over:
            await self._send(message)


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
