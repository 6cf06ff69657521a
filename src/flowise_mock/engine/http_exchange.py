"""One request and its response, as ASGI sees them: `receive` and `send` of a connection.

uvicorn's own takes half of the time of a short request: for each it makes an event, two timers, and three
callbacks of the event loop, and looks at every header with two patterns.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Generator
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.unsent import Unsent

log = logging.getLogger("flowise_mock")
HIGH_WATER = 64 * 1024
"""Bytes of a body that wait for the application before no more are read from the client."""
LARGE_BODY = 64 * 1024
"""Bytes of a body from which on a packet more costs less than a copy."""
_FRAMING = (b"content-length", b"transfer-encoding", b"connection")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_BROKEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_DISCONNECT: Message = {"type": "http.disconnect"}


class _Sent:
    """What there is to await of a message that was sent: nothing, without a coroutine."""

    def __await__(self) -> Generator[None]:
        yield from ()


SENT = _Sent()


class Connected(Protocol):
    """What an exchange needs of its connection (http_protocol.py)."""

    loop: asyncio.AbstractEventLoop
    tasks: set[asyncio.Task[None]]
    transport: asyncio.Transport
    unsent: Unsent

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def default_headers(self) -> bytes: ...

    def completed(self, exchange: Exchange) -> None: ...

    def fail(self, exchange: Exchange) -> None: ...

    def close(self) -> None: ...


class Exchange:
    """One request and its response.

    `keep_alive` says that the connection goes on after it. `disconnected` says that the client has left, and
    `is_complete` that the whole response was written; then `receive` says `http.disconnect`. `on_left` is
    called if the client leaves.
    """

    __slots__ = (
        "_app", "_bodiless", "_body", "_chunked", "_connection", "_continues", "_head", "_left", "_news",
        "_task", "_waiting", "disconnected", "is_complete", "is_started", "is_whole", "keep_alive", "on_left",
        "scope", "transport",
    )  # fmt: skip

    def __init__(
        self, connection: Connected, app: ASGIApp, scope: Scope, *, keep_alive: bool, continues: bool
    ) -> None:
        self.scope = scope
        self.transport = connection.transport
        self.keep_alive = keep_alive
        self.on_left: Callable[[], None] | None = None
        self.disconnected = self.is_started = self.is_complete = False
        self.is_whole = False
        self._app = app
        self._connection = connection
        self._body = b""
        self._bodiless = scope["method"] == "HEAD"
        self._chunked = False
        self._continues = continues
        self._head = b""
        self._left = 0
        self._news = False
        self._task: asyncio.Task[None]
        self._waiting: asyncio.Event | None = None

    # --- the connection's side ---

    def start(self) -> None:
        """Run the application in a task, which counts as the server's until it ends."""
        self._task = self._connection.loop.create_task(self._run())
        self._connection.tasks.add(self._task)

    def add_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body
        if len(self._body) > HIGH_WATER:
            self._connection.pause_reading()
        self.wake()

    def end_body(self) -> None:
        self.is_whole = True
        self.wake()

    def disconnect(self) -> None:
        """The client has left, or it gets no answer to this request."""
        self.disconnected = True
        self.wake()
        if self.on_left is not None:
            self.on_left()

    def wake(self) -> None:
        self._news = True
        if self._waiting is not None:
            self._waiting.set()

    # --- the application's side ---

    def close(self) -> None:
        """Close the connection after everything is sent."""
        self._write_head()
        self._connection.close()

    async def _run(self) -> None:
        problem: BaseException | None = None
        try:
            await self._app(self.scope, self.receive, self.send)
        except BaseException as error:
            problem = error
        self._connection.tasks.discard(self._task)
        is_open = not self.is_complete and not self.disconnected
        if is_open or isinstance(problem, Exception):
            log.error(
                "the application failed, or returned before its response was complete", exc_info=problem
            )
        if is_open:
            self._connection.fail(self)

    async def receive(self) -> Message:
        if self._continues and not self.disconnected and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._continues = False
        while not self._news and not self.disconnected and not self.is_complete:
            self._connection.resume_reading()
            if self._waiting is None:
                self._waiting = asyncio.Event()
            self._waiting.clear()
            await self._waiting.wait()
        if self.disconnected or self.is_complete:
            return _DISCONNECT
        self._news = False
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    def send(self, message: Message) -> Awaitable[None]:
        if self._connection.unsent.is_paused and not self.disconnected:
            return self._send_drained(message)
        self._write(message)
        return SENT

    def answer(self, status: int, headers: Any, body: bytes) -> bool:
        """Send a whole response in one piece; whether that was possible, else `send` it in parts."""
        if self.is_started or (self._connection.unsent.is_paused and not self.disconnected):
            return False
        if not self.disconnected:
            self._begin(status, headers)
            self._send_body(body, more=False)
        return True

    async def _send_drained(self, message: Message) -> None:
        await self._connection.unsent.drained()
        self._write(message)

    def _write(self, message: Message) -> None:
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.body" and self.is_started and not self.is_complete:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start" and not self.is_started:
            self._begin(message["status"], message.get("headers", ()))
            self._connection.loop.call_soon(self._write_head)
        else:
            raise RuntimeError(f"{kind} cannot be sent now")

    def _begin(self, status: int, headers: Any) -> None:
        """Make the head of the response."""
        self.is_started, self._continues = True, False
        lines = [_status_line(status), self._connection.default_headers()]
        length: int | None = None
        closes = False
        for header in headers:
            name, value = header
            if name == b"content-length":
                length = int(value)
                lines.append(b"content-length: %d\r\n" % length)
                continue
            if name in _FRAMING:
                closes = closes or (name == b"connection" and b"close" in value.lower())
                self._chunked = self._chunked or (
                    name == b"transfer-encoding" and value.lower() == b"chunked"
                )
            lines.append(_header_line(name, value))
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self._bodiless or status in (204, 304):
            self._bodiless = True
        elif length is not None:
            self._left = length
        else:
            if not self._chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
            self._chunked = True
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    def _write_head(self) -> None:
        """Write the head, unless it went with the first part of the body: that saves a packet."""
        if self._head:
            self.transport.write(self._head)
            self._head = b""

    def _send_body(self, body: bytes, more: bool) -> None:
        head, self._head = self._head, b""
        if self._bodiless:
            body = b""
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"" if more else b"0\r\n\r\n"
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body has another length than the response says")
        if head and len(body) > LARGE_BODY:
            self.transport.write(head)
            self.transport.write(body)
        elif head or body:
            self.transport.write(head + body if head else body)
        if not more:
            self.is_complete = True
            self.wake()
            self._connection.completed(self)


@lru_cache(600)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(1000)
def _header_line(name: bytes, value: bytes) -> bytes:
    """The line of a header; most are sent again and again. Raises RuntimeError if it would break the head."""
    if not _NAME.fullmatch(name.lower()) or _BROKEN.search(value):
        raise RuntimeError(f"the header {name!r} cannot be sent")
    return b"%b: %b\r\n" % (name.lower(), value)


Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """A response, ready to send."""

    status: int
    headers: Headers
    body: bytes


def respond(answer: Answer, send: Send) -> Awaitable[None]:
    """Send a whole response: in one piece if `send` is that of our own server."""
    exchange = getattr(send, "__self__", None)
    is_sent = type(exchange) is Exchange and exchange.answer(*answer)
    return SENT if is_sent else _in_parts(answer, send)


async def _in_parts(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


AnsweringApp = Callable[[Scope, Receive, Send], Awaitable[Answer | None]]
"""An ASGI app that may return its response instead of sending it: that saves each layer the messages."""


class Sender:
    """Sends what the app behind it returns. What is in front is any ASGI middleware, and expects messages."""

    def __init__(self, app: AnsweringApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.app(scope, receive, send)
        if answer is not None:
            await respond(answer, send)
