"""What is done with every response, in one place and one `send`.

The headers of the server and of CORS, `If-None-Match`, HEAD, the counts of answers, the entry of the journal
and the line of the access log.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.answers import AnsweringApp
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
    """Sends what the app behind it returns, completes every response, and keeps what is known of it.

    `explain` shows the rule that answered, and what happened, in headers. `journal` keeps an entry of each
    request in its namespace.
    """

    def __init__(
        self,
        app: AnsweringApp,
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
        response = _Response(self, scope, state, send)
        try:
            answer = await self.app(scope, receive, response.send)
            if answer is not None:
                await send(response.head(answer.status, answer.headers))
                await send(response.body(answer.body))
        finally:
            response.end()


class _Response:
    """One response on its way out. `_entry` is that of the journal, if there is one."""

    __slots__ = ("_bodiless", "_chunks", "_entry", "_middleware", "_scope", "_send", "_started", "_state")

    def __init__(self, middleware: ResponseMiddleware, scope: Scope, state: RequestState, send: Send) -> None:
        self._middleware = middleware
        self._scope = scope
        self._state = state
        self._send = send
        self._bodiless = scope["method"] == "HEAD"
        self._started = time.perf_counter()
        self._entry: Entry | None = None
        if middleware.journal:
            world = state.world
            self._entry = Entry(
                world.journal.next_id(),
                world.store.clock.milliseconds(),
                scope["method"],
                scope["path"],
                scope["query_string"],
                scope["headers"],
            )
            self._chunks: list[bytes] = []

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message of what is sent in parts, completed."""
        if message["type"] == "http.response.start":
            return self._send(self.head(message["status"], message["headers"]))
        return self._send(self.body(message.get("body", b""), more=message.get("more_body", False)))

    def head(self, status: int, headers: Headers) -> Message:
        """The head of the response with the headers that are added to all, and its status counted."""
        state, middleware = self._state, self._middleware
        if not state.without_headers:
            if middleware.profile.etags and self._client_has(status, headers):
                self._bodiless, status = True, 304
                headers = [each for each in headers if each[0].lower() in _KEPT_UNCHANGED]
            key = (state.operation_id, status)
            answered = state.world.answered
            answered[key] = answered.get(key, 0) + 1
            headers = self._completed(headers)
        state.status = status
        if self._entry is not None:
            self._entry.response_headers = headers
        return {"type": "http.response.start", "status": status, "headers": headers}

    def _completed(self, headers: Headers) -> Headers:
        """Headers with those that are added to all responses."""
        state, middleware = self._state, self._middleware
        if middleware.profile.headers:
            headers = [*middleware.profile.headers, *headers]
        if state.added:
            headers = [*headers, *state.added]
        if middleware.explain:
            headers = [*headers, *_rule(state), *_outcomes(state)]
        return _with_cors(headers, state.cors) if state.cors else headers

    def body(self, body: bytes, *, more: bool = False) -> Message:
        """The body of the response, or a part of it."""
        if self._bodiless and not self._state.without_headers:
            body = b""
        entry = self._entry
        if entry is not None:
            if not more:
                entry.completed = not self._state.connection.has_left
            elif body:
                entry.events += body.count(b"\n\n")
            if entry.response_length < MAX_BODY:
                self._chunks.append(body)
            entry.response_length += len(body)
        return {"type": "http.response.body", "body": body, "more_body": more}

    def end(self) -> None:
        """Add the entry to the journal and the line to the access log, if they are kept."""
        seconds = time.perf_counter() - self._started
        secrets = self._middleware.secrets
        if self._entry is not None:
            self._add_to_journal(self._entry, seconds, secrets)
        if secrets is not None and access.isEnabledFor(logging.INFO):
            _log(self._scope, self._state, secrets, seconds)

    def _add_to_journal(self, entry: Entry, seconds: float, secrets: Secrets | None) -> None:
        state, chunks = self._state, self._chunks
        entry.operation = state.operation_id
        if state.body:
            entry.body, entry.length = state.body[:MAX_BODY], len(state.body)
        entry.question, entry.rule, entry.fault = state.question, state.rule, state.fault
        entry.status = state.status
        if chunks:
            entry.response = (chunks[0] if len(chunks) == 1 else b"".join(chunks))[:MAX_BODY]
        entry.duration = seconds * 1000
        if secrets is not None:
            entry.mask = secrets.mask
        state.world.journal.add(entry)

    def _client_has(self, status: int, headers: Headers) -> bool:
        """Whether the client has the body already, by its ETag."""
        sent = self._state.headers
        wanted = sent.get(b"if-none-match")
        if wanted is None or self._scope["method"] not in ("GET", "HEAD"):
            return False
        etag = dict(headers).get(b"etag")
        if etag is None or status != 200 or b"no-cache" in sent.get(b"cache-control", b""):
            return False
        tags = [tag.strip().removeprefix(b"W/") for tag in wanted.split(b",")]
        return wanted.strip() == b"*" or etag.removeprefix(b"W/") in tags


_KEPT_UNCHANGED = (b"etag", b"cache-control", b"accept-ranges")
"""The headers of an answer that its 304 has too."""


def _with_cors(headers: Headers, cors: Mapping[bytes, bytes]) -> Headers:
    """Headers with those of CORS, which take the place of others; what a response varies by is joined."""
    if cors.keys().isdisjoint([name for name, _ in headers]):
        return [*headers, *cors.items()]
    varies = [value for name, value in headers if name == b"vary"]
    kept = [each for each in headers if each[0] not in cors]
    joined = ((n, b", ".join([*varies, v]) if n == b"vary" else v) for n, v in cors.items())
    return [*kept, *joined]


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
