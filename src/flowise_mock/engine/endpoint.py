"""Endpoints: each operation compiled once; per request it validates, calls the handler and answers."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connexion.exceptions import ResolverError
from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from connexion.resolver import Resolution, Resolver
from connexion.spec import Specification
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract import streaming
from flowise_mock.contract.document import Document
from flowise_mock.contract.names import HANDLERS, function_of
from flowise_mock.contract.schemas import Schemas
from flowise_mock.engine import private_api
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.fault_channel import FaultChannel
from flowise_mock.engine.http_exchange import Answer
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.engine.requests import LARGE, Bodies, Parameters, http_request, receive_body
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.engine.slices import Slices, Turns
from flowise_mock.engine.streams import Streams
from flowise_mock.flows.behaviour import FlowBehaviour
from flowise_mock.flows.call import Call, FlowRuntime, Model
from flowise_mock.knowledge.files import Upload
from flowise_mock.knowledge.slices import Large, Pause
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.scripts.question import Question
from flowise_mock.state.outcomes import EventStream, Forbidden, MissingId, Ok, Outcome, Report

Handler = Callable[..., Awaitable[Any]]
TIME = b"flowise-mock-time"
"""A request header that sets the server's clock to an ISO date; `now` releases it."""


MakeRuntime = Callable[["Endpoint", RequestState], FlowRuntime]
MakeCall = Callable[["Endpoint", Scope, RequestState, Any, list[Upload]], Any]
"""Makes what a handler gets, of the endpoint and the request: its body as data, its files."""


@dataclass(frozen=True)
class Settings:
    """What all endpoints of one server share.

    `strict_operations` refuses the operations of a real server that are not imitated. `answers` are those of
    each operation, by its id. `make_call` makes what handlers get of a request; `handlers` is the package
    that they are in. `pages` are what there is besides the operations. In `turns`, large answers are sent one
    after the other.
    """

    document: Document
    schemas: Schemas
    profile: ServerProfile
    answers: Mapping[str | None, Answers]
    open: bool
    max_body: int
    streams: Streams
    make_call: MakeCall
    pages: Pages
    handlers: str = HANDLERS
    turns: Turns = field(default_factory=Turns)
    strict_operations: bool = False


# --- resolving -------------------------------------------------------------------------------------


class HandlerResolver(Resolver):
    """`operationId` to the function of that name, in snake case, in `<tag>.py` of a package."""

    def __init__(self, package: str = HANDLERS) -> None:
        super().__init__()
        self.package = package

    def resolve(self, operation: AbstractOperation) -> Resolution:
        definition = private_api.definition(operation)
        return Resolution(handler(definition, self.package), definition["operationId"])


def handler(definition: Document, package: str = HANDLERS) -> Handler:
    """The function that answers an operation, else Connexion's ResolverError."""
    module_name, name = function_of(definition, package)
    try:
        function: Handler = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError):
        file = module_name.removeprefix("flowise_mock.").replace(".", "/")
        raise ResolverError(
            f"operation {definition['operationId']} has no function {name} in {file}.py"
        ) from None
    return function


# --- one operation ---------------------------------------------------------------------------------


class Endpoint:
    """One operation: reads the request, calls the handler, returns the answer, or sends a stream."""

    def __init__(self, operation: AbstractOperation, settings: Settings) -> None:
        document, schemas = settings.document, settings.schemas
        definition = private_api.definition(operation)
        lenient = settings.profile.lenient
        self.answers = settings.answers[operation.operation_id]
        self.settings = settings
        self._handler: Handler = operation.function
        self._make_call = settings.make_call
        self._permissions = set(definition.get("x-permissions", []))
        self._parameters = Parameters(document, schemas, operation.parameters, lenient)
        body = operation.request_body
        self._bodies = Bodies(document, schemas, body, lenient) if body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        settings, state = self.settings, request_state(scope)
        time = state.headers.get(TIME)
        if time is not None:
            state.world.store.set_clock(time.decode("latin-1"))
        if self._permissions:
            self._check_permission(state)
        path: dict[str, str] = scope["path_params"]
        if "" in path.values():
            for name, value in path.items():
                if not value:
                    self.report(MissingId(name), state)
        values = self._parameters.read(path, scope["query_string"])
        files: list[Upload] = []
        if self._bodies is not None:
            if state.parsed is not None:
                values["body"] = self._bodies.fitted(state.parsed)
            else:
                state.body = await receive_body(scope, receive, settings.max_body)
                media = state.headers.get(b"content-type", b"").decode("latin-1")
                if len(state.body) > LARGE:
                    read = asyncio.to_thread(self._bodies.read, media, state.body, self.reporter(state))
                    values["body"], files = await read
                else:
                    values["body"], files = self._bodies.read(media, state.body, self.reporter(state))
            state.streaming = streaming.may_be_requested(values["body"])
        call = self._make_call(self, scope, state, values.get("body"), files)
        channel = state.channel
        if channel is not None:
            channel.trigger()
            if channel.fault is None and state.world.rules:
                await _trigger_rule(state, call.request, channel)
        result = await self._handler(call, **values)
        is_large = len(state.body) > LARGE
        if type(result) is Large:
            result, is_large = result.value, True
        if channel is not None:
            result = await _spoiled(channel, result)
        if isinstance(result, EventStream):
            left = channel.when_left if channel is not None else state.connection.when_left
            await settings.streams.send(result, send, state.connection, state.world.name, left)
            return None
        if type(result) is list and (is_large or len(result) > LONG):
            is_large, result = True, await self.answers.written(result, call.pause)
        if state.outcomes is not None:
            state.note_outcome(result if isinstance(result, Outcome) else Ok(result))
        render = self.answers.render if isinstance(result, Outcome) else self.answers.data
        if not is_large:
            return render(result)
        answer = await asyncio.to_thread(render, result)  # others are answered while it is written
        await settings.turns.next()
        return answer

    def _check_permission(self, state: RequestState) -> None:
        """Forbidden if the key has permissions of its own, and none that the operation accepts."""
        held = (state.key or {}).get("permissions")
        if held is not None and not self._permissions.intersection(held):
            raise Forbidden(" or ".join(sorted(self._permissions)))

    def report(self, condition: Outcome, state: RequestState) -> None:
        if not self.answers.proceeds(condition):
            raise condition
        state.note_outcome(condition, ignored=True)

    def reporter(self, state: RequestState) -> Report:
        """`report` for one request."""
        return lambda condition: self.report(condition, state)


