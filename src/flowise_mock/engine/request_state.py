"""What the middlewares share about a request, one typed object in the ASGI scope, and what puts it there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.answers import Answers
from flowise_mock.engine.connection import Connection, has_left
from flowise_mock.engine.fault_channel import FaultChannel
from flowise_mock.engine.http_exchange import respond
from flowise_mock.engine.worlds import HEADER, World, Worlds
from flowise_mock.state.journal import Entry
from flowise_mock.state.outcomes import Outcome, Refusal
from flowise_mock.state.table import Record

_KEY = "flowise_mock"
log = logging.getLogger("flowise_mock")
FRESH = (b"flowise-mock-fresh", b"1")
"""The response header of the first answer of a namespace, which begins with the records of the seed."""


class RequestState:
    """One request on its way, in the world of its namespace.

    `headers` are those of the request, by lower-case name; of several with one name, the first.
    `operation_id` and `answers` are those of its operation; until that is known, `answers` are the ones of
    requests that match none. `key` is the API key record that the request showed. `streaming` says whether
    the body requests a stream. `rule` and `fault` describe what answered, for the access log. `body` and
    `question` are what was sent and what it resolved to, for the journal. `parsed` is the body, if it was
    read before the request was routed. `status` is that of the response, 0 until it begins; `cors` are the
    headers that CORS adds to it. `without_headers` says that the request was refused so early that no
    middleware adds its headers; `bodiless`, that the response has no body. `entry` is that of the journal,
    None if there is none. `outcomes` are what happened, each with whether the contract ignored it; None if no
    header shows them. `added` are headers that the handler adds to the response.
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
    bodiless: bool = False
    entry: Entry | None = None
    question: dict[str, Any] | None = None
    outcomes: list[tuple[Outcome, bool]] | None = None
    added: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(
        self, world: World, receive: Receive, send: Send, answers: Answers, headers: dict[bytes, bytes]
    ) -> None:
        self.world = world
        self._receive = receive
        self._send = send
        self.answers = answers
        self.headers = headers

    @cached_property
    def connection(self) -> Connection:
        return Connection(self._receive, self._send)

    @property
    def has_left(self) -> bool:
        """Whether the client has closed the connection."""
        return has_left(self._send)

    def note_outcome(self, outcome: Outcome, ignored: bool = False) -> None:
        if self.outcomes is not None:
            self.outcomes.append((outcome, ignored))

    def add_headers(self, headers: Mapping[str, str]) -> None:
        self.added += tuple((name.lower().encode(), text.encode("latin-1")) for name, text in headers.items())

    def note_rule(self, text: str) -> None:
        self.rule = text

    def note_question(self, known: dict[str, Any]) -> None:
        self.question = known

    def note_fault(self, text: str) -> None:
        self.fault = text


def request_state(scope: Scope) -> RequestState:
    """The state of a request."""
    state: RequestState = scope["extensions"][_KEY]
    return state


# --- its middleware ---------------------------------------------------------------------------------


class StateMiddleware:
    """Outermost: finds the namespace of each request, and answers the lifespan messages of the server."""

    def __init__(self, app: ASGIApp, worlds: Worlds, unrouted: Answers) -> None:
        self.app = app
        self.worlds = worlds
        self.unrouted = unrouted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        headers = dict(reversed(scope["headers"]))
        world = self.worlds.default
        if HEADER in headers or scope["path"].startswith("/ns/"):
            try:
                world = self.worlds.of(scope, headers)
            except Refusal as refused:
                await respond(self.unrouted.forced(refused), send)
                return
        state = RequestState(world, receive, send, self.unrouted, headers)
        extensions = scope.setdefault("extensions", {})
        extensions[_KEY] = state
        if world.fresh:
            world.fresh = False
            if world is not self.worlds.default:
                log.info("namespace %s begins anew, from the seed", world.name)
                send = partial(_send_fresh, send)
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            await state.connection.close()
        finally:
            del extensions[_KEY]  # the two would wait for the garbage collector


async def _send_fresh(send: Send, message: Message) -> None:
    """Send a message; a response says that it is the first one of its namespace."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message["headers"], FRESH]}
    await send(message)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
