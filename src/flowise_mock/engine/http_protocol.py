"""The HTTP/1.1 of the server: uvicorn's protocol on httptools, with limits on each connection.

Like `private_api.py`, it holds names that uvicorn does not promise; tests/engine/test_http_protocol.py has a
test for each.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from flowise_mock.engine.answers import Answer
from flowise_mock.engine.http_limits import HTTPLimits, expectation_problem, head_problem
from flowise_mock.engine.refusal import Refusal, on_the_wire, refusal
from flowise_mock.engine.upgrade import parser_after

access = logging.getLogger("flowise_mock.access")


class Protocol(HttpToolsProtocol):
    """One connection, with limits on what its client may send, leave unsent, and not read.

    A request that offers an upgrade, such as curl's `h2c`, is answered as if it did not. Every answer is
    sent so that the client can read it, also one that is sent before the body has come. If `bare`, what is
    refused gets no reason, as from Node.
    """

    def __init__(
        self, *args: Any, limits: HTTPLimits, stalled: set[Protocol], bare: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.bare = bare
        self._stalled = stalled  # all connections of the server whose client does not read
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._in_head = False
        self._is_whole = True
        self._head_size = self._packet = self._discarded = 0
        self._refused: Answer | None = None
        self._answered: RequestResponseCycle | None = None
        self._is_ending = False

    # --- receiving ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self.limits.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True  # uvicorn marks the last request alone
            self._answered.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        if self._is_ending:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        self._packet = len(data)
        continues_head = self._in_head
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(400, "This is not an HTTP/1.1 request; https, HTTP/2 and proxies are not served")
            return
        if self._in_head:
            self._head_size += self._packet if continues_head else 0
            if self._head_size > self.limits.head_bytes:
                self._refuse(*head_problem([], "", self._head_size, self.limits) or (431, ""))
            elif not continues_head:
                self._arm(self.limits.idle_seconds)
        elif self._is_whole:
            self._disarm()
        elif self.cycle.response_complete:
            if not self._discarded:
                self._arm(self.limits.discard_seconds)
            self._discard(self._packet)
        elif self._timer is None:
            self._arm(self.limits.body_seconds)

    def _feed(self, data: bytes) -> None:
        """Parse, and go on after an upgrade, where the parser stops."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._is_whole = False
                parser_after(self)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._is_whole = True, False
        self._head_size = self._discarded = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value.rstrip(b" \t"))  # the parser strips blanks before a value only

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        size = self._head_size + self._packet
        if size > self.limits.head_bytes:  # with some of the body, perhaps
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        problem = head_problem(self.headers, self.parser.get_http_version(), size, self.limits)
        if problem is None and self.bare:
            problem = expectation_problem(self.headers)
        if problem is None:
            super().on_headers_complete()
        else:
            app, self.app = self.app, Refusal(*problem, bare=self.bare)
            super().on_headers_complete()
            self.cycle.keep_alive = False
            self.app = app
        if not self.cycle.keep_alive:
            self.cycle.transport = _ClosingTransport(self)  # type: ignore[assignment]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():  # else the body is still to come
            self._is_whole = True
            super().on_message_complete()
            if not self.pipeline:  # else a client that leaves is not seen
                self.flow.resume_reading()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refused is not None and not self.pipeline:
            self._end(self._refused)

    # --- ending ---

    def _refuse(self, status: int, message: str) -> None:
        """Answer what is no request, after the requests that came before it."""
        access.info("%s - - %s; %s", self.client[0] if self.client else "-", status, message)
        answer = Answer(status, [], b"") if self.bare else refusal(status, message)
        if self.cycle is None or self.cycle.response_complete:
            self._end(answer)
        elif not self._in_head and not self._is_whole:  # the request that is being answered is broken
            if self.cycle.response_started:
                self.transport.abort()
            else:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
                self._end(answer)
        else:
            self._refused = answer
            self.flow.pause_reading()

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
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arm(self.limits.discard_seconds)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > self.limits.discard_bytes:
            self.transport.abort()

    # --- time ---

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._time_is_over)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_over(self) -> None:
        self._timer = None
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._is_ending or (not self._is_whole and not self._in_head and not answering):
            self.transport.abort()
        elif self._in_head:
            self._refuse(408, f"The headers did not come within {self.limits.idle_seconds:g} s")
        elif self.flow.read_paused:
            self._arm(self.limits.body_seconds)
        elif answering and not self._is_whole:
            self._refuse(408, f"The body did not come within {self.limits.body_seconds:g} s")
        elif not answering:
            self.transport.close()

    # --- writing ---

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.add(self)
        self._watch(self.transport.get_write_buffer_size())
        if sum(each.transport.get_write_buffer_size() for each in self._stalled) > self.limits.unsent_bytes:
            max(self._stalled, key=lambda each: each.transport.get_write_buffer_size()).transport.abort()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled.discard(self)
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _watch(self, unsent: int) -> None:
        """Close the connection if the client reads nothing for so long."""
        self._writing = self.loop.call_later(self.limits.write_seconds, self._check_progress, unsent)

    def _check_progress(self, before: int) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= before:
            self.transport.abort()
        else:
            self._watch(unsent)


class _ClosingTransport:
    """The transport of a connection that ends with its response. `close` leaves the client time to read."""

    def __init__(self, protocol: Protocol) -> None:
        self._transport = protocol.transport
        self.write = protocol.transport.write
        self.close = protocol.close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