LONG = 100
"""The items of a list from which on it is written in parts."""


async def _spoiled(channel: FaultChannel, result: Any) -> Any:
    """The result of a handler, as the active fault lets it through."""
    if channel.wants_json and isinstance(result, EventStream) and result.as_json:
        result = await result.as_json()
    if isinstance(result, EventStream):
        return channel.spoiled(result)
    channel.without_stream()
    return result


class RequestCall(Call):
    """The `Call` of a request. What few handlers need is made when it is needed."""

    __slots__ = ("_body", "_endpoint", "_made", "_request", "_runtime", "_scope", "_slices", "_state")

    def __init__(
        self,
        endpoint: Endpoint,
        scope: Scope,
        state: RequestState,
        body: Any,
        files: list[Upload],
        behaviour: FlowBehaviour,
        runtime: MakeRuntime,
    ) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._state = state
        self._body = body
        self._runtime = runtime
        self._request: HttpRequest | None = None
        self._made: FlowRuntime | None = None
        self._slices: Slices | None = None
        self.store = state.world.store
        self.key = state.key
        self.open = endpoint.settings.open
        self.files = files
        self.raw = state.body
        self.behaviour = behaviour

    def report(self, condition: Outcome) -> None:
        self._endpoint.report(condition, self._state)

    @property
    def pause(self) -> Pause:  # type: ignore[override]
        if self._slices is None:
            self._slices = Slices(self._state.connection)
        return self._slices.pause

    @property
    def headers(self) -> Mapping[str, str]:  # type: ignore[override]
        return self.request.headers

    @property
    def request(self) -> HttpRequest:  # type: ignore[override]
        if self._request is None:
            self._request = http_request(self._scope, self._body, self._state.operation_id)
        return self._request

    @property
    def runtime(self) -> FlowRuntime:  # type: ignore[override]
        if self._made is None:
            self._made = self._runtime(self._endpoint, self._state)
        return self._made


def flow_call(behaviour: FlowBehaviour, token_delay: float, speed: float, model: Model) -> MakeCall:
    """Makes the `Call` of the API's handlers."""

    def runtime(endpoint: Endpoint, state: RequestState) -> FlowRuntime:
        world = state.world
        runtime = FlowRuntime(token_delay, speed, model, world.rules, world.holds.wait)
        runtime.note_question, runtime.explain = state.note_question, state.note_rule
        runtime.text, runtime.add_headers = endpoint.answers.text, state.add_headers
        if state.channel is not None:
            runtime.inject = state.channel.inject
        return runtime

    def call(
        endpoint: Endpoint, scope: Scope, state: RequestState, body: Any, files: list[Upload]
    ) -> RequestCall:
        return RequestCall(endpoint, scope, state, body, files, behaviour, runtime)

    return call


async def _trigger_rule(state: RequestState, request: HttpRequest, channel: FaultChannel) -> None:
    """Start the fault that a rule has for this operation; the rules for questions come later."""
    world = state.world
    if not world.rules.has_operation_rules(state.operation_id, world.store.counts):
        return
    found = world.rules.fault_for(Question.of_request(request), world.store.counts)
    if found is None:
        return
    fault, rule = found
    state.note_rule(f"rule {rule}")
    if rule.hold:
        await world.holds.wait(rule.hold)
    channel.inject(fault)


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
    """The innermost middleware: hands a routed request to its endpoint."""

    api_cls = EndpointAPI
