"""The HTTP/1.1 of the server: connections on httptools, with limits on each. uvicorn's server holds them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from flowise_mock.engine.deadline import Deadline
from flowise_mock.engine.http_exchange import Answer, Exchange
from flowise_mock.engine.http_limits import HTTPLimits, head_problem
from flowise_mock.engine.refusal import Refusal, on_the_wire, refusal
from flowise_mock.engine.unsent import Outbox, Outgoing, Unsent
from flowise_mock.engine.upgrade import new_parser, parse_after_head

access = logging.getLogger("flowise_mock.access")
log = logging.getLogger("flowise_mock")
_EXPECTED = (httptools.HttpParserInvalidURLError, UnicodeDecodeError)
"""What the callbacks of the parser raise if the URL is none."""
MAX_KEPT = 200
"""Bytes of the longest URL whose parts are kept."""


class Protocol(asyncio.Protocol):
    """One connection, with limits on what its client may send, leave unsent, and not read.

    A request that offers an upgrade, such as curl's `h2c`, is answered as if it did not. Every answer is
    sent so that the client can read it, also one that is sent before the body has come. If `bare`, what is
    refused gets no reason, as from Node. `stalled` are the clients of the server that do not read, and
    `outbox` has what is written to all clients.

    `exchange` is the request that was received last, whole or not; `_answered` is the one whose response is
    being sent, and `_queue` has those between the two.
    """

    transport: asyncio.Transport
    unsent: Unsent

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HTTPLimits,
        stalled: set[Unsent],
        outbox: Outbox,
        bare: bool = False,
    ) -> None:
        self.loop = _loop or asyncio.get_event_loop()
        self.limits = limits
        self.bare = bare
        self.tasks = server_state.tasks
        self.parser = new_parser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.exchange: Exchange | None = None
        self._app: ASGIApp = config.loaded_app
        self._keep_alive = config.timeout_keep_alive
        self._state = server_state
        self._stalled = stalled
        self._outbox = outbox
        self._answered: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._url = b""
        self._in_head = False
        self._is_whole = True
        self._is_reading_paused = False
        self._head_size = self._packet = self._discarded = 0
        self._refused: Answer | None = None
        self._is_ending = False
        self._deadline = Deadline(self.loop, self._time_is_over)

    # --- receiving ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        outgoing = Outgoing(cast(asyncio.Transport, transport), self._outbox, self.loop)
        self.transport = cast(asyncio.Transport, outgoing)
        self.unsent = Unsent(self.transport, self.loop, self.limits, self._stalled)
        self._client = _address(transport, "peername")
        self._server = _address(transport, "sockname")
        self._state.connections.add(cast(Any, self))
        self._deadline.set(self.limits.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(cast(Any, self))
        self._deadline.close()
        for exchange in (self._answered, *self._queue, self.exchange):
            if exchange is not None and not exchange.is_complete:
                exchange.disconnect()
        self._queue.clear()
        self.resume_writing()
        self.exchange = self._answered = None
        del self.parser  # the two hold each other, and would wait for the garbage collector

    def eof_received(self) -> None:
        if self._is_ending:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            self._discard(len(data))
            return
        self._packet = len(data)
        continues_head = self._in_head
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            ours = isinstance(error, httptools.HttpParserCallbackError)
            if ours and not isinstance(error.__context__, _EXPECTED):
                log.error("a request cannot be read", exc_info=error)
            self._refuse(400, "This is not an HTTP/1.1 request; https, HTTP/2 and proxies are not served")
            return
        if self._in_head:
            self._head_size += self._packet if continues_head else 0
            if self._head_size > self.limits.head_bytes:
                self._refuse(*head_problem([], {}, "", self._head_size, self.limits) or (431, ""))
            elif not continues_head:
                self._deadline.set(self.limits.idle_seconds)
        elif self._is_whole:
            self._deadline.clear()
        elif self.exchange is not None and self.exchange.is_complete:
            if not self._discarded:
                self._deadline.set(self.limits.discard_seconds)
            self._discard(self._packet)
        elif not self._deadline.is_set:
            self._deadline.set(self.limits.body_seconds)

    def _feed(self, data: bytes) -> None:
        """Parse, and go on after an upgrade, where the parser stops."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._is_whole = False
                assert self.exchange is not None
                parse_after_head(self, self.headers, keep_alive=self.exchange.keep_alive)

    def on_message_begin(self) -> None:
        self._url = b""
        self.headers = []
        self._in_head, self._is_whole = True, False
        self._head_size = self._discarded = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer, which is no header
            self.headers.append((name.lower(), value.rstrip(b" \t")))  # blanks before it are stripped already

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._deadline.clear()
        parser, headers = self.parser, self.headers
        size = self._head_size + self._packet
        if size > self.limits.head_bytes:  # with some of the body, perhaps
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in headers)
        version = parser.get_http_version()
        named = dict(headers)
        problem = head_problem(headers, named, version, size, self.limits)
        expected = named[b"expect"].lower() if b"expect" in named and version == "1.1" else None
        if problem is None and self.bare and expected not in (None, b"100-continue"):
            problem = 417, "The request has an Expect header that is not 100-continue"
        path, raw_path, query = (_target if len(self._url) <= MAX_KEPT else _target.__wrapped__)(self._url)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self._server,
            "client": self._client,
            "scheme": "http",
            "root_path": "",
            "headers": headers,
            "extensions": {},
            "method": parser.get_method().decode("ascii"),
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
        }
        exchange = self.exchange = Exchange(
            self,
            self._app if problem is None else Refusal(*problem, bare=self.bare),
            scope,
            keep_alive=problem is None and version != "1.0" and parser.should_keep_alive(),
            continues=expected == b"100-continue",
        )
        if self._answered is None:
            self._answered = exchange
            exchange.start()
        else:
            self._queue.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        if self.exchange is not None and not self.exchange.is_complete:
            self.exchange.add_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():  # else the body is still to come
            self._is_whole = True
            if self.exchange is not None:
                self.exchange.end_body()
            if not self._queue:  # else a client that leaves is not seen
                self.resume_reading()

    def pause_reading(self) -> None:
        if not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            self.transport.resume_reading()

    # --- ending ---

    def completed(self, exchange: Exchange) -> None:
        """The response of an exchange was written."""
        self._state.total_requests += 1
        self._answered = None
        if not exchange.keep_alive:
            self.close()
        if self._is_ending or self.transport.is_closing():
            return
        self.resume_reading()
        if self._queue:
            self._answered = self._queue.popleft()
            self._answered.start()
        elif self._refused is not None:
            self._end(self._refused)
        elif not self._is_whole and not self._in_head:
            self._deadline.set(self.limits.discard_seconds)
        elif not self._in_head:
            self._deadline.set(self._keep_alive)

    def fail(self, exchange: Exchange) -> None:
        """Answer for an application that failed; if its response has begun, end that."""
        if exchange.is_started:
            self.transport.abort()
        else:
            exchange.disconnect()
            self._end(Answer(500, [(b"content-length", b"0")], b""))

    def shutdown(self) -> None:
        """End the connection; if a request is being answered, after its response."""
        if self._answered is None:
            self.transport.close()
        else:
            self._answered.keep_alive = False

    def _refuse(self, status: int, message: str) -> None:
        """Answer what is no request, after the requests that came before it."""
        access.info("%s - - %s; %s", self._client[0] if self._client else "-", status, message)
        answer = Answer(status, [], b"") if self.bare else refusal(status, message)
        if self._answered is None:
            self._end(answer)
        elif self._answered is self.exchange and not self._in_head and not self._is_whole:
            if self._answered.is_started:  # the request that is being answered is broken
                self.transport.abort()
            else:
                self._answered.disconnect()
                self._end(answer)
        else:
            if not self._in_head and not self._is_whole:
                self._queue.pop()  # the broken one, whose body would never end
            self._refused = answer
            self.pause_reading()

    def _end(self, answer: Answer) -> None:
        self.transport.write(on_the_wire(answer))
        self._end_after_client()

    def close(self) -> None:
        """End the connection, after the client if that is still sending."""
        if self._is_whole and not self._in_head:
            self.transport.close()
        else:
            self._end_after_client()

    def _end_after_client(self) -> None:
        """Send no more and discard what still comes: to close now would reset what is unread."""
        if self._is_ending or self.transport.is_closing():
            return
        self._is_ending = True
        self.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline.set(self.limits.discard_seconds)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > self.limits.discard_bytes:
            self.transport.abort()

    # --- time ---

    def _time_is_over(self) -> None:
        answering = self._answered is not None
        if self._is_ending or (not self._is_whole and not self._in_head and not answering):
            self.transport.abort()
        elif self._in_head:
            self._refuse(408, f"The headers did not come within {self.limits.idle_seconds:g} s")
        elif self._is_reading_paused:
            self._deadline.set(self.limits.body_seconds)
        elif answering and not self._is_whole:
            self._refuse(408, f"The body did not come within {self.limits.body_seconds:g} s")
        elif not answering:
            self.transport.close()

    # --- writing ---

    def default_headers(self) -> bytes:
        """The lines of the headers that uvicorn gives to all responses, such as the date."""
        return _lines(*self._state.default_headers)

    def pause_writing(self) -> None:
        self.unsent.pause()

    def resume_writing(self) -> None:
        self.unsent.resume()


@lru_cache(1000)
def _target(url: bytes) -> tuple[str, bytes, bytes]:
    """The decoded path of a URL, its raw path and its query. Most requests repeat a URL, so they are kept."""
    found = httptools.parse_url(url)
    raw = found.path or b"/"  # http://localhost has none
    path = raw.decode("ascii")
    return unquote(path) if "%" in path else path, raw, found.query or b""


@lru_cache(4)
def _lines(*headers: tuple[bytes, bytes]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _address(transport: asyncio.BaseTransport, kind: str) -> tuple[str, int] | None:
    found = transport.get_extra_info(kind)
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
