"""The endpoint: each operation precompiled once, then validation, handler and answer per request."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from connexion.exceptions import ResolverError
from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from connexion.resolver import Resolution, Resolver
from connexion.spec import Specification
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract.document import Document, operations
from flowise_mock.contract.names import function_of, snake
from flowise_mock.contract.schemas import Schemas
from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.fault_channel import WIRE, Wire
from flowise_mock.engine.fault_middleware import STREAMING
from flowise_mock.engine.requests import Bodies, Parameters, receive_body
from flowise_mock.engine.security import KEY
from flowise_mock.engine.server_profile import Manners
from flowise_mock.engine.streams import Streams
from flowise_mock.flows.call import Call, Say
from flowise_mock.scripts.script import Script
from flowise_mock.state.outcomes import Forbidden, NoId, Ok, Outcome, Streamed
from flowise_mock.state.store import Record, Store

Handler = Callable[..., Awaitable[Any]]
TIME = "flowise-mock-time"
"""A request header that sets the server's clock to an ISO date; `now` lets it go again."""
RULE = "flowise_mock.rule"
"""Which rule of a script answered, and why earlier ones did not, among the scope's extensions."""


@dataclass
class Settings:
    """What every endpoint of one server shares."""

    document: Document
    schemas: Schemas
    manners: Manners
    store: Store
    open: bool
    max_body: int
    token_delay: float
    streams: Streams
    say: Say
    script: Script | None = None
    runs: dict[tuple[str, str], Any] = field(default_factory=dict)
    windows: dict[str, tuple[float, int] | None] = field(default_factory=dict)


# --- resolving -------------------------------------------------------------------------------------


class HandlerResolver(Resolver):
    """`operationId` to the function of that name, in snake case, in `handlers/<tag>.py`."""

    def resolve(self, operation: AbstractOperation) -> Resolution:
        definition = operation._operation  # Connexion has no public way to the tags
        return Resolution(handler(definition), definition["operationId"])


def module(tag: str) -> ModuleType:
    return importlib.import_module(f"flowise_mock.handlers.{snake(tag)}")


def handler(definition: Document) -> Handler:
    """The function that answers an operation, else Connexion's ResolverError."""
    place, name = function_of(definition)
    try:
        function: Handler = getattr(importlib.import_module(place), name)
    except (ImportError, AttributeError):
        file = place.rpartition(".")[2]
        raise ResolverError(
            f"operation {definition['operationId']} has no function {name} in handlers/{file}.py"
        ) from None
    return function


def check_handlers(document: Document) -> None:
    """ResolverError where a handler module has a function for an operation that the document lacks."""
    named = {(each.tag, snake(each.id)) for each in operations(document)}
    for tag in {tag for tag, _ in named}:
        for name, function in vars(module(tag)).items():
            own = inspect.iscoroutinefunction(function) and function.__module__ == module(tag).__name__
            if own and not name.startswith("_") and (tag, name) not in named:
                raise ResolverError(f"handlers/{snake(tag)}.py: {name} answers no operation of the document")


# --- one operation ---------------------------------------------------------------------------------


class Endpoint:
    """One operation: reads the request, calls the handler, sends the answer. An ASGI app."""

    def __init__(self, operation: AbstractOperation, settings: Settings) -> None:
        document, schemas = settings.document, settings.schemas
        definition = operation._operation
        lenient = settings.manners.lenient
        self.answers = Answers(document, schemas, definition, settings.manners)
        self._settings = settings
        self._handler: Handler = operation._resolution.function
        self._permissions = set(definition.get("x-permissions", []))
        self._parameters = Parameters(document, schemas, operation.parameters, lenient)
        body = operation.request_body
        self._bodies = Bodies(document, schemas, body, lenient) if body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings, extensions = self._settings, scope["extensions"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if TIME in headers:
            settings.store.stand(headers[TIME])
        shown = (extensions.get("connexion_context", {}).get("token_info") or {}).get("key")
        key = shown or extensions.get(KEY)
        self._check_permission(key)
        for name, value in scope["path_params"].items():
            if not value:
                self._report(NoId(name))
        wire: Wire = extensions[WIRE]
        values = self._parameters.read(scope["path_params"], scope["query_string"])
        call = Call(
            store=settings.store,
            report=self._report,
            key=key,
            open=settings.open,
            token_delay=settings.token_delay,
            say=settings.say,
            script=settings.script,
            explain=lambda told: extensions.__setitem__(RULE, told),
            inject=wire.inject,
            text=self.answers.text,
            runs=settings.runs,
            windows=settings.windows,
            headers=headers,
            habits=settings.document.get("x-runs", {}),
        )
        if self._bodies is not None:
            raw = await receive_body(scope, receive, settings.max_body)
            media = headers.get("content-type", "")
            values["body"], call.files = self._bodies.read(media, raw, self._report)
            extensions[STREAMING] = _asks_for_stream(values["body"])
        wire.meet()
        result = await self._handler(call, **values)
        if isinstance(result, Streamed) and result.whole is not None and wire.wants_json:
            result = await result.whole()
        if isinstance(result, Streamed):
            await self._settings.streams.send(result, receive, send)
        else:
            outcome = result if isinstance(result, Outcome) else Ok(result)
            await respond(self.answers.render(outcome), send)

    def _check_permission(self, key: Record | None) -> None:
        """Forbidden where the key has permissions of its own, and none that would do."""
        held = (key or {}).get("permissions")
        if self._permissions and held is not None and not self._permissions.intersection(held):
            raise Forbidden(" or ".join(sorted(self._permissions)))

    def _report(self, condition: Outcome) -> None:
        if not self.answers.proceeds(condition):
            raise condition


def _asks_for_stream(body: Any) -> bool:
    streaming = body.get("streaming") if isinstance(body, dict) else None
    return bool(streaming) and streaming != "false"


async def respond(answer: Answer, send: Send) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


# --- all operations --------------------------------------------------------------------------------


class EndpointAPI(RoutedAPI[Endpoint]):
    """Makes the endpoint of each operation that Connexion parsed."""

    def __init__(
        self, specification: Specification, *, next_app: ASGIApp, settings: Settings, **kwargs: Any
    ) -> None:
        super().__init__(specification, next_app=next_app, **kwargs)
        self.settings = settings
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> Endpoint:
        return Endpoint(operation, self.settings)


class EndpointMiddleware(RoutedMiddleware[EndpointAPI]):
    """The end of the way: hands a routed request to its endpoint."""

    api_cls = EndpointAPI
