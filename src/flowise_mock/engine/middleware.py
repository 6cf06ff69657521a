"""The outer middlewares: the state of a request, pages outside the API, and the answers of failures."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from connexion.exceptions import ProblemException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.answers import Answer, AnsweringApp, Answers, respond
from flowise_mock.engine.connection import Connection
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.request_state import RequestState, attach, detach, request_state
from flowise_mock.engine.requests import ClientDisconnect
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.engine.worlds import HEADER, Worlds
from flowise_mock.state.outcomes import Failure, Forbidden, InternalError, Outcome, Refusal, Unauthorized

log = logging.getLogger("flowise_mock")
FRESH = (b"flowise-mock-fresh", b"1")
"""The response header of the first answer of a namespace, which begins with the records of the seed."""


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
        state = RequestState(world, Connection(receive, send), self.unrouted, headers)
        attach(scope, state)
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
            detach(scope)


async def _send_fresh(send: Send, message: Message) -> None:
    """Send a message; a response says that it is the first one of its namespace."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message["headers"], FRESH]}
    await send(message)


class ErrorMiddleware:
    """Answers every failure in the contract's words, and the pages outside the API.

    `hang` is the time in seconds after which a request is closed that a real server never answers.
    """

    def __init__(self, app: AnsweringApp, pages: Pages, profile: ServerProfile, hang: float) -> None:
        self.app = app
        self.pages = pages
        self.profile = profile
        self.hang = hang

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        state = request_state(scope)
        try:
            page = self.pages.find(scope)
            return await self.app(scope, receive, send) if page is None else page
        except ClientDisconnect:
            log.debug("the client disconnected: %s %s", scope["method"], scope["path"])
            return None
        except ProblemException as problem:  # of a security function that a user has added
            failure = Unauthorized if problem.status == 401 else Forbidden
            return state.answers.render(failure(str(problem.detail)))
        except Outcome as outcome:
            state.note_outcome(outcome)
            answer = state.answers.render(outcome)
            if not self._is_left_open(state, outcome, answer):
                return answer
            await state.connection.leave_open(self.hang)
            return None
        except Exception as error:
            log.exception("%s %s failed", scope["method"], scope["path"])
            return None if state.status else state.answers.render(InternalError(type(error).__name__))

    def _is_left_open(self, state: RequestState, outcome: Outcome, answer: Answer) -> bool:
        """Whether a real server sends nothing: its error handler does so if a stream is requested.

        Texts do not go through that handler.
        """
        media = dict(answer.headers).get(b"content-type", b"")
        silent = self.profile.leaves_stream_errors and state.streaming
        return silent and isinstance(outcome, Failure) and media.startswith(b"application/json")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
