"""A contract as clients read it, and its departures from the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flowise_mock.contract import vocabulary
from flowise_mock.contract.document import Document, operations


def publish(document: Document) -> Document:
    """The contract without the words that only this server uses, and with the number of its operations.

    The URL of its server is relative to the address of the document.
    """
    internal = {name for name, each in vocabulary.schema()["properties"].items() if "published" not in each}
    shown: Document = _without(document, internal)
    shown.pop("x-permissions", None)  # each operation has its own
    if "x-server" in document:
        _prune(shown)
    path = urlsplit(document["servers"][0]["url"]).path if document.get("servers") else ""
    info = {**document["info"], "description": _counted(document)}
    return {**shown, "info": info, "servers": [{"url": path or "/"}]}


def _counted(document: Document) -> str:
    """The description of a contract, with the number of its operations."""
    found = list(operations(document))
    groups = len({each.tag for each in found})
    text = str(document["info"].get("description", "")).rstrip()
    return f"{text} This contract has {len(found)} operations in {groups} groups.".lstrip()


def _prune(document: Document) -> None:
    """Remove unused components; a contract that replaces responses leaves some."""
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
    """A place where the document differs from the documentation, and why."""

    pointer: str
    why: str


def departures(node: Any, pointer: str = "") -> Iterator[Departure]:
    """Every `x-departure`, in the order of the document."""
    if isinstance(node, dict):
        reasons = node.get("x-departure", [])
        for why in [reasons] if isinstance(reasons, str) else reasons:
            yield Departure(pointer or "/", why)
        for key, value in node.items():
            yield from departures(value, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from departures(value, f"{pointer}/{index}")
