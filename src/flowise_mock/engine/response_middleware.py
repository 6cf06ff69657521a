"""What is done with every response, in one place and one coroutine.

The answers to failures, the headers of the server and of CORS, `If-None-Match`, HEAD, the counts of answers,
the entry of the journal and the line of the access log.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from connexion.exceptions import ProblemException
from starlette.types import Message, Receive, Scope, Send

from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.http_exchange import Answer, AnsweringApp, respond
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.engine.requests import ClientDisconnect
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.engine.worlds import World
from flowise_mock.state.journal import MAX_BODY, Entry
from flowise_mock.state.outcomes import Failure, Forbidden, InternalError, Outcome, Unauthorized

log = logging.getLogger("flowise_mock")
access = logging.getLogger("flowise_mock.access")
RULE_HEADERS = (b"flowise-mock-rule", b"x-flowise-mock-rule")
"""The response header that names the rule that answered, and its older name."""
OUTCOMES_HEADER = b"flowise-mock-outcomes"
"""The response header that lists the outcomes of a request, as JSON."""
MAX_FIELD = 300
"""Characters of the longest text that the header has of an outcome."""
Headers = list[tuple[bytes, bytes]]


class ResponseMiddleware:
    """Sends the answers of the app behind it, answers its failures, completes both, and keeps what is known.

    `hang` is the time in seconds after which a request is closed that a real server never answers. `explain`
    shows the rule that answered, and what happened, in headers. `journal` keeps an entry of each request in
    its namespace.
    """

    def __init__(
        self,
        app: AnsweringApp,
        profile: ServerProfile,
        secrets: Secrets | None = None,
        *,
        hang: float = 0,
        explain: bool = False,
        journal: bool = False,
    ) -> None:
        self.app = app
        self.profile = profile
        self.secrets = secrets
        self.hang = hang
        self.explain = explain
        self.journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = request_state(scope)
        if self.explain:
            state.outcomes = []
        started = time.perf_counter()
        if self.journal:
            state.entry = self._begun(scope, state.world)
        parts: list[bytes] = []
        try:
            try:
                answer = await self.app(scope, receive, partial(self._send, scope, state, parts, send))
            except Exception as error:
                answer = await self._failed(error, scope, state)
            if answer is not None:
                status, headers, body = answer
                status, headers = self._head(scope, state, status, headers)
                if state.bodiless:
                    body = b""
                if state.entry is not None:
                    state.entry.completed = not state.has_left
                    state.entry.response_length = len(body)
                    parts.append(body)
                await respond(Answer(status, headers, body), send)
        finally:
            seconds = time.perf_counter() - started
            if state.entry is not None:
                self._end(state.entry, state, parts, seconds)
            if self.secrets is not None and access.isEnabledFor(logging.INFO):
                _log(scope, state, self.secrets, seconds)

    async def _failed(self, error: Exception, scope: Scope, state: RequestState) -> Answer | None:
        """The answer to a failure in the contract's words; None if there is no one to answer."""
        if isinstance(error, Outcome):
            state.note_outcome(error)
            answer = state.answers.render(error)
            if not self._is_left_open(state, error, answer):
                return answer
            await state.connection.leave_open(self.hang)
            return None
        if isinstance(error, ClientDisconnect):
            log.debug("the client disconnected: %s %s", scope["method"], scope["path"])
            return None
        if isinstance(error, ProblemException):  # of a security function that a user has added
            failure = Unauthorized if error.status == 401 else Forbidden
            return state.answers.render(failure(str(error.detail)))
        log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
        return None if state.status else state.answers.render(InternalError(type(error).__name__))

    def _is_left_open(self, state: RequestState, outcome: Outcome, answer: Answer) -> bool:
        """Whether a real server sends nothing: its error handler does so if a stream is requested.

        Texts do not go through that handler.
        """
        media = dict(answer.headers).get(b"content-type", b"")
        silent = self.profile.leaves_stream_errors and state.streaming
        return silent and isinstance(outcome, Failure) and media.startswith(b"application/json")

    def _begun(self, scope: Scope, world: World) -> Entry:
        """The entry of the journal for a request."""
        id, time = world.journal.next_id(), world.store.clock.milliseconds()
        return Entry(id, time, scope["method"], scope["path"], scope["query_string"], scope["headers"])

    def _send(
        self, scope: Scope, state: RequestState, parts: list[bytes], send: Send, message: Message
    ) -> Awaitable[None]:
        """Send a message of a response that comes in parts, completed."""
        if message["type"] == "http.response.start":
            status, headers = self._head(scope, state, message["status"], message["headers"])
            return send({"type": "http.response.start", "status": status, "headers": headers})
        body, more = message.get("body", b""), message.get("more_body", False)
        if state.bodiless:
            body = b""
        entry = state.entry
        if entry is not None:
            if not more:
                entry.completed = not state.has_left
            elif body:
                entry.events += body.count(b"\n\n")
            if entry.response_length < MAX_BODY:
                parts.append(body)
            entry.response_length += len(body)
        return send({"type": "http.response.body", "body": body, "more_body": more})

    def _head(self, scope: Scope, state: RequestState, status: int, headers: Headers) -> tuple[int, Headers]:
        """The head of the response with the headers that are added to all, and its status counted."""
        if not state.without_headers:
            profile = self.profile
            state.bodiless = scope["method"] == "HEAD"
            if profile.etags and _client_has(scope, state, status, headers):
                state.bodiless, status = True, 304
                headers = [each for each in headers if each[0].lower() in _KEPT_UNCHANGED]
            key = (state.operation_id, status)
            answered = state.world.answered
            answered[key] = answered.get(key, 0) + 1
            if profile.headers:
                headers = [*profile.headers, *headers]
            if state.added:
                headers = [*headers, *state.added]
            if self.explain:
                headers = [*headers, *_rule(state), *_outcomes(state)]
            if state.cors:
                headers = _with_cors(headers, state.cors)
        state.status = status
        if state.entry is not None:
            state.entry.response_headers = headers
        return status, headers

    def _end(self, entry: Entry, state: RequestState, parts: list[bytes], seconds: float) -> None:
        """Add the entry to the journal."""
        entry.operation = state.operation_id
        body = state.body
        if body:
            entry.body, entry.length = body[:MAX_BODY], len(body)
        entry.question, entry.rule, entry.fault = state.question, state.rule, state.fault
        entry.status = state.status
        if parts:
            entry.response = (parts[0] if len(parts) == 1 else b"".join(parts))[:MAX_BODY]
        entry.duration = seconds * 1000
        if self.secrets is not None:
            entry.mask = self.secrets.mask
        state.world.journal.add(entry)


def _client_has(scope: Scope, state: RequestState, status: int, headers: Headers) -> bool:
    """Whether the client has the body already, by its ETag."""
    sent = state.headers
    wanted = sent.get(b"if-none-match")
    if wanted is None or scope["method"] not in ("GET", "HEAD"):
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
    for name, _ in headers:
        if name in cors:
            break
    else:
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
