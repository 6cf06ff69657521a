"""Every name of Connexion and uvicorn that these libraries do not promise, so that an upgrade breaks here.

tests/engine/test_private_api.py has a test for each.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import jsonschema_rs
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.abstract import AbstractRoutingAPI, RoutedMiddleware
from connexion.middleware.security import SecurityOperation
from connexion.operations import AbstractOperation
from connexion.spec import OpenAPISpecification, Specification
from starlette.types import ASGIApp

from flowise_mock.contract.document import Document, DocumentError
from flowise_mock.contract.schemas import Validator


def definition(operation: AbstractOperation) -> Document:
    """An operation as the document has it; Connexion gives no other way to its tags and extensions."""
    found: Document = operation._operation
    return found


def build(connexion: ConnexionMiddleware) -> list[ASGIApp]:
    """Build the stack now and return it: Connexion would wait for the first request.

    A contract that cannot be served must stop the start.
    """
    connexion.app, connexion.middleware_stack = connexion._build_middleware_stack()
    return list(connexion.middleware_stack)


def operation(layer: RoutedMiddleware[Any], id: str) -> Any:
    """What a middleware of Connexion has for one operation: an ASGI app."""
    apis = [api for each in layer.apis.values() for api in each]
    return apis[0].operations[id]


def bearer_kind(security: SecurityOperation) -> str:
    """`required` or `optional` if `bearer` of HTTP is the one scheme of an operation, else empty."""
    alternatives = security.security
    schemes = [security.security_schemes[name].get("scheme") for each in alternatives for name in each]
    if schemes != ["bearer"] or not alternatives[0]:
        return ""
    return {1: "required", 2: "optional"}.get(len(alternatives), "")


class Contract(OpenAPISpecification):
    """Connexion's view of a document, checked against the OpenAPI schema by jsonschema-rs.

    Connexion's own check takes two thirds of the start.
    """

    @classmethod
    def _validate_spec(cls, spec: Document) -> None:
        validator = Validator(jsonschema_rs.Draft4Validator(cls.openapi_schema))
        problem = validator.problem(spec)
        if problem is not None:
            raise DocumentError(f"the contract is not OpenAPI 3.0: {problem.path}: {problem.reason}")


class RoutingAPI(AbstractRoutingAPI[str]):
    """Gives each operation that Connexion parsed to `add(path, method, operation_id)`.

    `base_path` is that of the specification.
    """

    def __init__(
        self, specification: Specification, *, add: Callable[[str, str, str], None], **kwargs: Any
    ) -> None:
        self._add = add
        super().__init__(specification, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> str:
        return str(operation.operation_id)

    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        return path, path

    def _add_operation_internal(
        self, method: str, path: str, operation: str, name: str | None = None
    ) -> None:
        self._add(path, method, operation)


def stop_on_signal(server: Any, close: Callable[[], None]) -> None:
    """Call `close` when uvicorn gets a signal, and let the process end with status 0."""
    handle = server.handle_exit

    def handle_exit(sig: int, frame: Any) -> None:
        handle(signal.Signals(sig), frame)
        close()
        server._captured_signals.clear()  # uvicorn raises these again when it ends, and dies of them

    server.handle_exit = handle_exit
