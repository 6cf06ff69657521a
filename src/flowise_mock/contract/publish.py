"""A contract as its readers get it, and the places where it departs from the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flowise_mock.contract.document import Document

_MACHINERY = {
    "x-outcomes", "x-bodies", "x-message-template", "x-service", "x-controller", "x-record", "x-tables",
    "x-view", "x-handler", "x-server", "x-handler-name", "x-last-segment", "x-values", "x-requires",
    "x-excludes", "x-form-target", "x-omit", "x-flow-behaviour",
}  # fmt: skip
"""Extensions that drive this server and tell a reader of the contract nothing."""


def publish(document: Document) -> Document:
    """The contract as its readers get it: without our machinery, its server relative to its address."""
    shown: Document = _without(document, _MACHINERY)
    shown.pop("x-permissions", None)  # each operation has its own
    if "x-server" in document:
        _prune(shown)
    path = urlsplit(document["servers"][0]["url"]).path if document.get("servers") else ""
    return {**shown, "servers": [{"url": path or "/"}]}


def _prune(document: Document) -> None:
    """Drop the components that nothing refers to, of a contract that replaced what referred to them."""
    components = document.get("components", {})
    while True:
        named = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(document)))
        unused = [
            (kind, name)
            for kind in ("schemas", "responses", "parameters")
            for name in components.get(kind, {})
            if f"{kind}/{name}" not in named
        ]
        if not unused:
            return
        for kind, name in unused:
            del components[kind][name]


def _without(node: Any, keys: set[str]) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, keys) for key, value in node.items() if key not in keys}
    if isinstance(node, list):
        return [_without(value, keys) for value in node]
    return node


class Departure(NamedTuple):
    """A place where the document says something else than the documentation, and why."""

    pointer: str
    why: str


def departures(node: Any, pointer: str = "") -> Iterator[Departure]:
    """Every `x-departure` in the document, in its order."""
    if isinstance(node, dict):
        reasons = node.get("x-departure", [])
        for why in [reasons] if isinstance(reasons, str) else reasons:
            yield Departure(pointer or "/", why)
        for key, value in node.items():
            yield from departures(value, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from departures(value, f"{pointer}/{index}")
