"""Answers to requests that are refused before the contract has a say in them."""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.engine.http_exchange import Answer, respond

access = logging.getLogger("flowise_mock.access")


def refusal(status: int, message: str) -> Answer:
    """A refusal in the form of Flowise's failures; the message says what to do."""
    failure = {"statusCode": status, "success": False, "message": message, "stack": {}}
    body = jsontext.dumps(failure).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return Answer(status, headers, body)


def on_the_wire(answer: Answer) -> bytes:
    """An answer as the bytes of a response that ends its connection."""
    lines = [b"HTTP/1.1 %d %s" % (answer.status, HTTPStatus(answer.status).phrase.encode())]
    lines += [b"%s: %s" % header for header in (*answer.headers, (b"connection", b"close"))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body


class Refusal:
    """An app that answers every request with one refusal, and logs a line. A bare one has no reason."""

    def __init__(self, status: int, message: str, *, bare: bool = False) -> None:
        self.status = status
        self.message = message
        self.bare = bare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = (scope.get("client") or ("-",))[0]
        access.info("%s %s - %s; %s", client, scope["method"], self.status, self.message)
        await respond(Answer(self.status, [], b"") if self.bare else refusal(self.status, self.message), send)
