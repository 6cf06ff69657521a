"""The application: Connexion's middlewares in their order, and the front that answers failures."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

import jsonschema_rs
from connexion.exceptions import ResolverError
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.abstract import ROUTING_CONTEXT
from connexion.middleware.main import API
from connexion.middleware.security import SecurityMiddleware
from connexion.spec import OpenAPISpecification
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.contract.document import Document, DocumentError, operations
from flowise_mock.contract.schemas import Schemas, Validator
from flowise_mock.engine import connection
from flowise_mock.engine.answers import Answer, Answers
from flowise_mock.engine.cors import Cors
from flowise_mock.engine.endpoint import (
    RULE,
    EndpointMiddleware,
    HandlerResolver,
    Settings,
    check_handlers,
    respond,
)
from flowise_mock.engine.fault_channel import TOLD, Terms
from flowise_mock.engine.fault_middleware import STREAMING, Faults
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.requests import Gone
from flowise_mock.engine.routing import RoutingMiddleware
from flowise_mock.engine.security import bearer
from flowise_mock.engine.server_profile import Manners, manners
from flowise_mock.engine.streams import Streams
from flowise_mock.flows import model_echo
from flowise_mock.flows.call import Say
from flowise_mock.scripts.script import Script
from flowise_mock.state.outcomes import Broken, Failure, Outcome
from flowise_mock.state.store import Store

log = logging.getLogger("flowise_mock")
access = logging.getLogger("flowise_mock.access")
MAX_BODY = 50 * 1024 * 1024
"""Bytes of a request body, as Flowise's FLOWISE_FILE_SIZE_LIMIT has it by default."""

TOKEN_DELAY = 0.03
"""Seconds between two tokens: enough for a test to tell a stream from a buffered answer."""

EXPLAINED = b"x-flowise-mock-rule"
"""The header that tells which rule of a script answered, where that was asked for."""

HANG = 60.0
"""Seconds after which a request that a real server never answers is closed."""


def create_app(
    document: Document,
    store: Store,
    *,
    open: bool = False,
    max_body: int = MAX_BODY,
    cors: Sequence[str] | None = None,
    streams: Streams | None = None,
    token_delay: float = TOKEN_DELAY,
    hang: float = HANG,
    say: Say = model_echo.say,
    script: Script | None = None,
    explain: bool = False,
) -> ASGIApp:
    """The whole server as an ASGI app. DocumentError where the contract cannot be served.

    `open` asks for no key, `max_body` is in bytes, `cors` lists the origins that may call (None is what the
    contract says, else any), `token_delay` is the pause between the tokens of a stream in seconds, `hang`
    that before a request without an answer is closed, `streams` keeps those that are open, `say` is where
    the answers of predictions come from where no rule of `script` answers; `explain` names the rule in a
    header.
    """
    streams = Streams() if streams is None else streams  # one without streams is false
    told = manners(document)
    streams.bare = told.bare_frames
    settings = Settings(
        document, Schemas(document), told, store, open, max_body, token_delay, streams, say, script
    )
    answers: dict[str | None, Answers] = {}
    terms = Terms(document, store, streams, hang, max_body, script.fault_for if script else _no_fault)
    faults = partial(Faults, terms=terms, answers=answers, operations={e.id: e for e in operations(document)})
    connexion = ConnexionMiddleware(
        _nothing, middlewares=[RoutingMiddleware, SecurityMiddleware, faults, EndpointMiddleware]
    )
    logging.getLogger("connexion").setLevel(logging.CRITICAL)  # it logs what it then raises
    try:
        api = API(
            Contract(document),
            base_path=None,
            resolver=HandlerResolver(),
            security_map={"bearer": bearer(store, open=open, gated=told.public is not None)},
            settings=settings,
        )
        connexion.apis.append(api)
        # Connexion builds at the first request; a contract that cannot be served must stop the start.
        connexion.app, connexion.middleware_stack = connexion._build_middleware_stack()
        check_handlers(document)
    except ResolverError as error:
        raise DocumentError(str(error)) from None
    endpoints = next(each for each in connexion.middleware_stack if isinstance(each, EndpointMiddleware))
    answers |= {
        operation_id: endpoint.answers
        for apis in endpoints.apis.values()
        for api in apis
        for operation_id, endpoint in api.operations.items()
    }
    general = Answers(document, settings.schemas, manners=told)
    front = Front(connexion, Pages(document), general, answers, told, hang, explain)
    if told.cors:
        return connection.known(Cors(front, told.cors, tuple(cors or ()), api_path(document), store))
    return connection.known(
        CORSMiddleware(front, allow_origins=list(cors or ("*",)), allow_methods=["*"], allow_headers=["*"])
    )


