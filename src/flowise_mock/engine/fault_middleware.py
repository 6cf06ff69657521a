"""The middleware of faults and of `Prefer`: it spoils responses, or replaces them, on demand.

It is behind routing and keys, and inside CORS and the access log, so that those work as always.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Operation
from flowise_mock.engine import prefer
from flowise_mock.engine.fault_channel import FaultChannel, FaultSettings, ReplaceResponse
from flowise_mock.engine.http_exchange import Answer, AnsweringApp, Sender
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.faults import spec
from flowise_mock.faults.spec import Fault
from flowise_mock.state.outcomes import (
    ContentTooLarge,
    ForbiddenOrigin,
    ForbiddenOriginForStream,
    InjectedFailure,
    InvalidHeader,
    ModelFailure,
    NotFound,
    Outcome,
    TooManyRequests,
    Unauthorized,
)

HEADERS = (b"flowise-mock-fault", b"x-flowise-mock-fault")
"""The request header that names a fault, `NAME; option=value; ...`, and its older name."""


_SPECIAL = {*HEADERS, b"prefer"}


class FaultMiddleware:
    """The middleware; it does nothing unless there is a rule, or a header for it.

    `operations` are those of the contract, by id.
    """

    def __init__(
        self, app: AnsweringApp, settings: FaultSettings, operations: Mapping[str, Operation]
    ) -> None:
        self.app = app
        self._sender = Sender(app)
        self.settings = settings
        self._operations = operations

    def before(self, app: AnsweringApp) -> FaultMiddleware:
        """The same middleware in front of another app."""
        return FaultMiddleware(app, self.settings, self._operations)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[Answer | None]:
        state = request_state(scope)
        if state.world.rules or not _SPECIAL.isdisjoint(state.headers):
            return self._watch(state, scope, receive, send)
        return self.app(scope, receive, send)

    async def _watch(self, state: RequestState, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        try:
            preferences = prefer.preferences(scope)
            if preferences:
                return self._preferred(preferences, state)
            channel = FaultChannel(
                self.settings,
                state.world.store.counts,
                state.operation_id,
                state.answers,
                _requested(scope),
                state.connection,
                send,
                state.note_fault,
            )
            state.channel = channel
            await self._sender(scope, receive, channel.send)
        except InvalidHeader as refused:
            return state.answers.forced(refused)
        except ReplaceResponse as replacing:
            return await self._replacement(replacing.fault, scope, state)
        return None

    def _preferred(self, preferences: dict[str, str], state: RequestState) -> Answer:
        definition = self._operations[state.operation_id].definition
        answer = prefer.answer(self.settings.document, definition, state.answers, preferences)
        state.fault = f"preferred {prefer.header_of(preferences)}"
        return answer

    async def _replacement(self, fault: Fault, scope: Scope, state: RequestState) -> Answer | None:
        """The answer in place of the operation's; None if the client gets none."""
        if fault.name == "hang":
            await state.connection.leave_open(fault.options.get("seconds", self.settings.hang))
            return None
        if fault.name == "reset":
            await state.connection.reset()
            return None
        return self._answer(fault, scope, state)

    def _answer(self, fault: Fault, scope: Scope, state: RequestState) -> Answer:
        if fault.name != "status":
            return state.answers.forced(self._outcome(fault, scope, state))
        code = fault.options["code"]
        if code in (204, 304):
            return Answer(code, [], b"")
        if "body" in fault.options:
            return _plain(code, fault.options["body"])
        return state.answers.forced(InjectedFailure(fault.options.get("message", _phrase(code))), code)

    def _outcome(self, fault: Fault, scope: Scope, state: RequestState) -> Outcome:
        """What would have happened; the contract answers it in its own words."""
        options = fault.options
        if fault.name == "unauthorized":
            return Unauthorized("a fault was requested")
        if fault.name == "not-found":
            noun = self._noun(self._operations[state.operation_id])
            return NotFound(noun, next(iter(scope["path_params"].values()), ""))
        if fault.name == "rate-limited":
            reset = int(state.world.store.clock().timestamp()) + options["seconds"]
            return TooManyRequests(options["message"], options["limit"], options["seconds"], reset)
        if fault.name == "too-large":
            return ContentTooLarge(self.settings.max_body)
        if fault.name == "server-error":
            return ModelFailure(options["message"])
        in_stream = ForbiddenOriginForStream(options["message"])
        if state.streaming and not state.answers.proceeds(in_stream):
            return in_stream
        return ForbiddenOrigin(options["message"])

    def _noun(self, operation: Operation) -> str:
        """What an operation is about: the table that its path begins with, else the flow that it calls."""
        document = self.settings.document
        schemas = document.get("components", {}).get("schemas", {}).values()
        tables = [each["x-record"] for each in schemas if "x-record" in each]
        nouns = [each["noun"] for each in [*tables, *document.get("x-tables", {}).values()] if "noun" in each]
        first = operation.path.split("/")[1]
        return str(next((noun for noun in nouns if _plural(noun) == _plural(first)), "Chatflow"))


def _plural(noun: str) -> str:
    return re.sub(r"[^a-z]", "", noun.lower()).removesuffix("s") + "s"


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return f"Status {code}"


def _plain(code: int, body: Any) -> Answer:
    """A body as it was given: a text as text, anything else as JSON."""
    media = b"text/plain; charset=utf-8" if isinstance(body, str) else b"application/json"
    sent = (body if isinstance(body, str) else jsontext.dumps(body)).encode()
    return Answer(code, [(b"content-type", media), (b"content-length", b"%d" % len(sent))], sent)


def _requested(scope: Scope) -> Fault | None:
    """The fault that the request's header names. Raises InvalidHeader."""
    values = [(name, value) for name, value in scope["headers"] if name in HEADERS]
    if not values:
        return None
    name, value = values[0]
    try:
        if len(values) > 1:
            raise ValueError("it is there twice; request one fault at a time")
        return spec.parse(_text(value))
    except ValueError as error:
        raise InvalidHeader(name.decode(), str(error)) from None


def _text(value: bytes) -> str:
    """A header that may be UTF-8, as curl sends what is typed, and else is Latin-1, as the standard says."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
