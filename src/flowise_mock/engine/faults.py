"""Faults on the wire: what a client gets in place of an answer, or of a part of it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.cors import SEND
from flowise_mock.engine.streams import HEADERS
from flowise_mock.faults import Fault
from flowise_mock.outcomes import (
    Broken,
    NotFound,
    OriginRefused,
    Outcome,
    StreamOriginRefused,
    Throttled,
    TooLarge,
    Unauthorized,
)

ASKED = "x-flowise-mock-fault"
"""The request header that asks for a fault."""
INJECTED = "flowise_mock.fault"
"""The name of the fault that was made, among the scope's extensions."""
REFUSED = "This site is not allowed to access this chatbot"


Frame = Callable[[str, Any], bytes]


class Replaced(Exception):
    """The answer is left to a fault: nothing was done."""


class Wire:
    """The way of one answer to its client. `inject` says which fault happens to it."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, answers: Answers, hang: float, frame: Frame
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._answers, self._hang, self._frame = answers, hang, frame
        self._fault: Fault | None = None
        self._call = 1
        self._tokens = 0
        self._sent = 0
        self._stream = self._over = self._begun = False

    def inject(self, fault: Fault, call: int = 1) -> None:
        """Let a fault happen. Raises Replaced where it takes the place of the answer."""
        self._fault, self._call = fault, call
        self._scope["extensions"][INJECTED] = fault.name
        if fault.kind.replaces:
            raise Replaced

    async def replace(self, streaming: bool) -> None:
        """Send what stands for the answer."""
        assert self._fault is not None
        if self._fault.name == "hang":
            await self._wait_for_leaving(self._fault.options["seconds"])
        elif self._fault.name == "reset":
            await self._cut(reset=True)
        elif self._fault.name == "empty-stream":
            await self._whole(Answer(200, list(HEADERS), b""))
        else:
            await self._whole(self._answer(self._fault, streaming))

    def _answer(self, fault: Fault, streaming: bool) -> Answer:
        """The answer in the contract's own words, past its check."""
        if fault.name == "forbidden-origin" and streaming:
            refused = StreamOriginRefused(REFUSED)
            if not self._answers.proceeds(refused):
                return self._answers.unchecked(refused)
        outcome = _OUTCOMES[fault.name](fault, self._scope)
        return self._answers.unchecked(outcome, int(fault.options.get("code") or _STATUSES[fault.name]))

    async def _whole(self, answer: Answer) -> None:
        await self._send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await self._send({"type": "http.response.body", "body": answer.body})

    # --- an answer that is made, and spoiled on its way ---

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on, as far as the fault lets it."""
        if self._fault is None:
            await self._send(message)
        elif self._over:
            return
        elif message["type"] == "http.response.start":
            await self._head(self._fault, message)
        elif self._fault.name == "truncated":
            await self._truncated(int(self._fault.options["bytes"]), message)
        elif self._stream and self._fault.name in _SPOILERS:
            await _SPOILERS[self._fault.name](self, message)
        else:
            await self._send(message)

    async def _head(self, fault: Fault, message: Message) -> None:
        media = dict(message["headers"]).get(b"content-type", b"")
        self._stream = media.startswith(b"text/event-stream")
        if fault.name == "latency":
            spread = fault.options["spread"] * (2 * fault.drawn(self._call, "latency") - 1)
            await asyncio.sleep(max(0.0, fault.options["ms"] + spread) / 1000)
        await self._send(message)

    async def _truncated(self, limit: int, message: Message) -> None:
        body = message.get("body", b"")[: limit - self._sent]
        self._sent += len(body)
        await self._send({**message, "body": body, "more_body": True})
        if self._sent >= limit or not message.get("more_body"):
            await self._cut()

    async def _lost(self, message: Message) -> None:
        if _event(message) in (None, "metadata", "end", "error"):
            await self._send(message)

    async def _slow(self, message: Message) -> None:
        if not self._begun:
            self._begun = True
            await asyncio.sleep(self._option("ms") / 1000)
        await self._send(message)

    async def _error(self, message: Message) -> None:
        if not self._is_due(message):
            return await self._send(message)
        body = self._frame("error", self._option("message")) + self._frame("end", "[DONE]")
        return await self._last(body)

    async def _cut_frame(self, message: Message) -> None:
        if not self._is_due(message):
            return await self._send(message)
        body = message.get("body", b"")
        return await self._last(body[: len(body) // 2])

    async def _no_end(self, message: Message) -> None:
        if _event(message) != "end":
            await self._send(message)

    async def _never_closed(self, message: Message) -> None:
        if message.get("more_body"):
            return await self._send(message)
        self._over = True
        return await self._wait_for_leaving(self._option("seconds"))

    def _option(self, name: str) -> Any:
        assert self._fault is not None
        return self._fault.options[name]

    def _is_due(self, message: Message) -> bool:
        """Whether as many tokens were sent as asked for, and this is no frame that comes before them."""
        event = _event(message)
        due = self._tokens >= self._option("after") and event in ("token", "metadata", "end", "error")
        self._tokens += event == "token"
        return due or not message.get("more_body")

    async def _last(self, body: bytes) -> None:
        self._over = True
        await self._send({"type": "http.response.body", "body": body})

    # --- the connection ---

    async def _cut(self, *, reset: bool = False) -> None:
        """Close the connection; with `reset`, not in good order."""
        self._over = True
        transport = connection(self._scope["extensions"][SEND])
        if transport is not None:
            if reset:
                _linger_not(transport)
                transport.abort()
            else:
                transport.close()
        await self._left()

    async def _wait_for_leaving(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._left(), self._hang if seconds is None else seconds)
        except TimeoutError:
            await self._cut()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _throttled(fault: Fault, scope: Scope) -> Outcome:
    seconds = int(fault.options["seconds"])
    return Throttled("Too many requests, please try again later.", 0, seconds, seconds)


def _not_found(fault: Fault, scope: Scope) -> Outcome:
    return NotFound("Record", next(iter(scope["path_params"].values()), ""))


_OUTCOMES: dict[str, Callable[[Fault, Scope], Outcome]] = {
    "unauthorized": lambda fault, scope: Unauthorized("the API key is missing or not known"),
    "forbidden-origin": lambda fault, scope: OriginRefused(REFUSED),
    "not-found": _not_found,
    "too-large": lambda fault, scope: TooLarge(0),
    "rate-limited": _throttled,
    "server-error": lambda fault, scope: Broken(fault.options["message"]),
    "status": lambda fault, scope: Broken(fault.options["message"]),
}
_STATUSES = {
    "unauthorized": 401, "forbidden-origin": 403, "not-found": 404, "too-large": 413, "rate-limited": 429,
    "server-error": 500,
}  # fmt: skip
"""A version may answer such an outcome otherwise; who asks for a 404 gets one."""
_SPOILERS: dict[str, Callable[[Wire, Message], Any]] = {
    "lost-content": Wire._lost,
    "slow-first-token": Wire._slow,
    "error-midstream": Wire._error,
    "cut-frame": Wire._cut_frame,
    "no-end": Wire._no_end,
    "never-closed": Wire._never_closed,
}


def refusal(told: str) -> Answer:
    """What a header that asks for no fault is answered, whatever the contract."""
    headers = [(b"content-type", b"application/json")]
    return Answer(400, headers, orjson.dumps({"error": f"{ASKED}: {told}"}))


def _event(message: Message) -> str | None:
    """The name of the event that a frame tells; None for a comment, or no frame."""
    _, colon, data = message.get("body", b"").partition(b"data:")
    return str(orjson.loads(data).get("event")) if colon else None


def connection(send: Any) -> Any:
    """The connection. ASGI has no word for it: uvicorn's own object, behind the send it gave, has it."""
    while isinstance(send, functools.partial):
        send = send.keywords.get("send")
    return getattr(getattr(send, "__self__", None), "transport", None)


def _linger_not(transport: Any) -> None:
    """Let the connection be closed with a reset."""
    import socket
    import struct

    held = transport.get_extra_info("socket")
    if held is not None:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
