"""A request of ASGI as rules and the journal match it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from flowise_mock.scripts.http_request import HttpRequest


def http_request(scope: Scope, headers: Mapping[str, str], body: Any, operation: str) -> HttpRequest:
    """The request; `headers` have lower-case names, `body` is what was read of its body."""
    query = scope["query_string"].decode("latin-1")
    return HttpRequest(scope["method"], scope["path"], query, headers, body, operation)
