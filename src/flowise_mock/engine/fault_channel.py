"""The faults of one request: which one is active, and what it does to events and to bytes.

A fault that replaces the response is raised as `ReplaceResponse`, before the handler runs: nothing is done.
A fault of the stream or of the wire lets the run behind it go on to its end: what the run writes is kept, as
if the response had been lost on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from starlette.types import Message, Send

from flowise_mock.contract.document import Document
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.connection import Connection
from flowise_mock.engine.streams import Complete, Cut, Event, close
from flowise_mock.faults.spec import Fault
from flowise_mock.state.counts import Counts
from flowise_mock.state.outcomes import EventStream, ModelFailure, Pause, RunFailure

_TOKENS = ("token", "tts_data")
_ENDS = ("end", "tts_end")
_LAST = ("metadata", *_ENDS)
Events = AsyncIterator[Event | Pause | Complete | Cut]


class ReplaceResponse(Exception):
    """A fault that replaces the response, on its way from where it starts to the fault middleware."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass
class FaultSettings:
    """What faults need of their server. `hang` is in seconds, `max_body` in bytes."""

    document: Document
    hang: float
    max_body: int


class FaultChannel:
    """What lies between one request's endpoint and its client: it passes all on until a fault is active.

    `requested` is the fault of the request's header; `answers` are those of its operation. `note` gets the
    text about the fault for the access log.
    """

    def __init__(
        self,
        settings: FaultSettings,
        counts: Counts,
        operation: str,
        answers: Answers,
        requested: Fault | None,
        connection: Connection,
        send: Send,
        note: Callable[[str], None],
    ) -> None:
        self.fault: Fault | None = None
        self._settings = settings
        self._counts = counts
        self._operation = operation
        self._answers = answers
        self._requested = requested
        self._connection = connection
        self._send = send
        self._note = note
        self._count = 0
        self._left = 0
        self._over = False

    def trigger(self) -> None:
        """Start the fault that the request's header names."""
        if self._requested is not None:
            self.inject(self._requested)

    def inject(self, fault: Fault) -> None:
        """Start a fault, if it is due at this call. A fault that is already active takes precedence.

        Raises ReplaceResponse if the fault replaces the response.
        """
        if self.fault is not None:
            return
        count = self._counts.next(("fault", self._operation, str(fault)))
        if not fault.is_due(count):
            return
        self._note(f"fault {fault}")
        if fault.spoils == "answer":
            raise ReplaceResponse(fault)
        self.fault, self._count = fault, count

    @property
    def wants_json(self) -> bool:
        """Whether a stream is to be answered as JSON."""
        return self.fault is not None and self.fault.name == "json-instead"

    def without_stream(self) -> None:
        """The response is no stream: a fault of streams has nothing to do."""
        if self.fault is not None and self.fault.spoils == "stream" and not self.wants_json:
            self._note(f"fault {self.fault}, and there was no stream")
            self.fault = None

    # --- events ---

    def spoiled(self, stream: EventStream) -> EventStream:
        """The stream as the active fault lets it through."""
        spoil = _SPOILERS.get(self.fault.name) if self.fault is not None else None
        if spoil is None or self.fault is None:
            return stream
        events = _with_source(spoil(self, self.fault, stream), stream.events)
        return EventStream(events, stream.framing, stream.as_json)  # type: ignore[arg-type]

    async def _lost_content(self, fault: Fault, stream: EventStream) -> Events:
        async for event in stream.events:
            if isinstance(event, Pause) or event[0] in _LAST:
                yield event

    async def _no_end(self, fault: Fault, stream: EventStream) -> Events:
        async for event in stream.events:
            if event[0] not in _ENDS:
                yield event

    async def _never_closed(self, fault: Fault, stream: EventStream) -> Events:
        async for event in stream.events:
            if fault.options["end"] or event[0] not in _ENDS:
                yield event
        yield _pause(fault.options.get("seconds", self._settings.hang))

    async def _slow_first_token(self, fault: Fault, stream: EventStream) -> Events:
        yield _pause(fault.options["ms"] / 1000)
        async for event in stream.events:
            yield event

    async def _empty_stream(self, fault: Fault, stream: EventStream) -> Events:
        yield Complete()
        async for event in stream.events:
            yield event

    async def _error_midstream(self, fault: Fault, stream: EventStream) -> Events:
        text = self._answers.text(RunFailure(self._answers.text(ModelFailure(fault.options["message"]))))
        failed: list[Event] = [("error", text), ("end", "[DONE]")]
        if stream.framing == "speech":
            failed = [("tts_error", {"error": text}), ("tts_end", {})]
        async for event, due in _until_due(fault, stream):
            if due:
                for each in failed:
                    yield each
                yield Complete()
            yield event

    async def _cut_frame(self, fault: Fault, stream: EventStream) -> Events:
        async for event, due in _until_due(fault, stream):
            yield Cut(event) if due and not isinstance(event, Pause) else event

    # --- bytes ---

    def when_left(self, callback: Callable[[], None]) -> Callable[[], object]:
        """Call `callback` if the client leaves, unless a fault closed the connection."""
        return self._connection.when_left(lambda: None if self._over else callback())

    async def send(self, message: Message) -> None:
        fault = self.fault
        if fault is None or fault.spoils != "wire":
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._start(fault, message)
        elif fault.name != "truncated":
            await self._send(message)
        elif not self._over:
            await self._truncate(message)

    async def _start(self, fault: Fault, message: Message) -> None:
        if fault.name == "latency":
            await self._connection.wait(fault.delay(self._count))
        else:
            message, self._left = _promising(message, fault.options["bytes"])
        await self._send(message)

    async def _truncate(self, message: Message) -> None:
        part = message.get("body", b"")[: self._left]
        self._left -= len(part)
        await self._send({"type": "http.response.body", "body": part, "more_body": True})
        if self._left == 0 or not message.get("more_body"):
            self._over = True
            await self._connection.close()


Spoiler = Callable[[FaultChannel, Fault, EventStream], Events]
_SPOILERS: Mapping[str, Spoiler] = {
    "lost-content": FaultChannel._lost_content,
    "no-end": FaultChannel._no_end,
    "never-closed": FaultChannel._never_closed,
    "slow-first-token": FaultChannel._slow_first_token,
    "empty-stream": FaultChannel._empty_stream,
    "error-midstream": FaultChannel._error_midstream,
    "cut-frame": FaultChannel._cut_frame,
}


def _pause(seconds: float) -> Pause:
    return Pause(asyncio.get_running_loop().time() + seconds)


async def _with_source(events: Events, source: AsyncIterator[Event | Pause]) -> Events:
    """Spoiled events; the events that they are made of are closed with them."""
    try:
        async for event in events:
            yield event
    finally:
        await close(source)


async def _until_due(fault: Fault, stream: EventStream) -> AsyncIterator[tuple[Event | Pause, bool]]:
    """Each event, and whether it is due to be spoiled: after so many tokens, or after the last one."""
    tokens, due = 0, False
    async for event in stream.events:
        if isinstance(event, Pause):
            yield event, False
            continue
        tokens += event[0] in _TOKENS
        due = tokens > fault.options["after"] or event[0] in _LAST
        yield event, due


def _promising(message: Message, most: int) -> tuple[Message, int]:
    """The head of a response that promises more than will come, and how many bytes will come."""
    length = dict(message["headers"]).get(b"content-length")
    if length is None:
        return message, most
    if length != b"0":
        return message, min(most, int(length) - 1)
    headers = [(name, b"1" if name == b"content-length" else value) for name, value in message["headers"]]
    return {**message, "headers": headers}, 0
