"""The application: Connexion's middlewares in their order, and ours around them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from connexion.exceptions import ResolverError
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.main import API
from connexion.middleware.security import SecurityMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract.document import Document, DocumentError, operations
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine import private_api
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.cors import FlowCORSMiddleware
from flowise_mock.engine.endpoint import EndpointMiddleware, HandlerResolver, Settings, check_handlers
from flowise_mock.engine.fault_channel import FaultSettings
from flowise_mock.engine.fault_middleware import FaultMiddleware
from flowise_mock.engine.middleware import (
    AccessLogMiddleware,
    ErrorMiddleware,
    HeaderMiddleware,
    JournalMiddleware,
    StateMiddleware,
)
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.routing import RoutingMiddleware
from flowise_mock.engine.security import bearer
from flowise_mock.engine.server_profile import server_profile
from flowise_mock.engine.streams import Streams
from flowise_mock.engine.worlds import Worlds
from flowise_mock.flows import model_echo
from flowise_mock.flows.behaviour import flow_behaviour
from flowise_mock.flows.call import Model

MAX_BODY = 50 * 1024 * 1024
"""Bytes of a request body, the default of Flowise's FLOWISE_FILE_SIZE_LIMIT."""

TOKEN_DELAY = 0.03
"""Seconds between two tokens: enough for a test to tell a stream from a buffered answer."""

HANG = 60.0
"""Seconds after which a request that a real server never answers is closed."""


def create_app(
    document: Document,
    worlds: Worlds,
    *,
    open: bool = False,
    max_body: int = MAX_BODY,
    cors: Sequence[str] | None = None,
    streams: Streams | None = None,
    token_delay: float = TOKEN_DELAY,
    hang: float = HANG,
    model: Model = model_echo.say,
    explain: bool = False,
    journal: bool = True,
) -> ASGIApp:
    """The API as an ASGI app. Raises DocumentError if the contract cannot be served.

    `open` needs no key. `max_body` is in bytes. `cors` lists the origins that may call; None follows the
    contract, or allows any origin if it has none. `token_delay` is the pause between the tokens of a
    stream in seconds, `hang` the time before a request without an answer is closed. `streams` keeps the
    open streams. `model` says what flows answer if no rule does. `explain` names the rule in a header.
    `journal` keeps an entry of each request.
    """
    streams = Streams() if streams is None else streams  # one without streams is false
    profile = server_profile(document)
    streams.bare_events = profile.bare_events
    schemas = Schemas(document)
    answers: dict[str | None, Answers] = {None: Answers(document, schemas, profile=profile)}
    for operation in operations(document):
        answers[operation.id] = Answers(document, schemas, operation.definition, profile)
    settings = Settings(
        document,
        schemas,
        profile,
        answers,
        flow_behaviour(document),
        open,
        max_body,
        token_delay,
        streams,
        model,
    )
    secrets = Secrets(document)
    app: ASGIApp = connexion_app(settings, hang)
    app = ErrorMiddleware(app, Pages(document), profile, hang)
    app = HeaderMiddleware(app, profile, explain)
    if journal:
        app = JournalMiddleware(app, secrets)
    app = AccessLogMiddleware(app, secrets)
    app = _cors(app, settings, cors)
    return StateMiddleware(app, worlds, answers[None])


def connexion_app(settings: Settings, hang: float) -> ConnexionMiddleware:
    """The Connexion application: routing, security, faults, endpoints."""
    document = settings.document
    faults = FaultSettings(document, hang, settings.max_body)
    by_id = {each.id: each for each in operations(document)}
    fault_middleware = partial(FaultMiddleware, settings=faults, operations=by_id)
    connexion = ConnexionMiddleware(
        _end, middlewares=[RoutingMiddleware, SecurityMiddleware, fault_middleware, EndpointMiddleware]
    )
    logging.getLogger("connexion").setLevel(logging.CRITICAL)  # it logs what it then raises
    gated = settings.profile.public_paths is not None
    try:
        api = API(
            private_api.Contract(document),
            base_path=None,
            resolver=HandlerResolver(),
            security_map={"bearer": bearer(open=settings.open, gated=gated)},
            settings=settings,
        )
        connexion.apis.append(api)
        private_api.build(connexion)
        check_handlers(document)
    except ResolverError as error:
        raise DocumentError(str(error)) from None
    return connexion


def api_path(document: Document) -> str:
    """The path that all operations of a contract begin with, without a slash at its end."""
    return urlsplit(document["servers"][0]["url"]).path.rstrip("/") if document.get("servers") else ""


def _cors(app: ASGIApp, settings: Settings, origins: Sequence[str] | None) -> ASGIApp:
    profile = settings.profile
    if profile.cors:
        path = api_path(settings.document)
        return FlowCORSMiddleware(app, profile.cors, tuple(origins or ()), path)
    return CORSMiddleware(
        app, allow_origins=list(origins or ("*",)), allow_methods=["*"], allow_headers=["*"]
    )


async def _end(scope: Scope, receive: Receive, send: Send) -> None:
    """Connexion wraps an app; every request ends before it."""
