"""What the middlewares share about one request: one typed object in the ASGI scope."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.types import Scope

from flowise_mock.engine.answers import Answers
from flowise_mock.engine.connection import Connection
from flowise_mock.engine.fault_channel import FaultChannel
from flowise_mock.engine.worlds import World
from flowise_mock.state.outcomes import Outcome
from flowise_mock.state.table import Record

_KEY = "flowise_mock"


class RequestState:
    """One request on its way, in the world of its namespace.

    `headers` are those of the request, by lower-case name; of several with one name, the first.
    `operation_id` and `answers` are those of its operation; until that is known, `answers` are the ones of
    requests that match none. `key` is the API key record that the request showed. `streaming` says whether
    the body requests a stream. `rule` and `fault` describe what answered, for the access log. `body` and
    `question` are what was sent and what it resolved to, for the journal. `parsed` is the body, if it was
    read before the request was routed. `status` is that of the response, 0 until it begins; `cors` are the
    headers that CORS adds to it. `without_headers` says that the request was refused so early that no
    middleware adds its headers. `outcomes` are what happened, each with whether the contract ignored it;
    None if no header shows them. `added` are headers that the handler adds to the response.
    """

    operation_id: str = ""
    key: Record | None = None
    streaming: bool = False
    rule: str = ""
    fault: str = ""
    channel: FaultChannel | None = None
    body: bytes = b""
    parsed: Any = None
    status: int = 0
    cors: Mapping[bytes, bytes] = MappingProxyType({})
    without_headers: bool = False
    question: dict[str, Any] | None = None
    outcomes: list[tuple[Outcome, bool]] | None = None
    added: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(
        self, world: World, connection: Connection, answers: Answers, headers: dict[bytes, bytes]
    ) -> None:
        self.world = world
        self.connection = connection
        self.answers = answers
        self.headers = headers

    def note_outcome(self, outcome: Outcome, ignored: bool = False) -> None:
        if self.outcomes is not None:
            self.outcomes.append((outcome, ignored))

    def add_headers(self, headers: Mapping[str, str]) -> None:
        self.added += tuple((name.lower().encode(), text.encode("latin-1")) for name, text in headers.items())

    def note_rule(self, text: str) -> None:
        self.rule = text

    def note_body(self, body: bytes) -> None:
        self.body = body

    def note_question(self, known: dict[str, Any]) -> None:
        self.question = known

    def note_fault(self, text: str) -> None:
        self.fault = text


def attach(scope: Scope, state: RequestState) -> None:
    """Put the state into a scope, at the outermost middleware."""
    scope.setdefault("extensions", {})[_KEY] = state


def detach(scope: Scope) -> None:
    """Take the state out of a scope that has been served: the two would wait for the garbage collector."""
    del scope["extensions"][_KEY]


def request_state(scope: Scope) -> RequestState:
    """The state of a request."""
    state: RequestState = scope["extensions"][_KEY]
    return state
