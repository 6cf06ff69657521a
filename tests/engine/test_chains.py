"""The chain of each operation: what it has, and middlewares and security of a user."""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from connexion.middleware import ConnexionMiddleware, MiddlewarePosition
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.app import Application
from flowise_mock.engine.endpoint import Endpoint
from flowise_mock.engine.fault_middleware import FaultMiddleware
from flowise_mock.engine.routing import RoutingMiddleware
from flowise_mock.engine.security import KeyCheck
from flowise_mock.engine.seed import DEFAULT_KEY
from flowise_mock.server.build import Mock, Options, build

KEY = (b"authorization", b"Bearer " + DEFAULT_KEY.encode())
PATH = "/api/v1/tools"
POSITIONS = list(MiddlewarePosition)


class Stamp:
    """A middleware of a user: notes what it sees, and adds a header."""

    seen: list[dict[str, Any]] = []  # noqa: RUF012 - Connexion makes the instance

    def __init__(self, app: ASGIApp, name: bytes) -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = scope["extensions"].get("connexion_routing", {})
        self.seen.append({"operation": context.get("operation_id")})

        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-stamp", self.name)]}
            await send(message)

        await self.app(scope, receive, stamp)


@pytest.fixture(autouse=True)
def seen() -> Iterator[list[dict[str, Any]]]:
    Stamp.seen.clear()
    yield Stamp.seen


@cache
def plain() -> Mock:
    return build(Options(ids="reproducible"))


@cache
def stamped(position: MiddlewarePosition) -> Mock:
    def extend(app: ConnexionMiddleware) -> None:
        app.add_middleware(Stamp, position=position, name=b"mine")

    return build(Options(extend=extend, ids="reproducible"))


def get(
    mock: Mock, *headers: tuple[bytes, bytes], method: str = "GET", path: str = PATH
) -> tuple[int, Any, bytes]:
    """Status, headers and body of a response."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers], "client": ("127.0.0.1", 1), "root_path": "",
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def answer() -> None:
        await mock.app(scope, receive, send)

    asyncio.run(answer())
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def routing(mock: Mock) -> RoutingMiddleware:
    app: Any = mock.app
    while not isinstance(app, RoutingMiddleware):
        app = getattr(app, "app", None) or app.api
    return app


def parts(mock: Mock, operation: str) -> list[type]:
    """The classes of a chain, the outermost first."""
    found, app = [], routing(mock).chains[operation]
    while True:
        found.append(type(app))
        if not hasattr(app, "app"):
            return found
        app = app.app


# --- chains ----------------------------------------------------------------------------------------


def test_a_chain_has_the_parts_that_its_operation_needs() -> None:
    assert parts(plain(), "getAllTools") == [KeyCheck, FaultMiddleware, Endpoint]
    assert parts(build(Options(open=True)), "getAllTools") == [FaultMiddleware, Endpoint]
    assert parts(build(Options(contract="3.1.4")), "getAllTools") == [FaultMiddleware, Endpoint]
    assert parts(plain(), "pingServer") == [FaultMiddleware, Endpoint]


def test_a_key_is_optional_if_the_document_says_so() -> None:
    chain: Any = routing(plain()).chains["createPrediction"]
    assert isinstance(chain, KeyCheck)
    assert chain.optional


def test_the_first_of_two_keys_counts() -> None:
    mock = plain()
    assert get(mock, KEY, (b"authorization", b"Bearer x"))[0] == 200
    assert get(mock, (b"authorization", b"Bearer x"), KEY)[0] == 401


# --- middlewares of a user -------------------------------------------------------------------------


@pytest.mark.parametrize("position", POSITIONS)
def test_a_middleware_works_at_each_position_of_connexion(
    position: MiddlewarePosition, seen: list[dict[str, Any]]
) -> None:
    mock = stamped(position)
    status, headers, body = get(mock, KEY)
    expected = get(plain(), KEY)
    assert (status, body) == (expected[0], expected[2])
    assert headers == {**expected[1], b"x-stamp": b"mine"}
    behind_routing = POSITIONS.index(position) >= POSITIONS.index(MiddlewarePosition.BEFORE_SECURITY)
    assert seen == [{"operation": "getAllTools" if behind_routing else None}]


@pytest.mark.parametrize(
    ("position", "is_called"),
    [(MiddlewarePosition.BEFORE_SECURITY, True), (MiddlewarePosition.BEFORE_VALIDATION, False)],
)
def test_security_is_between_them(
    position: MiddlewarePosition, is_called: bool, seen: list[dict[str, Any]]
) -> None:
    assert get(stamped(position))[0] == 401
    assert bool(seen) is is_called


@pytest.mark.parametrize("position", POSITIONS)
def test_faults_and_headers_work_around_a_middleware(position: MiddlewarePosition) -> None:
    mock = stamped(position)
    assert get(mock, KEY, (b"flowise-mock-fault", b"status; code=503"))[0] == 503
    assert get(mock, KEY, (b"prefer", b"code=200"))[0] == 200
    assert get(mock, KEY, path="/api/v1/nothing")[0] == 404


def test_an_unknown_position_is_before_everything() -> None:
    app = Application(Stamp, middlewares=[RoutingMiddleware])
    with pytest.raises(ValueError, match="is not in list"):
        app.add_middleware(Stamp, name=b"x")


# --- security of a user ----------------------------------------------------------------------------


def check_header(value: str, required_scopes: Any = None) -> dict[str, str] | None:
    """A security function, as Connexion calls it by `x-apikeyInfoFunc`."""
    return {"sub": "me"} if value == "sesame" else None


def test_the_security_of_connexion_works_beside_ours(tmp_path: Path) -> None:
    overlay = tmp_path / "own.yaml"
    overlay.write_text(
        """overlay: 1.0.0
info: {title: A scheme of our own, version: "1"}
x-foreign: [x-apikeyInfoFunc]
actions:
  - target: $.components.securitySchemes
    update:
      own: {type: apiKey, in: header, name: X-Own, x-apikeyInfoFunc: engine.test_chains.check_header}
  - target: $.paths['/tools'].get.security
    remove: true
  - target: $.paths['/tools'].get
    update: {security: [{own: []}]}
"""
    )
    mock = build(Options(overlays=[overlay]))
    assert get(mock, (b"x-own", b"sesame"))[0] == 200
    assert get(mock, (b"x-own", b"wrong"))[0] == 401
    assert get(mock, KEY)[0] == 401
