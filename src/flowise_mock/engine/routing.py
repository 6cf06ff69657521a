"""Routing: Connexion's operations in a tree of path segments.

Connexion's own router tries one path after the other, decodes `%2F` before it splits the path and
knows one method per route. This one looks each segment up, a literal before a template as OpenAPI
asks, and tells the methods of a path.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from connexion.middleware.abstract import ROUTING_CONTEXT, AbstractRoutingAPI, SpecMiddleware
from connexion.operations import AbstractOperation
from connexion.spec import Specification
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.outcomes import NoMethod, NoRoute, Options, Unparsable

Route = tuple[str, tuple[str, ...]]
"""An operation's id and the names of its path parameters."""


class Node:
    """A segment of the paths: its literal children, its templated child, its methods."""

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.template: Node | None = None
        self.methods: dict[str, Route] = {}

    def add(self, path: str, method: str, operation_id: str) -> None:
        node, names = self, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.template = node.template or Node()
                node = node.template
            else:
                node = node.literals.setdefault(segment, Node())
        node.methods[method.upper()] = (operation_id, tuple(names))

    def find(self, segments: list[str], filled: tuple[str, ...] = ()) -> tuple[Node, tuple[str, ...]] | None:
        """The node that a path ends on and what stands in its templates."""
        if not segments:
            return (self, filled) if self.methods else None
        first, rest = segments[0], segments[1:]
        literal = self.literals.get(first)
        found = literal.find(rest, filled) if literal else None
        if found is None and self.template is not None and first:
            found = self.template.find(rest, (*filled, first))
        return found

    @property
    def allow(self) -> str:
        return ", ".join(self.methods)


class RoutingAPI(AbstractRoutingAPI[str]):
    """Takes each parsed operation from Connexion and puts it into the tree."""

    def __init__(self, specification: Specification, **kwargs: Any) -> None:
        self.root = Node()
        super().__init__(specification, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> str:
        return str(operation.operation_id)

    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        return path, path

    def _add_operation_internal(
        self, method: str, path: str, operation: str, name: str | None = None
    ) -> None:
        self.root.add(path, method, operation)


class RoutingMiddleware(SpecMiddleware):
    """Finds the operation of a request and tells the middlewares behind it, as Connexion's does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.root = Node()
        self.base_path = ""

    def add_api(self, specification: Specification, **kwargs: Any) -> None:
        api = RoutingAPI(specification, **kwargs)
        self.root, self.base_path = api.root, api.base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        inside = path.startswith(self.base_path + "/")
        found = self.root.find(segments(path[len(self.base_path) :])) if inside else None
        if found is None:
            raise NoRoute(method, scope["path"])
        node, filled = found
        if method == "OPTIONS" and method not in node.methods:
            raise Options(node.allow)
        route = node.methods.get("GET" if method == "HEAD" and "HEAD" not in node.methods else method)
        if route is None:
            raise NoMethod(method, scope["path"], node.allow)
        operation_id, names = route
        scope["path_params"] = dict(zip(names, filled, strict=True))
        scope.setdefault("extensions", {})[ROUTING_CONTEXT] = {
            "api_base_path": self.base_path,
            "operation_id": operation_id,
        }
        await self.app(scope, receive, send)


def segments(path: str) -> list[str]:
    """The segments of a raw path, decoded one by one; a trailing slash ends no segment."""
    try:
        return [
            unquote_to_bytes(segment).decode() if "%" in segment else segment
            for segment in path.strip("/").split("/")
        ]
    except UnicodeDecodeError:
        raise Unparsable("path", "a percent-escape in it is not UTF-8") from None
