"""A request of ASGI as rules and the journal match it."""

from __future__ import annotations

from typing import Any

from starlette.types import Scope

from flowise_mock.scripts.http_request import HttpRequest


def http_request(scope: Scope, body: Any, operation: str) -> HttpRequest:
    """The request; `body` is what was read of its body."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return HttpRequest(scope["method"], scope["path"], query, headers, body, operation)