def api_path(document: Document) -> str:
    """The path under which a contract has its operations, without a slash at its end."""
    return urlsplit(document["servers"][0]["url"]).path.rstrip("/") if document.get("servers") else ""


class Contract(OpenAPISpecification):
    """Connexion's view of a document, checked against the OpenAPI schema by jsonschema-rs.

    Connexion's own check takes two thirds of the start.
    """

    @classmethod
    def _validate_spec(cls, spec: Document) -> None:
        fits = Validator(jsonschema_rs.Draft4Validator(cls.openapi_schema))
        problem = fits.problem(spec)
        if problem is not None:
            raise DocumentError(f"the contract is not OpenAPI 3.0: {problem.path}: {problem.reason}")


def _no_fault(operation: str) -> None:
    """No script, no fault."""


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Connexion wraps an app; every request of ours ends before it."""


class Front:
    """The first of our two hops: pages outside the API, HEAD, the access line, failures answered."""

    def __init__(
        self,
        app: ASGIApp,
        pages: Pages,
        general: Answers,
        answers: dict[str | None, Answers],
        manners: Manners,
        hang: float,
        explain: bool = False,
    ) -> None:
        self.app = app
        self.explain = explain
        self.manners = manners
        self.hang = hang
        self.pages = pages
        self.general = general
        self.answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if self.manners.etags and _unchanged(scope, message):
                    message = {"type": message["type"], "status": 304, "headers": []}
                headers = [*self.manners.headers, *message["headers"]]
                if self.explain and RULE in scope["extensions"]:
                    told = _printable(scope["extensions"][RULE]).encode()
                    headers += [(EXPLAINED, told), (b"access-control-expose-headers", EXPLAINED)]
                message = {**message, "headers": headers}
                status = message["status"]
            elif scope["method"] == "HEAD" or status == 304:
                message = {**message, "body": b""}
            await send(message)

        try:
            page = self.pages.find(scope)
            if page is not None:
                await respond(page, watch)
            else:
                await self.app(scope, receive, watch)
        except Gone:
            log.debug("the client went away: %s %s", scope["method"], scope["path"])
        except Outcome as outcome:
            answer = self._answers(scope).render(outcome)
            if self._is_silent(scope, outcome, answer):
                await connection.leave_open(scope, receive, self.hang)
            else:
                await respond(answer, watch)
        except Exception as error:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if status == 0:
                await respond(self._answers(scope).render(Broken(type(error).__name__)), watch)
        finally:
            if access.isEnabledFor(logging.INFO):
                took = (time.perf_counter() - started) * 1000
                client = (scope.get("client") or ("-",))[0]
                line = f"{client} {scope['method']} {_target(scope)} {status or '-'} {took:.1f} ms"
                told = [scope["extensions"][key] for key in (RULE, TOLD) if key in scope["extensions"]]
                access.info("%s", "; ".join([line, *map(_printable, told)]))

    def _is_silent(self, scope: Scope, outcome: Outcome, answer: Answer) -> bool:
        """Whether a real server would say nothing: its error handler does where a stream is asked for.

        Texts are sent without that handler.
        """
        asked = self.manners.silent and scope.get("extensions", {}).get(STREAMING)
        media = dict(answer.headers).get(b"content-type", b"")
        return bool(asked) and isinstance(outcome, Failure) and media.startswith(b"application/json")

    def _answers(self, scope: Scope) -> Answers:
        route = scope.get("extensions", {}).get(ROUTING_CONTEXT, {})
        return self.answers.get(route.get("operation_id"), self.general)


def _unchanged(scope: Scope, message: Message) -> bool:
    """Whether the client has the body already, by its ETag."""
    wanted = dict(scope["headers"]).get(b"if-none-match")
    told = dict(message["headers"]).get(b"etag")
    return wanted is not None and wanted == told and scope["method"] in ("GET", "HEAD")


def _target(scope: Scope) -> str:
    """The path and query as they were sent, escaped: safe in a log line."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return _printable(f"{path}?{query}" if query else path)


def _printable(text: str) -> str:
    """A text with its odd characters escaped."""
    return ascii(text)[1:-1]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
