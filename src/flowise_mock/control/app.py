"""The control API as an ASGI app: `control.yaml` on the same engine as the API, with both validations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract import merged
from flowise_mock.contract.document import Document, operations
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.writing import Writers
from flowise_mock.control.call import ControlCall, Served
from flowise_mock.control.guard import CONTROL
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.app import connexion_app
from flowise_mock.engine.endpoint import Endpoint, Settings
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.engine.response_middleware import ResponseMiddleware
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.engine.slices import Slices
from flowise_mock.knowledge.files import Upload

DOCUMENT = Path(__file__).with_name("control.yaml")
HANDLERS = "flowise_mock.control.handlers"
MAX_BODY = 64 * 1024 * 1024
"""The largest body in bytes, such as an imported namespace."""


def load() -> Document:
    """The document of the control API."""
    found: Document = merged.of_package(DOCUMENT)
    return found


class ControlApp:
    """The app is built at the first request: most servers start without needing it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._app: ASGIApp | None = None
        self._unrouted: Answers | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            async with self._building:  # in a thread: other requests are answered meanwhile
                if self._app is None:
                    self._app, self._unrouted = await asyncio.to_thread(self._build)
        assert self._app is not None
        assert self._unrouted is not None
        request_state(scope).answers = self._unrouted
        await self._app(scope, receive, send)

    def _build(self) -> tuple[ASGIApp, Answers]:
        contract, profile = load(), ServerProfile()
        schemas = Schemas(contract)
        writers = Writers(contract, schemas)
        answers: dict[str | None, Answers] = {None: Answers(contract, writers, profile=profile)}
        for operation in operations(contract):
            answers[operation.id] = Answers(contract, writers, operation.definition, profile)
        settings = Settings(
            contract,
            schemas,
            profile,
            answers,
            True,
            MAX_BODY,
            self.served.streams,
            self._call,
            Pages(contract, base=CONTROL),
            HANDLERS,
        )
        return ResponseMiddleware(connexion_app(settings), profile), answers[None]

    def _call(
        self, endpoint: Endpoint, scope: Scope, state: RequestState, body: Any, files: list[Upload]
    ) -> Any:
        host = state.headers.get(b"host", b"localhost").decode("latin-1")
        return ControlCall(self.served, state.world, f"http://{host}", Slices(state.connection).pause)
