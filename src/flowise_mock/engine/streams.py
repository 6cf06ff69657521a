"""Event streams, framed as Flowise frames them: one event, one frame, one write.

A stream that is late sends the frames that are due together in one write, so that it catches up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import orjson
from starlette.types import Send

from flowise_mock.engine.connection import Connection
from flowise_mock.engine.timer_wheel import TimerWheel
from flowise_mock.state.outcomes import EventStream, Pause

Event = tuple[str, Any]
WhenLeft = Callable[[Callable[[], None]], Callable[[], object]]
"""Calls a function if the client leaves; returns what ends that."""
BUFFERING = (b"x-accel-buffering", b"no")
"""The header that events of speech and of MCP lack."""
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    BUFFERING,
]
HEARTBEAT = b":heartbeat\n\n"
LATE = 0.02
"""Seconds after which a pause counts as missed."""
MAX_TOGETHER = 16
"""Frames that a late stream sends in one write."""
BEATS = 200
"""Heartbeats that are sent before other work gets its turn."""


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
        self._wheel = TimerWheel()
        self._open: set[_Delivery] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._heartbeats: set[asyncio.Task[None]] = set()
        self._frames = {
            "prediction": self.frame,
            "speech": speech_frame,
            "plain": plain_frame,
            "rpc": plain_frame,
        }

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End all streams, and those that are about to open; their responses are completed."""
        self._closed = True
        for delivery in self._open:
            delivery.end()

    def end(self, group: str) -> int:
        """End the streams of a group; returns their number."""
        ended = [delivery for delivery in self._open if delivery.group == group]
        for delivery in ended:
            delivery.end()
        return len(ended)

    def _set_timer(self) -> None:
        """Set the timer if a stream is open and none is set."""
        if self._open and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval, self._beat)

    def _beat(self) -> None:
        self._timer = None
        self._hold(self._beat_all())
        self._set_timer()

    async def _beat_all(self) -> None:
        for number, delivery in enumerate(list(self._open), start=1):
            if not delivery.over:
                self._hold(_write(delivery.send, HEARTBEAT))
            if number % BEATS == 0:
                await asyncio.sleep(0)

    def _hold(self, heartbeat: Coroutine[Any, Any, None]) -> None:
        """Start a task; one that nobody holds may be collected."""
        task = asyncio.ensure_future(heartbeat)
        self._heartbeats.add(task)
        task.add_done_callback(self._heartbeats.discard)

    def frame(self, name: str, data: Any) -> bytes:
        """An event of a prediction, as this server frames it."""
        return bare_frame(name, data) if name in self.bare_events else frame(name, data)

    async def send(
        self, stream: EventStream, send: Send, connection: Connection, group: str, when_left: WhenLeft
    ) -> None:
        """Send events as they come; a client that leaves, `close`, or `end` of its group ends them."""
        headers = [each for each in HEADERS if stream.framing not in ("speech", "rpc") or each != BUFFERING]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        delivery = _Delivery(self._frames[stream.framing], self._wheel, send, connection, group)
        stay = when_left(delivery.left)
        self._open.add(delivery)
        self._set_timer()
        try:
            if not self._closed:
                await delivery.run(stream.events)
        except asyncio.CancelledError:
            if not delivery.is_ended:
                raise
            delivery.task.uncancel()
        finally:
            self._open.discard(delivery)
            stay()
            await close(stream.events)
        await delivery.complete()


class _Delivery:
    """The events of one stream on their way to the client. `over` means that it gets no more of them.

    They are delivered by the task that made it. `is_ended` says that `end` cancelled it.
    """

    __slots__ = ("_connection", "_make", "_wheel", "group", "is_ended", "over", "send", "task")

    def __init__(
        self,
        make: Callable[[str, Any], bytes],
        wheel: TimerWheel,
        send: Send,
        connection: Connection,
        group: str,
    ) -> None:
        self.send = send
        self.group = group
        self.over = False
        self.is_ended = False
        self._make = make
        self._wheel = wheel
        self._connection = connection
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    def end(self) -> None:
        """End the delivery where it waits."""
        if not self.is_ended:
            self.is_ended = True
            self.task.cancel()

    def left(self) -> None:
        """End the delivery if the client leaves before it has the whole response."""
        if not self.over:
            self.end()

    async def run(self, events: AsyncIterator[Event | Pause | Complete | Cut]) -> None:
        clock, send = asyncio.get_running_loop().time, self.send
        late: list[bytes] = []
        is_late = False
        async for event in events:
            if type(event) is tuple and not is_late and not self.over:
                body = self._make(*event)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            elif isinstance(event, Pause):
                behind = clock() - event.until
                is_late = behind > LATE
                if is_late and len(late) < MAX_TOGETHER:
                    continue
                if late:
                    await self._write(late)
                await (self._wheel.wait(event.until) if behind < 0 else asyncio.sleep(0))
            elif self.over:
                continue
            elif isinstance(event, Complete):
                await self._write(late)
                await self.complete()
            elif isinstance(event, Cut):
                await self._write(late)
                await self._cut(event.event)
            else:
                late.append(self._make(*event))
        await self._write(late)

    async def _write(self, frames: list[bytes]) -> None:
        """Write the frames of a late stream in one."""
        if frames and not self.over:
            await _write(self.send, b"".join(frames))
        frames.clear()

    async def complete(self) -> None:
        if not self.over:
            self.over = True
            await self.send({"type": "http.response.body", "body": b""})

    async def _cut(self, event: Event) -> None:
        self.over = True
        body = self._make(*event)
        await _write(self.send, body[: len(body) // 2])
        await self._connection.close()


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def close(events: AsyncIterator[Any]) -> None:
    """Let a generator end where it is, if it has not ended."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()
