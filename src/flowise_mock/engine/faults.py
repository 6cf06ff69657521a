"""Faults on the wire: a layer before the endpoints that spoils answers, or stands in for them, on demand.

It stands behind routing and keys, and within CORS and the access line, so that those are as always. A fault
that replaces the answer is met before the handler runs: nothing is done. One that spoils a stream, or the
wire, lets the run behind it go its way to its end: what it writes is kept, as if the answer had been lost on
the way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock import faults, jsontext
from flowise_mock.document import Document, Operation
from flowise_mock.engine import connection, preferences
from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.streams import Streams, named_frame
from flowise_mock.faults import Fault
from flowise_mock.outcomes import (
    BadHeader,
    Injected,
    ModelFailed,
    NotFound,
    OriginRefused,
    Outcome,
    RunFailed,
    StreamOriginRefused,
    Throttled,
    TooLarge,
    Unauthorized,
)
from flowise_mock.store import Store

HEADER = b"x-flowise-mock-fault"
"""The request header that asks for a fault: `NAME; option=value; ...`."""
TOLD = "flowise_mock.fault"
"""The fault that was met, for the access line, among the scope's extensions."""
WIRE = "flowise_mock.wire"
"""The wire of a request, among the scope's extensions."""
STREAMING = "flowise_mock.streaming"
"""Set among the scope's extensions where the body asks for a stream, whatever the operation."""
COUNTED = 1000
"""Faults whose calls are counted; of more, those not met for longest are forgotten."""

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
    """What faults need to know of their server. `hang` is in seconds, `max_body` in bytes."""

    document: Document
    store: Store
    streams: Streams
    hang: float
    max_body: int
    rule: Callable[[str], Fault | None] = lambda operation: None
    """The fault that a script has for an operation, by its id."""


