"""The outer middlewares: access log, headers of the server, HEAD, pages, and the answers of failures."""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.answers import Answer, Answers, respond
from flowise_mock.engine.connection import Connection
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.request_state import RequestState, attach, request_state
from flowise_mock.engine.requests import ClientDisconnect
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.engine.worlds import Worlds
from flowise_mock.state.journal import MAX_BODY, Entry
from flowise_mock.state.outcomes import Failure, InternalError, Outcome, Refusal

log = logging.getLogger("flowise_mock")
access = logging.getLogger("flowise_mock.access")
FRESH = (b"flowise-mock-fresh", b"1")
"""The response header of the first answer of a namespace, which begins with the records of the seed."""
RULE_HEADERS = (b"flowise-mock-rule", b"x-flowise-mock-rule")
"""The response header that names the rule that answered, and its older name."""
OUTCOMES_HEADER = b"flowise-mock-outcomes"
"""The response header that lists the outcomes of a request, as JSON."""
MAX_FIELD = 300
"""Characters of the longest text that the header has of an outcome."""


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
        try:
            world = self.worlds.of(scope)
        except Refusal as refused:
            await respond(self.unrouted.forced(refused), send)
            return
        state = RequestState(world, Connection(receive, send), self.unrouted)
        attach(scope, state)
        if world.fresh:
            world.fresh = False
            if world is not self.worlds.default:
                log.info("namespace %s begins anew, from the seed", world.name)
                send = partial(_send_fresh, send)
        try:
            await self.app(scope, receive, send)
        finally:
            state.body = b""  # the scope refers to itself, so it waits for the garbage collector


