"""Faults on the wire: a layer before the endpoints that spoils answers, or stands in for them, on demand.

It stands behind routing and keys, and within CORS and the access line, so that those are as always.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Operation
from flowise_mock.engine import connection, prefer
from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.fault_channel import TOLD, WIRE, StandsIn, Terms, Wire
from flowise_mock.faults import spec
from flowise_mock.faults.spec import Fault
from flowise_mock.state.outcomes import (
    BadHeader,
    Injected,
    ModelFailed,
    NotFound,
    OriginRefused,
    Outcome,
    StreamOriginRefused,
    Throttled,
    TooLarge,
    Unauthorized,
)

HEADER = b"x-flowise-mock-fault"
"""The request header that asks for a fault: `NAME; option=value; ...`."""
STREAMING = "flowise_mock.streaming"
"""Set among the scope's extensions where the body asks for a stream, whatever the operation."""


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        operation = scope["extensions"][ROUTING_CONTEXT]["operation_id"]
        answers = self._answers[operation]
        try:
            preferred = prefer.asked(scope)
            if preferred:
                await self._prefer(preferred, scope, send)
                return
            wire = Wire(self.terms, operation, answers, _asked(scope), scope, receive, send)
            scope["extensions"][WIRE] = wire
            await self.app(scope, wire.receive, wire.send)
        except BadHeader as refused:
            await _send(answers.forced(refused), send)
        except StandsIn as met:
            await self._stand_in(met.fault, scope, receive, send)

    async def _prefer(self, preferred: dict[str, str], scope: Scope, send: Send) -> None:
        id = scope["extensions"][ROUTING_CONTEXT]["operation_id"]
        definition = self._operations[id].definition
        answer = prefer.answer(self.terms.document, definition, self._answers[id], preferred)
        scope["extensions"][TOLD] = f"preferred {prefer.told(preferred)}"
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
        """What an operation deals with: the table that its path begins with, else the flow that it asks."""
        document = self.terms.document
        schemas = document.get("components", {}).get("schemas", {}).values()
        tables = [each["x-record"] for each in schemas if "x-record" in each]
        nouns = [each["noun"] for each in [*tables, *document.get("x-tables", {}).values()] if "noun" in each]
        dealt = operation.path.split("/")[1]
        return str(next((noun for noun in nouns if _plural(noun) == _plural(dealt)), "Chatflow"))


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
        return spec.parse(_text(values[0]))
    except ValueError as error:
        raise BadHeader(HEADER.decode(), str(error)) from None


def _text(value: bytes) -> str:
    """A header that may be UTF-8, as curl sends what is typed, and else is what the standard says."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
