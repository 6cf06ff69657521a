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

from flowise_mock.call import Call, Say
from flowise_mock.document import Document, operations
from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.requests import Bodies, Parameters, receive_body, snake
from flowise_mock.engine.streams import Streams
from flowise_mock.outcomes import Ok, Outcome, Streamed
from flowise_mock.schemas import Schemas
from flowise_mock.store import Store

Handler = Callable[..., Awaitable[Any]]


@dataclass
class Settings:
    """What every endpoint of one server shares."""

    document: Document
    schemas: Schemas
    store: Store
    open: bool
    max_body: int
    token_delay: float
    streams: Streams
    say: Say
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
    tag, name = definition["tags"][0], snake(definition["operationId"])
    if "x-function" in definition:  # a second path to a function that has one already
        tag, _, name = definition["x-function"].partition(".")
    try:
        function: Handler = getattr(module(tag), name)
    except (ImportError, AttributeError):
        raise ResolverError(
            f"operation {definition['operationId']} has no function {name} in handlers/{snake(tag)}.py"
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
        self.answers = Answers(document, schemas, definition)
        self._settings = settings
        self._handler: Handler = operation._resolution.function
        self._parameters = Parameters(document, schemas, operation.parameters)
        body = operation.request_body
        self._bodies = Bodies(document, schemas, body) if body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        values = self._parameters.read(scope["path_params"], scope["query_string"])
        context = scope["extensions"].get("connexion_context", {})
        call = Call(
            self._settings.store,
            self._report,
            (context.get("token_info") or {}).get("key"),
            self._settings.open,
            self._settings.token_delay,
            self._settings.say,
            self.answers.text,
            self._settings.runs,
            self._settings.windows,
            headers,
        )
        if self._bodies is not None:
            raw = await receive_body(scope, receive, self._settings.max_body)
            values["body"], call.files = self._bodies.read(headers.get("content-type", ""), raw)
        result = await self._handler(call, **values)
        if isinstance(result, Streamed):
            await self._settings.streams.send(result, receive, send)
        else:
            outcome = result if isinstance(result, Outcome) else Ok(result)
            await respond(self.answers.render(outcome), send)

    def _report(self, condition: Outcome) -> None:
        if not self.answers.proceeds(condition):
            raise condition


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
