"""Routing: Connexion's operations in a tree of path segments.

Connexion's own router tries one path after the other, decodes `%2F` before it splits the path and
knows one method per route. This one looks each segment up, a literal before a template as OpenAPI
requires, and names the methods of a path.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from connexion.middleware.abstract import ROUTING_CONTEXT, SpecMiddleware
from connexion.spec import Specification
from starlette.types import Receive, Scope, Send

from flowise_mock.contract.document import operations
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.http_exchange import Answer, AnsweringApp
from flowise_mock.engine.other_operations import OtherOperations
from flowise_mock.engine.pages import Pages
from flowise_mock.engine.path_tree import Node, Route
from flowise_mock.engine.private_api import RoutingAPI
from flowise_mock.engine.request_state import request_state
from flowise_mock.engine.security import Gate
from flowise_mock.engine.server_profile import ServerProfile
from flowise_mock.state.outcomes import AllowedMethods, MalformedPath, MethodNotAllowed, UnknownPath

URL_BLANKS = "\t\n\f\r \u00a0\ufeff"
"""What Node trims at the end of a URL; it has decoded it before."""
MAX_KNOWN = 10_000
"""Targets whose operation is kept."""
MAX_KNOWN_PATH = 200
"""Bytes of the longest of them."""


Known = tuple[AnsweringApp, str, Answers, Mapping[str, str], dict[str, str]]
"""Of a target: chain, id, answers and context of its operation, and the values in its path."""


class RoutingMiddleware(SpecMiddleware):
    """Finds the operation of a request and passes it to its chain (chains.py).

    Without a chain it goes to the middlewares behind, as from Connexion's own router.
    """

    def __init__(self, app: AnsweringApp) -> None:
        self.app = app
        self.root = Node()
        self.base_path = ""
        self.profile = ServerProfile()
        self.gate: Gate | None = None
        self.pages: Pages | None = None
        self.answers: Mapping[str | None, Answers] = {}
        self.exact: set[str] = set()
        self.others: OtherOperations | None = None
        self.chains: Mapping[str, AnsweringApp] = {}
        self.contexts: Mapping[str, Mapping[str, str]] = {}
        self._known: dict[tuple[str, bytes], Known] = {}

    def add_api(self, specification: Specification, **kwargs: Any) -> None:
        settings = kwargs["settings"]
        self.profile = settings.profile
        self.pages = settings.pages
        self.answers = settings.answers
        add = partial(self.root.add, fold=self.profile.case_insensitive)
        self.base_path = RoutingAPI(specification, add=add, **kwargs).base_path
        self.exact = {
            each.id for each in operations(settings.document) if "x-last-segment" in each.definition
        }
        self.contexts = {
            each.id: {"api_base_path": self.base_path, "operation_id": each.id}
            for each in operations(settings.document)
        }
        self.others = OtherOperations(
            settings.document, fold=self.profile.case_insensitive, strict=settings.strict_operations
        )
        if self.profile.public_paths is not None and not settings.open:
            self.gate = Gate(
                self.base_path,
                self.profile.public_paths,
                trusts_internal_requests=self.profile.trusts_internal_requests,
            )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[Answer | None]:
        raw = scope.get("raw_path") or scope["path"].encode()
        if self.gate is not None:
            self.gate.check(scope, raw.decode("latin-1"))
        target = scope["method"], raw
        known = self._known.get(target)
        if known is None:
            page = self.pages.find(scope) if self.pages is not None else None
            if page is not None:
                return _answered(page)
            known = self._found(*self._route(scope, raw.decode("latin-1")))
            self._remember(target, known)
        app, operation_id, answers, context, filled = known
        scope["path_params"] = filled.copy()
        scope["extensions"][ROUTING_CONTEXT] = context
        state = request_state(scope)
        state.operation_id, state.answers = operation_id, answers
        return app(scope, receive, send)

    def _found(self, route: Route, filled: tuple[str, ...]) -> Known:
        """What there is to do for a request of an operation, with these values in its path."""
        operation_id, names = route
        app = self.chains.get(operation_id, self.app)
        values = dict(zip(names, filled, strict=True))
        return app, operation_id, self.answers[operation_id], self.contexts[operation_id], values

    def _remember(self, target: tuple[str, bytes], known: Known) -> None:
        """Keep where a target leads: clients ask for the same ones again and again.

        Not if it has escapes: blanks at its end count if a query follows.
        """
        if len(target[1]) <= MAX_KNOWN_PATH and b"%" not in target[1]:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[target] = known

    def _route(self, scope: Scope, path: str) -> tuple[Route, tuple[str, ...]]:
        """The operation of a request and the values of the templates in its path."""
        method = scope["method"]
        if not path.startswith(self.base_path + "/"):
            raise UnknownPath(method, scope["path"])
        parts = segments(path[len(self.base_path) :])
        if self.profile.lenient and _BROKEN_ESCAPE.search(path):
            raise MalformedPath("path", "a percent sign in it begins no escape")
        if self.profile.ignores_empty_segments:
            parts = _trimmed(parts, is_end=not path.endswith("/") and not scope["query_string"])
        found = self.root.find(parts, fold=self.profile.case_insensitive)
        route = None
        if found is not None:
            route = found[0].methods.get(_answered_by(method, found[0]))
        if found is not None and route is not None:
            return route, found[1]
        if self.others is not None:
            self.others.answer(parts, "GET" if method == "HEAD" else method, scope["query_string"])
        if self.profile.ignores_empty_segments:
            lacking = self.root.without_id(parts, "GET" if method == "HEAD" else method)
            if lacking is not None and lacking[0][0] not in self.exact:
                return lacking
        if found is None:
            raise UnknownPath(method, scope["path"])
        if method == "OPTIONS":
            raise AllowedMethods(found[0].allow, self._listed(found[0]))
        raise MethodNotAllowed(method, scope["path"], found[0].allow)

    def _listed(self, node: Node) -> str:
        """The methods of a path as Express lists them: GET answers HEAD too, and a last id may be missing."""
        following = node.template.methods if node.template is not None else {}
        methods = dict.fromkeys(node.methods)
        methods |= dict.fromkeys(each for each in following if following[each][0] not in self.exact)
        listed = [each for name in methods for each in ((name, "HEAD") if name == "GET" else (name,))]
        return ",".join(sorted(listed, key=lambda each: _ORDER.get(each, len(_ORDER))))


async def _answered(page: Answer) -> Answer:
    return page


_ORDER = {name: place for place, name in enumerate(("POST", "GET", "HEAD", "PUT", "DELETE"))}
"""The order in which Flowise's routers declare their methods."""


def _answered_by(method: str, node: Node) -> str:
    """HEAD is answered as GET is."""
    return "GET" if method == "HEAD" and "HEAD" not in node.methods else method


def _trimmed(parts: list[str], is_end: bool) -> list[str]:
    """The segments of a path without the empty ones, and without blanks where the whole URL ends."""
    kept = [part for part in parts if part]
    if kept and is_end:
        kept[-1] = kept[-1].rstrip(URL_BLANKS)
    return kept if not kept or kept[-1] else kept[:-1]


def segments(path: str) -> list[str]:
    """The segments of a raw path, decoded one by one; a trailing slash ends no segment."""
    try:
        return [
            unquote_to_bytes(segment).decode() if "%" in segment else segment
            for segment in path.strip("/").split("/")
        ]
    except UnicodeDecodeError:
        raise MalformedPath("path", "a percent-escape in it is not UTF-8") from None


_BROKEN_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