async def _send_fresh(send: Send, message: Message) -> None:
    """Send a message; a response says that it is the first one of its namespace."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message["headers"], FRESH]}
    await send(message)


class JournalMiddleware:
    """Keeps an entry of each request in the journal of its namespace, without its secrets."""

    def __init__(self, app: ASGIApp, secrets: Secrets) -> None:
        self.app = app
        self.secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = request_state(scope)
        journal, secrets = state.world.journal, self.secrets
        entry = Entry(
            journal.next_id(),
            state.world.store.clock.milliseconds(),
            scope["method"],
            secrets.path(scope["path"]),
            secrets.query(scope["query_string"]) if scope["query_string"] else b"",
            secrets.headers(scope["headers"]),
        )
        chunks: list[bytes] = []

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                entry.response_headers = message["headers"]
            else:
                body = message.get("body", b"")
                more = message.get("more_body", False)
                entry.completed = not more and not state.connection.has_left
                entry.events += bool(more and body)
                if entry.response_length < MAX_BODY and body:
                    chunks.append(body)
                entry.response_length += len(body)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            body = state.body
            entry.operation, entry.rule, entry.fault = state.operation_id, state.rule, state.fault
            entry.question = state.question
            entry.length = len(body)
            entry.body = secrets.body(body, MAX_BODY) if body else b""
            entry.response = secrets.body(b"".join(chunks), MAX_BODY)
            entry.response_headers = secrets.headers(entry.response_headers)
            journal.add(entry)


class AccessLogMiddleware:
    """Logs a line for each request: client, method, path, status, milliseconds, rule, fault."""

    def __init__(self, app: ASGIApp, secrets: Secrets) -> None:
        self.app = app
        self.secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not access.isEnabledFor(logging.INFO):
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status: int | str = "-"

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            state = request_state(scope)
            took = (time.perf_counter() - started) * 1000
            client = (scope.get("client") or ("-",))[0]
            line = f"{client} {scope['method']} {self.secrets.path(_target(scope))} {status} {took:.1f} ms"
            notes = [_printable(each) for each in (state.rule, state.fault) if each]
            access.info("%s", "; ".join([line, *notes]))


class HeaderMiddleware:
    """Adds the headers of the server, answers `If-None-Match`, and sends no body for HEAD and 304."""

    def __init__(self, app: ASGIApp, profile: ServerProfile, explain: bool) -> None:
        self.app = app
        self.profile = profile
        self.explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bodiless = scope["method"] == "HEAD"
        if self.explain:
            request_state(scope).outcomes = []

        async def write(message: Message) -> None:
            nonlocal bodiless
            if message["type"] == "http.response.start":
                if self.profile.etags and _is_unchanged(scope, message):
                    kept = [each for each in message["headers"] if each[0] == b"etag"]
                    bodiless, message = True, {"type": message["type"], "status": 304, "headers": kept}
                key = (request_state(scope).operation_id, message["status"])
                answered = request_state(scope).world.answered
                answered[key] = answered.get(key, 0) + 1
                headers = [
                    *self.profile.headers,
                    *message["headers"],
                    *self._rule(scope),
                    *self._outcomes(scope),
                ]
                message = {**message, "headers": headers}
            elif bodiless:
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, write)

    def _rule(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers that name the rule that answered, if they are switched on."""
        rule = _printable(request_state(scope).rule).encode() if self.explain else b""
        if not rule:
            return []
        exposed = (b"access-control-expose-headers", b", ".join(RULE_HEADERS))
        return [*((name, rule) for name in RULE_HEADERS), exposed]

    def _outcomes(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The header that names what happened, in words of the contract, if it is switched on."""
        rows = [_outcome(outcome, ignored) for outcome, ignored in request_state(scope).outcomes or ()]
        return [(OUTCOMES_HEADER, json.dumps(rows).encode())] if rows else []


def _outcome(outcome: Outcome, ignored: bool) -> dict[str, Any]:
    """An outcome as data, with those of its fields that are short texts or numbers."""
    fields = {
        name: value
        for name, value in vars(outcome).items()
        if isinstance(value, int) or (isinstance(value, str) and len(value) <= MAX_FIELD)
    }
    return {"outcome": type(outcome).__name__, "ignored": ignored, "fields": fields}


class ErrorMiddleware:
    """Answers every failure in the contract's words, and the pages outside the API.

    `hang` is the time in seconds after which a request is closed that a real server never answers.
    """

    def __init__(self, app: ASGIApp, pages: Pages, profile: ServerProfile, hang: float) -> None:
        self.app = app
        self.pages = pages
        self.profile = profile
        self.hang = hang

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        state = request_state(scope)
        try:
            page = self.pages.find(scope)
            if page is not None:
                await respond(page, watch)
            else:
                await self.app(scope, receive, watch)
        except ClientDisconnect:
            log.debug("the client disconnected: %s %s", scope["method"], scope["path"])
        except Outcome as outcome:
            state.note_outcome(outcome)
            answer = state.answers.render(outcome)
            if self._is_left_open(state, outcome, answer):
                await state.connection.leave_open(self.hang)
            else:
                await respond(answer, watch)
        except Exception as error:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await respond(state.answers.render(InternalError(type(error).__name__)), watch)

    def _is_left_open(self, state: RequestState, outcome: Outcome, answer: Answer) -> bool:
        """Whether a real server sends nothing: its error handler does so if a stream is requested.

        Texts do not go through that handler.
        """
        media = dict(answer.headers).get(b"content-type", b"")
        silent = self.profile.leaves_stream_errors and state.streaming
        return silent and isinstance(outcome, Failure) and media.startswith(b"application/json")


def _is_unchanged(scope: Scope, message: Message) -> bool:
    """Whether the client has the body already, by its ETag."""
    sent = dict(scope["headers"])
    wanted, etag = sent.get(b"if-none-match"), dict(message["headers"]).get(b"etag")
    if wanted is None or etag is None or scope["method"] not in ("GET", "HEAD"):
        return False
    if message["status"] != 200 or b"no-cache" in sent.get(b"cache-control", b""):
        return False
    tags = [tag.strip().removeprefix(b"W/") for tag in wanted.split(b",")]
    return wanted.strip() == b"*" or etag.removeprefix(b"W/") in tags


def _target(scope: Scope) -> str:
    """The path and query as they were sent, escaped: safe in a log line."""
    path = scope.get("root_path", "") + (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return _printable(f"{path}?{query}" if query else path)


def _printable(text: str) -> str:
    """A text with its control and non-ASCII characters escaped."""
    return ascii(text)[1:-1]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
