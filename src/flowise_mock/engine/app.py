"""The application: Connexion's middlewares in their order, and ours around them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from connexion.exceptions import ResolverError
from connexion.middleware import ConnexionMiddleware, MiddlewarePosition
from connexion.middleware.main import API
from connexion.middleware.security import SecurityMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract.document import Document, DocumentError, operations
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.secrets import Secrets
from flowise_mock.contract.writing import Writers
from flowise_mock.engine import private_api
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.body_parser import BodyParserMiddleware
from flowise_mock.engine.chains import chains
from flowise_mock.engine.cors import FlowCORSMiddleware, OriginMiddleware
from flowise_mock.engine.endpoint import (
    EndpointMiddleware,
    HandlerResolver,
    Settings,
    flow_call,
)
from flowise_mock.engine.fault_channel import FaultSettings
from flowise_mock.engine.fault_middleware import FaultMiddleware
from flowise_mock.engine.http_exchange import AnsweringApp, Sender
from flowise_mock.engine.http_limits import MAX_BODY
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.response_middleware import ResponseMiddleware
from flowise_mock.engine.routing import RoutingMiddleware
from flowise_mock.engine.security import bearer
from flowise_mock.engine.server_profile import server_profile
from flowise_mock.engine.streams import Streams
from flowise_mock.flows import models
from flowise_mock.flows.behaviour import flow_behaviour
from flowise_mock.flows.call import Model

TOKEN_DELAY = 0.03
"""Seconds between two tokens: enough for a test to tell a stream from a buffered answer."""

HANG = 60.0
"""Seconds after which a request that a real server never answers is closed."""


def create_app(
    document: Document,
    *,
    open: bool = False,
    max_body: int = MAX_BODY,
    cors: Sequence[str] | None = None,
    streams: Streams | None = None,
    token_delay: float = TOKEN_DELAY,
    speed: float = 1.0,
    hang: float = HANG,
    model: Model = models.echo,
    explain: bool = False,
    journal: bool = True,
    strict_operations: bool = False,
    extend: Extend | None = None,
) -> ASGIApp:
    """The API as an ASGI app, for requests that have a state. Raises DocumentError if it cannot be served.

    `open` needs no key. `max_body` is in bytes. `cors` lists the origins that may call; None follows the
    contract, or allows any origin if it has none. `token_delay` is the pause between the tokens of a stream
    in seconds; `speed` divides the pauses of scripts. `hang` is the time before a request without an answer
    is closed. `streams` keeps the open streams. `model` says what flows answer if no rule does. `explain`
    names the rule in a header. `journal` keeps an entry of each request. `strict_operations` answers 501 to
    operations of Flowise that are not imitated. `extend` may add middlewares to the Connexion application.
    """
    streams = Streams() if streams is None else streams  # one without streams is false
    profile = server_profile(document)
    streams.bare_events = profile.bare_events
    schemas = Schemas(document)
    writers = Writers(document, schemas)
    answers: dict[str | None, Answers] = {None: Answers(document, writers, profile=profile)}
    for operation in operations(document):
        answers[operation.id] = Answers(document, writers, operation.definition, profile)
    make_call = flow_call(flow_behaviour(document), token_delay, speed, model)
    settings = Settings(
        document,
        schemas,
        profile,
        answers,
        open,
        max_body,
        streams,
        make_call,
        Pages(document),
        strict_operations=strict_operations,
    )
    faults = FaultSettings(document, hang, max_body)
    by_id = {each.id: each for each in operations(document)}
    faulty = partial(FaultMiddleware, settings=faults, operations=by_id)
    app: AnsweringApp = connexion_app(settings, [faulty], extend)
    if profile.lenient:
        app = BodyParserMiddleware(app, max_body)
    responding = ResponseMiddleware(
        app, profile, Secrets(document), hang=hang, explain=explain, journal=journal
    )
    return _cors(responding, settings, cors)


def unrouted_answers(document: Document) -> Answers:
    """The answers to requests that match no operation of a contract."""
    return Answers(document, Writers(document, Schemas(document)), profile=server_profile(document))


class Application(ConnexionMiddleware):
    """Connexion's application with our middlewares; its positions are places among them."""

    def add_middleware(
        self,
        middleware_class: type[ASGIApp],
        *,
        position: MiddlewarePosition = MiddlewarePosition.BEFORE_CONTEXT,
        **options: Any,
    ) -> None:
        """Add a middleware before routing, before security, before validation or before the endpoint."""
        places = {
            MiddlewarePosition.BEFORE_SECURITY: self.middlewares.index(SecurityMiddleware),
            MiddlewarePosition.BEFORE_VALIDATION: self.middlewares.index(SecurityMiddleware) + 1,
            MiddlewarePosition.BEFORE_CONTEXT: len(self.middlewares) - 1,
        }
        place = places.get(position, self.middlewares.index(RoutingMiddleware))
        made: Any = partial(cast(Callable[..., ASGIApp], middleware_class), **options)
        self.middlewares[place:place] = [made, Sender]


Extend = Callable[[ConnexionMiddleware], None]
"""Adds what a user wants to the Connexion application, before it is built."""


def connexion_app(
    settings: Settings, middlewares: Sequence[Any] = (), extend: Extend | None = None
) -> AnsweringApp:
    """The stack of the Connexion application: routing, security, further middlewares, endpoints."""
    connexion = Application(
        _end, middlewares=[RoutingMiddleware, SecurityMiddleware, Sender, *middlewares, EndpointMiddleware]
    )
    if extend is not None:
        extend(connexion)
    logging.getLogger("connexion").setLevel(logging.CRITICAL)  # it logs what it then raises
    gated = settings.profile.public_paths is not None
    try:
        api = API(
            private_api.Contract(settings.document),
            base_path=None,
            resolver=HandlerResolver(settings.handlers),
            security_map={"bearer": bearer(open=settings.open, gated=gated)},
            settings=settings,
        )
        connexion.apis.append(api)
        stack = private_api.build(connexion)
    except ResolverError as error:
        raise DocumentError(str(error)) from None
    ids = [each.id for each in operations(settings.document)]
    for place, layer in enumerate(stack):
        if isinstance(layer, RoutingMiddleware):
            layer.chains = chains(stack[place + 1 : -1], ids, checked=settings.open or gated)
    return stack[0]


def api_path(document: Document) -> str:
    """The path that all operations of a contract begin with, without a slash at its end."""
    return urlsplit(document["servers"][0]["url"]).path.rstrip("/") if document.get("servers") else ""


def _cors(app: ASGIApp, settings: Settings, origins: Sequence[str] | None) -> ASGIApp:
    profile = settings.profile
    if profile.cors:
        path = api_path(settings.document)
        return FlowCORSMiddleware(app, profile.cors, tuple(origins or ()), path)
    return OriginMiddleware(app, origins)


async def _end(scope: Scope, receive: Receive, send: Send) -> None:
    """Connexion wraps an app; every request ends before it."""
