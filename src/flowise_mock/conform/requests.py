"""Builds requests of operations: paths, queries and bodies, with the values of a walk filled in."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import quote

from flowise_mock.conform.client import Files, Request
from flowise_mock.conform.contract import Contract

Values = dict[str, Any]
_NAME = re.compile(r"\$\{(\w+)\}|\$(\w+)")


class MissingValueError(Exception):
    """A name without a value: no response gave it. The text is the name."""


def fill(node: Any, values: Values) -> Any:
    """`node` with `$name`, `${name}` and `{$text: …}` replaced. Raises MissingValueError."""
    if isinstance(node, dict):
        if set(node) == {"$text"}:
            return json.dumps(fill(node["$text"], values), ensure_ascii=False)
        return {key: fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(item, values) for item in node]
    if not isinstance(node, str):
        return node
    if re.fullmatch(r"\$\w+", node):
        return value(node[1:], values)
    return _NAME.sub(lambda found: str(value(found[1] or found[2], values)), node)


def value(name: str, values: Values) -> Any:
    if name == "uuid":
        return str(uuid.uuid4())
    if name not in values or values[name] is None:
        raise MissingValueError(name)
    return values[name]


def request(contract: Contract, operation: str, arguments: Values, **body: Any) -> Request:
    """A request of an operation with its parameters by name; the default of a path parameter is a new ID."""
    definition = contract.operations[operation]
    path = definition.path
    query: list[tuple[str, str]] = []
    places = {parameter["name"]: parameter["in"] for parameter in contract.parameters(operation)}
    for name in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{name}}}", quote(text(arguments.get(name, uuid.uuid4())), safe=""))
    for name, given in arguments.items():
        if places.get(name) == "query" or (name not in places and f"{{{name}}}" not in definition.path):
            query.append((name, text(given)))
    return Request(operation, definition.method.upper(), path, query, **body)


def text(given: Any) -> str:
    return json.dumps(given) if isinstance(given, bool) else str(given)


def files(listed: list[list[str]]) -> Files:
    """Files of a form: each is a field, a file name, a media type, a text."""
    return [(field, (name, content.encode(), media)) for field, name, media, content in listed]
