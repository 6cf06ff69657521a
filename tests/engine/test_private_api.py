"""Each name that Connexion and uvicorn do not promise works as `private_api.py` takes it for granted."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest
import uvicorn
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.main import API
from connexion.middleware.security import SecurityMiddleware
from connexion.resolver import Resolver
from connexion.security import BearerSecurityHandler

from flowise_mock.contract.document import DocumentError
from flowise_mock.engine import private_api

SPEC: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "/base"}],
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "get_thing",
                "x-word": "kept",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "d"}},
            }
        }
    },
}


def test_connexion_is_imported_without_requests_and_finds_it_later() -> None:
    code = (
        "import sys, flowise_mock.engine\n"
        "print('requests' in sys.modules)\n"
        "from connexion import json_schema\nimport requests\n"
        "print(json_schema.requests.get is requests.get, requests.get.__module__, hasattr(json_schema.requests, '__path__'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True", "requests.api", "False"], done.stderr


async def answer(id: str) -> str:
    return id


class OneHandler(Resolver):
    """Resolves every operation to one function, and keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def resolve(self, operation: Any) -> Any:
        from connexion.resolver import Resolution

        self.seen.append(private_api.definition(operation))
        return Resolution(answer, "get_thing")


async def end(scope: Any, receive: Any, send: Any) -> None:
    """The wrapped app."""


def test_the_definition_of_an_operation_has_its_extensions() -> None:
    resolver, added = OneHandler(), []

    def add(path: str, method: str, operation_id: str) -> None:
        added.append((path, method, operation_id))

    api = private_api.RoutingAPI(private_api.Contract(SPEC), add=add, resolver=resolver)
    assert resolver.seen[0]["x-word"] == "kept"
    assert added == [("/things/{id}", "get", "get_thing")]
    assert api.base_path == "/base"


def test_the_stack_is_built_before_the_first_request() -> None:
    connexion = ConnexionMiddleware(end, middlewares=[])
    connexion.apis.append(API(private_api.Contract(SPEC), base_path=None, resolver=OneHandler()))
    assert private_api.build(connexion) == [end]
    assert connexion.middleware_stack is not None


def test_a_contract_is_checked_by_our_validator() -> None:
    wrong = {**SPEC, "paths": {"/things": {"get": {"responses": {}, "operationId": 1}}}}
    with pytest.raises(DocumentError, match=r"is not OpenAPI 3\.0: paths/"):
        private_api.Contract(wrong)


def test_a_signal_closes_and_is_not_raised_again() -> None:
    server, closed = uvicorn.Server(uvicorn.Config(end)), []
    private_api.stop_on_signal(server, lambda: closed.append(True))
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
    assert closed == [True]
    assert server._captured_signals == []


@pytest.mark.parametrize(
    ("security", "kind"),
    [
        ([{"bearer": []}], "required"),
        ([{"bearer": []}, {}], "optional"),
        ([{}, {"bearer": []}], ""),  # then no key is looked at
        ([{"own": []}], ""),
        ([{"bearer": []}, {"own": []}], ""),
        ([{"bearer": [], "own": []}], ""),
    ],
)
def test_the_security_of_an_operation_and_its_parts(security: list[Any], kind: str) -> None:
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "own": {"type": "apiKey", "in": "header", "name": "x", "x-apikeyInfoFunc": f"{__name__}.answer"},
    }
    spec = {**SPEC, "security": security, "components": {"securitySchemes": schemes}}
    connexion = ConnexionMiddleware(end, middlewares=[SecurityMiddleware])
    connexion.apis.append(
        API(
            private_api.Contract(spec), base_path=None, resolver=OneHandler(), security_map={"bearer": Bearer}
        )
    )
    layer: Any = private_api.build(connexion)[0]
    found = private_api.operation(layer, "get_thing")
    assert found.next_app is end
    assert private_api.bearer_kind(found) == kind


class Bearer(BearerSecurityHandler):
    def get_fn(self, security_scheme: Any, required_scopes: Any) -> Any:
        return lambda request: {}
