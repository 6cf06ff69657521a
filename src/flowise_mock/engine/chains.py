"""The chain of each operation: what is behind routing, composed once at the start.

Connexion's middlewares find the operation of a request again, each for itself. A chain has the parts of one
operation, and only those that it needs. A middleware that was added with Connexion's `add_middleware` is
called as Connexion calls it, and so is what is behind it; a `Sender` there sends what our own layers return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connexion.middleware.security import SecurityMiddleware
from starlette.types import ASGIApp

from flowise_mock.engine import private_api
from flowise_mock.engine.endpoint import EndpointMiddleware
from flowise_mock.engine.fault_middleware import FaultMiddleware
from flowise_mock.engine.http_exchange import AnsweringApp, Sender
from flowise_mock.engine.security import KeyCheck


def chains(layers: Sequence[ASGIApp], operations: Iterable[str], *, checked: bool) -> dict[str, AnsweringApp]:
    """The chain of each operation. `layers` are the middlewares behind routing, the outermost first.

    `checked` says that keys need no check there: the server is open, or its gate has checked them.
    """
    return {id: _chain(layers, id, checked) for id in operations}


def _chain(layers: Sequence[ASGIApp], id: str, checked: bool) -> AnsweringApp:
    app: AnsweringApp = layers[-1]
    for layer in reversed(layers):
        if isinstance(layer, EndpointMiddleware):
            app = private_api.operation(layer, id)
        elif isinstance(layer, FaultMiddleware):
            app = layer.before(app)
        elif isinstance(layer, SecurityMiddleware):
            app = _secured(layer, id, app, checked)
        elif not isinstance(layer, Sender):
            app = layer
    return app


def _secured(layer: SecurityMiddleware, id: str, app: AnsweringApp, checked: bool) -> AnsweringApp:
    security = private_api.operation(layer, id)
    if not security.security:
        return app
    kind = private_api.bearer_kind(security)
    if kind:
        return app if checked else KeyCheck(app, optional=kind == "optional")
    security.next_app = Sender(app)
    secured: AnsweringApp = security
    return secured