class Faults:
    """The layer. `answers` and `operations` are those of each operation, by its id."""

    def __init__(
        self,
        app: ASGIApp,
        terms: Terms,
        answers: Mapping[str | None, Answers],
        operations: Mapping[str, Operation],
    ) -> None:
        self.app = app
        self.terms = terms
        self._answers = answers
        self._operations = operations
        self._counts: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        operation = scope["extensions"][ROUTING_CONTEXT]["operation_id"]
        answers = self._answers[operation]
        try:
            preferred = preferences.asked(scope)
            if preferred:
                await self._prefer(preferred, scope, send)
                return
            wire = Wire(self, scope, receive, send, operation, _asked(scope))
            scope["extensions"][WIRE] = wire
            await self.app(scope, wire.receive, wire.send)
        except BadHeader as refused:
            await _send(answers.forced(refused), send)
        except StandsIn as met:
            await self._stand_in(met.fault, scope, receive, send)

    def count(self, operation: str, fault: Fault) -> int:
        """The number of this call of an operation with this fault, from 1."""
        key = operation, str(fault)
        self._counts[key] = number = self._counts.pop(key, 0) + 1
        if len(self._counts) > COUNTED:
            del self._counts[next(iter(self._counts))]
        return number

    def text(self, operation: str, reason: str) -> str:
        """What an event says of a run that failed."""
        answers = self._answers[operation]
        return answers.text(RunFailed(answers.text(ModelFailed(reason))))

    async def _prefer(self, preferred: dict[str, str], scope: Scope, send: Send) -> None:
        operation = self._operations[scope["extensions"][ROUTING_CONTEXT]["operation_id"]]
        answer = preferences.answer(self.terms.document, operation.definition, preferred)
        scope["extensions"][TOLD] = f"preferred {preferences.told(preferred)}"
        await _send(answer, send)

    async def _stand_in(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.name == "hang":
            seconds = fault.options.get("seconds", self.terms.hang)
            await connection.leave_open(scope, receive, seconds)
        elif fault.name == "reset":
            await connection.reset(scope, receive)
        else:
            await _send(self._answer(fault, scope), send)

    def _answer(self, fault: Fault, scope: Scope) -> Answer:
        operation = scope["extensions"][ROUTING_CONTEXT]["operation_id"]
        answers = self._answers[operation]
        if fault.name != "status":
            return answers.forced(self._outcome(fault, scope, self._operations[operation], answers))
        code = fault.options["code"]
        if code in (204, 304):
            return Answer(code, [], b"")
        if "body" in fault.options:
            return _plain(code, fault.options["body"])
        return answers.forced(Injected(fault.options.get("message", _phrase(code))), code)

    def _outcome(self, fault: Fault, scope: Scope, operation: Operation, answers: Answers) -> Outcome:
        """What would have happened, which the contract then answers in its own words."""
        told = fault.options
        if fault.name == "unauthorized":
            return Unauthorized("a fault was asked for")
        if fault.name == "not-found":
            return NotFound(self._noun(operation), next(iter(scope["path_params"].values()), ""))
        if fault.name == "rate-limited":
            reset = int(self.terms.store.clock().timestamp()) + told["seconds"]
            return Throttled(told["message"], told["limit"], told["seconds"], reset)
        if fault.name == "too-large":
            return TooLarge(self.terms.max_body)
        if fault.name == "server-error":
            return ModelFailed(told["message"])
        refused = StreamOriginRefused(told["message"])
        streams = scope["extensions"].get(STREAMING) and not answers.proceeds(refused)
        return refused if streams else OriginRefused(told["message"])

    def _noun(self, operation: Operation) -> str:
        """What an operation deals with: the record of its tag's name, else the flow that it asks."""
        schemas = self.terms.document.get("components", {}).get("schemas", {})
        nouns = [each["x-record"]["noun"] for each in schemas.values() if "x-record" in each]
        named = (noun for noun in nouns if _plural(noun) == _plural(operation.tag))
        return str(next(named, "Chatflow"))


def _plural(noun: str) -> str:
    return re.sub(r"[^a-z]", "", noun.lower()).removesuffix("s") + "s"


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return f"Status {code}"


def _plain(code: int, body: Any) -> Answer:
    """A body as it was asked for: a text as text, anything else as JSON."""
    media = b"text/plain; charset=utf-8" if isinstance(body, str) else b"application/json"
    sent = (body if isinstance(body, str) else jsontext.dumps(body)).encode()
    return Answer(code, [(b"content-type", media), (b"content-length", b"%d" % len(sent))], sent)


def _asked(scope: Scope) -> Fault | None:
    """The fault that the request's header asks for. Raises BadHeader."""
    values = [value for name, value in scope["headers"] if name == HEADER]
    if not values:
        return None
    try:
        if len(values) > 1:
            raise ValueError("it is there twice; ask for one fault at a time")
        return faults.parse(values[0].decode("latin-1"))
    except ValueError as error:
        raise BadHeader(HEADER.decode(), str(error)) from None


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


# --- one request -----------------------------------------------------------------------------------


class Wire:
    """What lies between one request's endpoint and its client: it passes all on until a fault is met."""

    def __init__(
        self, layer: Faults, scope: Scope, receive: Receive, send: Send, operation: str, asked: Fault | None
    ) -> None:
        self.fault: Fault | None = None
        self._layer = layer
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
        for fault in (self._asked, self._layer.terms.rule(self._operation)):
            if fault is not None:
                self.inject(fault)

    def inject(self, fault: Fault) -> None:
        """Make a fault happen, if this is one of its calls. One that is met already goes before.

        Raises StandsIn where the fault replaces the answer.
        """
        if self.fault is not None:
            return
        count = self._layer.count(self._operation, fault)
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
            await connection.wait(self._receive, fault.options.get("seconds", self._layer.terms.hang))
            await self._complete()
        elif fault.options["end"] or _event(message) not in _ENDS:
            await self._send(message)

    async def _error_midstream(self, fault: Fault, message: Message) -> None:
        if not self._due(fault, message):
            await self._send(message)
            return
        text = self._layer.text(self._operation, fault.options["message"])
        streams = self._layer.terms.streams
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
