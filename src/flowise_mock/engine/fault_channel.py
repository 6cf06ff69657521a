"""The wire of one request: what its endpoint sends goes through here, and a fault spoils it.

One that replaces the answer is met before the handler runs: nothing is done. One that spoils a stream, or the
wire, lets the run behind it go its way to its end: what it writes is kept, as if the answer had been lost on
the way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope, Send

from flowise_mock.contract.document import Document
from flowise_mock.engine import connection
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.streams import Streams, named_frame
from flowise_mock.faults.spec import Fault
from flowise_mock.state.counts import Counts
from flowise_mock.state.outcomes import ModelFailed, RunFailed
from flowise_mock.state.store import Store

TOLD = "flowise_mock.fault"
"""The fault that was met, for the access line, among the scope's extensions."""
WIRE = "flowise_mock.wire"
"""The wire of a request, among the scope's extensions."""

_EVENT = re.compile(rb'^data: ?\{"event":"(\w+)"', re.MULTILINE)
_TOKENS = (b"token", b"tts_data")
_ENDS = (b"end", b"tts_end")
_LAST = (b"metadata", *_ENDS)


class StandsIn(Exception):
    """A fault that replaces the answer, on its way from where it is met to who answers."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass
class Terms:
    """What faults need to know of their server. `hang` is in seconds, `max_body` in bytes.

    `rule` has the fault that a script has for an operation, by its id; `counts` are the calls so far.
    """

    document: Document
    store: Store
    streams: Streams
    hang: float
    max_body: int
    rule: Callable[[str], Fault | None] = lambda operation: None
    counts: Counts = field(default_factory=Counts)


class Wire:
    """What lies between one request's endpoint and its client: it passes all on until a fault is met.

    `asked` is the fault of the request's header; `answers` are those of its operation.
    """

    def __init__(
        self,
        terms: Terms,
        operation: str,
        answers: Answers,
        asked: Fault | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self.fault: Fault | None = None
        self._terms = terms
        self._answers = answers
        self._scope = scope
        self._receive = receive
        self._send = send
        self._operation = operation
        self._asked = asked
        self._count = 0
        self._tokens = 0
        self._left = 0
        self._over = False

    def meet(self) -> None:
        """Make those faults happen that the header and a script's rule for the operation ask for."""
        for fault in (self._asked, self._terms.rule(self._operation)):
            if fault is not None:
                self.inject(fault)

    def inject(self, fault: Fault) -> None:
        """Make a fault happen, if this is one of its calls. One that is met already goes before.

        Raises StandsIn where the fault replaces the answer.
        """
        if self.fault is not None:
            return
        count = self._terms.counts.next(self._operation, fault)
        if not fault.meets(count):
            return
        self._scope["extensions"][TOLD] = f"fault {fault}"
        if fault.spoils == "answer":
            raise StandsIn(fault)
        self.fault, self._count = fault, count

    @property
    def wants_json(self) -> bool:
        """Whether a stream is to be answered as JSON."""
        return self.fault is not None and self.fault.name == "json-instead"

    async def receive(self) -> Message:
        message = await self._receive()
        if self._over and message["type"] == "http.disconnect":
            await asyncio.get_running_loop().create_future()  # the run goes on until it ends, or is ended
        return message

    async def send(self, message: Message) -> None:
        if self.fault is None:
            await self._send(message)
        elif self._over:
            return
        elif message["type"] == "http.response.start":
            await self._begin(self.fault, message)
        else:
            await _SPOILERS.get(self.fault.name, Wire._pass)(self, self.fault, message)

    async def _begin(self, fault: Fault, message: Message) -> None:
        headers = dict(message["headers"])
        streams = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        if fault.spoils == "stream" and not streams and not self.wants_json:
            self._scope["extensions"][TOLD] += ", and there was no stream"
            self.fault = None
        elif fault.name == "latency":
            await connection.wait(self._receive, fault.delay(self._count))
        elif fault.name == "truncated":
            message, self._left = _promising(message, fault.options["bytes"])
        await self._send(message)
        if streams and fault.name == "slow-first-token":
            await connection.wait(self._receive, fault.options["ms"] / 1000)
        elif streams and fault.name == "empty-stream":
            await self._complete()

    async def _complete(self) -> None:
        """Tell the client that this was all."""
        self._over = True
        await self._send({"type": "http.response.body", "body": b""})

    async def _close(self) -> None:
        self._over = True
        await connection.close(self._scope, self._receive)

    async def _write(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _pass(self, fault: Fault, message: Message) -> None:
        await self._send(message)

    async def _lost_content(self, fault: Fault, message: Message) -> None:
        if not message.get("more_body") or _event(message) in (*_LAST, b""):
            await self._send(message)

    async def _no_end(self, fault: Fault, message: Message) -> None:
        if _event(message) not in _ENDS:
            await self._send(message)

    async def _never_closed(self, fault: Fault, message: Message) -> None:
        if not message.get("more_body"):
            await connection.wait(self._receive, fault.options.get("seconds", self._terms.hang))
            await self._complete()
        elif fault.options["end"] or _event(message) not in _ENDS:
            await self._send(message)

    async def _error_midstream(self, fault: Fault, message: Message) -> None:
        if not self._due(fault, message):
            await self._send(message)
            return
        text = self._answers.text(RunFailed(self._answers.text(ModelFailed(fault.options["message"]))))
        streams = self._terms.streams
        if message.get("body", b"").startswith(b"event:"):
            told = named_frame("tts_error", {"error": text}), named_frame("tts_end", {})
        else:
            told = streams.framed("error", text), streams.framed("end", "[DONE]")
        for frame in told:
            await self._write(frame)
        await self._complete()

    async def _cut_frame(self, fault: Fault, message: Message) -> None:
        if not self._due(fault, message):
            await self._send(message)
            return
        body = message.get("body", b"")
        await self._write(body[: len(body) // 2])
        await self._close()

    def _due(self, fault: Fault, message: Message) -> bool:
        """Whether so many tokens have gone before as the fault lets pass, or there are no more."""
        event = _event(message)
        if event in _TOKENS:
            self._tokens += 1
        after: int = fault.options["after"]
        return self._tokens > after or event in _LAST or not message.get("more_body")

    async def _truncated(self, fault: Fault, message: Message) -> None:
        part = message.get("body", b"")[: self._left]
        self._left -= len(part)
        await self._write(part)
        if self._left == 0 or not message.get("more_body"):
            await self._close()


Spoiler = Callable[[Wire, Fault, Message], Awaitable[None]]
_SPOILERS: Mapping[str, Spoiler] = {
    "lost-content": Wire._lost_content,
    "error-midstream": Wire._error_midstream,
    "cut-frame": Wire._cut_frame,
    "no-end": Wire._no_end,
    "never-closed": Wire._never_closed,
    "truncated": Wire._truncated,
}


def _event(message: Message) -> bytes:
    """The name of the event in a frame; empty where there is none."""
    found = _EVENT.search(message.get("body", b""))
    return found[1] if found else b""


def _promising(message: Message, most: int) -> tuple[Message, int]:
    """The head of an answer that promises more than will come, and how many bytes will."""
    length = dict(message["headers"]).get(b"content-length")
    if length is None:
        return message, most
    if length != b"0":
        return message, min(most, int(length) - 1)
    headers = [(name, b"1" if name == b"content-length" else value) for name, value in message["headers"]]
    return {**message, "headers": headers}, 0
