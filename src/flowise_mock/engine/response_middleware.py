"""What is done with every response, in one place and one `send`.

The headers of the server and of CORS, `If-None-Match`, HEAD, the counts of answers, the entry of the journal
and the line of the access log.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.state.journal import MAX_BODY, Entry
from flowise_mock.state.outcomes import Outcome

access = logging.getLogger("flowise_mock.access")
RULE_HEADERS = (b"flowise-mock-rule", b"x-flowise-mock-rule")
"""The response header that names the rule that answered, and its older name."""
OUTCOMES_HEADER = b"flowise-mock-outcomes"
"""The response header that lists the outcomes of a request, as JSON."""
MAX_FIELD = 300
"""Characters of the longest text that the header has of an outcome."""
Headers = list[tuple[bytes, bytes]]


class ResponseMiddleware:
    """Completes every response, and keeps what is known of it.

    `explain` shows the rule that answered, and what happened, in headers. `journal` keeps an entry of each
    request in its namespace.
    """

    def __init__(
        self,
        app: ASGIApp,
        profile: ServerProfile,
        secrets: Secrets | None = None,
        *,
        explain: bool = False,
        journal: bool = False,
    ) -> None:
        self.app = app
        self.profile = profile
        self.secrets = secrets
        self.explain = explain
        self.journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = request_state(scope)
        if self.explain:
            state.outcomes = []
        entry = _entry(scope, state, self.secrets) if self.journal else None
        response = _Response(self, scope, state, entry, send)
        logged = self.secrets is not None and access.isEnabledFor(logging.INFO)
        started = time.perf_counter() if logged else 0.0
        try:
            await self.app(scope, receive, response.send)
        finally:
            if entry is not None:
                response.add_to_journal(entry)
            if logged and self.secrets is not None:
                _log(scope, state, self.secrets, time.perf_counter() - started)


class _Response:
    """One response on its way out."""

    __slots__ = ("_bodiless", "_chunks", "_entry", "_middleware", "_scope", "_send", "_state")

    def __init__(
        self,
        middleware: ResponseMiddleware,
        scope: Scope,
        state: RequestState,
        entry: Entry | None,
        send: Send,
    ) -> None:
        self._middleware = middleware
        self._scope = scope
        self._state = state
        self._entry = entry
        self._send = send
        self._bodiless = scope["method"] == "HEAD"
        self._chunks: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._head(message)
        elif self._bodiless and not self._state.without_headers:
            message = {**message, "body": b""}
        if self._entry is not None:
            self._note(self._entry, message)
        await self._send(message)

    def _head(self, message: Message) -> Message:
        """The head of the response with the headers that are added to all, and its status counted."""
        state, profile = self._state, self._middleware.profile
        if state.without_headers:
            state.status = message["status"]
            return message
        if profile.etags and self._client_has(message):
            kept = [each for each in message["headers"] if each[0] == b"etag"]
            self._bodiless, message = True, {"type": message["type"], "status": 304, "headers": kept}
        state.status = status = message["status"]
        key = (state.operation_id, status)
        answered = state.world.answered
        answered[key] = answered.get(key, 0) + 1
        headers = [*profile.headers, *message["headers"]]
        if self._middleware.explain:
            headers += [*_rule(state), *_outcomes(state)]
        if state.cors:
            headers = _with_cors(headers, state.cors)
        return {"type": message["type"], "status": status, "headers": headers}

    def _client_has(self, message: Message) -> bool:
        """Whether the client has the body already, by its ETag."""
        sent = self._state.headers
        wanted = sent.get(b"if-none-match")
        if wanted is None or self._scope["method"] not in ("GET", "HEAD"):
            return False
        etag = dict(message["headers"]).get(b"etag")
        if etag is None or message["status"] != 200 or b"no-cache" in sent.get(b"cache-control", b""):
            return False
        tags = [tag.strip().removeprefix(b"W/") for tag in wanted.split(b",")]
        return wanted.strip() == b"*" or etag.removeprefix(b"W/") in tags

    def _note(self, entry: Entry, message: Message) -> None:
        """Keep what is sent for the journal."""
        if message["type"] == "http.response.start":
            entry.status = message["status"]
            entry.response_headers = message["headers"]
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        entry.completed = not more and not self._state.connection.has_left
        if body:
            entry.events += bool(more)
            if entry.response_length < MAX_BODY:
                self._chunks.append(body)
            entry.response_length += len(body)

    def add_to_journal(self, entry: Entry) -> None:
        state = self._state
        entry.operation, entry.rule, entry.fault = state.operation_id, state.rule, state.fault
        entry.question = state.question
        entry.length = len(state.body)
        entry.body = state.body[:MAX_BODY]
        entry.response = b"".join(self._chunks)[:MAX_BODY]
        state.world.journal.add(entry)


def _entry(scope: Scope, state: RequestState, secrets: Secrets | None) -> Entry:
    world = state.world
    return Entry(
        world.journal.next_id(),
        world.store.clock.milliseconds(),
        scope["method"],
        scope["path"],
        scope["query_string"],
        scope["headers"],
        secrets.mask if secrets else None,
    )


def _with_cors(headers: Headers, cors: Any) -> Headers:
    """Headers with those of CORS, which take the place of others; what a response varies by is joined."""
    names = {name for name, _ in cors}
    if not any([name in names for name, _ in headers]):  # noqa: C419 - a list is faster than a generator
        return [*headers, *cors]
    varies = [value for name, value in headers if name == b"vary"]
    kept = [each for each in headers if each[0] not in names]
    return [*kept, *((n, b", ".join([*varies, v]) if n == b"vary" else v) for n, v in cors)]


def _rule(state: RequestState) -> Headers:
    """The headers that name the rule that answered."""
    rule = _printable(state.rule).encode()
    if not rule:
        return []
    exposed = (b"access-control-expose-headers", b", ".join(RULE_HEADERS))
    return [*((name, rule) for name in RULE_HEADERS), exposed]


def _outcomes(state: RequestState) -> Headers:
    """The header that names what happened, in words of the contract."""
    rows = [_outcome(outcome, ignored) for outcome, ignored in state.outcomes or ()]
    return [(OUTCOMES_HEADER, json.dumps(rows).encode())] if rows else []


def _outcome(outcome: Outcome, ignored: bool) -> dict[str, Any]:
    """An outcome as data, with those of its fields that are short texts or numbers."""
    fields = {
        name: value
        for name, value in vars(outcome).items()
        if isinstance(value, int) or (isinstance(value, str) and len(value) <= MAX_FIELD)
    }
    return {"outcome": type(outcome).__name__, "ignored": ignored, "fields": fields}


# --- access log ------------------------------------------------------------------------------------


def _log(scope: Scope, state: RequestState, secrets: Secrets, seconds: float) -> None:
    """Log the line of a request: client, method, path, status, milliseconds, rule, fault."""
    client = (scope.get("client") or ("-",))[0]
    target = secrets.path(_target(scope))
    line = f"{client} {scope['method']} {target} {state.status or '-'} {seconds * 1000:.1f} ms"
    notes = [_printable(each) for each in (state.rule, state.fault) if each]
    access.info("%s", "; ".join([line, *notes]))


def _target(scope: Scope) -> str:
    """The path and query as they were sent, escaped: safe in a log line."""
    path = scope.get("root_path", "") + (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return _printable(f"{path}?{query}" if query else path)


def _printable(text: str) -> str:
    """A text with its control and non-ASCII characters escaped."""
    return ascii(text)[1:-1]
