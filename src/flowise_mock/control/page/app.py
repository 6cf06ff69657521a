"""The Flask application of the pages, mounted beside the API and imported at the first visit."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock import __version__
from flowise_mock.control.guard import CONTROL, STATIC, protected

WELCOME = f"{CONTROL}/welcome"
"""The page that is shown at `/`."""


class PageApp:
    """The pages as an ASGI app. `contract` is the name of the contract in force."""

    def __init__(self, contract: str, api_path: str) -> None:
        self._values = {"contract": contract, "version": __version__, "api_path": api_path}
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = _mounted(_flask(self._values))
        if scope["path"] == "/":
            scope, send = {**scope, "path": WELCOME, "raw_path": WELCOME.encode()}, protected(send)
        await self._app({**scope, "root_path": ""}, receive, send)


def _mounted(flask: Any) -> Any:
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(flask, workers=2)


def _flask(values: dict[str, str]) -> Any:
    from flask import Flask, render_template

    app = Flask(__name__, static_url_path=STATIC.rstrip("/"))

    @app.context_processor
    def known() -> dict[str, str]:
        return values

    @app.get(CONTROL)
    @app.get(f"{CONTROL}/")
    def dashboard() -> str:
        return render_template("dashboard.html")

    @app.get(WELCOME)
    def welcome() -> str:
        return render_template("welcome.html")

    return app
