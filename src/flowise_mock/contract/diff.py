"""How two contracts differ, operation by operation: for a terminal, and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import Document, DocumentError, Operation, operations, resolve

DEPTH = 3
"""Levels of a schema that are compared; below, only the type is compared."""


def text(first: Document, second: Document, one: str, other: str) -> Iterator[str]:
    """The differences as lines for a terminal: `-` is only in the first contract, `+` only in the second."""
    changed = 0
    for label, found in differences(first, second):
        yield label
        yield from (f"  {line}" for line in found)
        changed += 1
    yield f"{changed} operations differ between {one} and {other}" if changed else f"{one} and {other} agree"


def markdown(first: Document, second: Document, one: str, other: str) -> Iterator[str]:
    """The differences as a table."""
    yield f"# {other} beside {one}"
    yield ""
    yield f"What differs for a client between `{one}` and `{other}`: `-` is {one}, `+` is {other}."
    yield f"Made by `flowise-mock diff {one} {other} --format md`."
    yield ""
    yield "| operation | difference |"
    yield "|---|---|"
    for label, found in differences(first, second):
        cells = "<br>".join(line.replace("|", "\\|").replace("<", "&lt;") for line in found)
        yield f"| `{label}` | {cells} |"


def differences(first: Document, second: Document) -> Iterator[tuple[str, list[str]]]:
    """(`GET /tools`, its differences) for each operation that differs."""
    one, other = _labelled(first), _labelled(second)
    for label in {**one, **other}:
        if label not in other:
            yield label, ["- the operation"]
        elif label not in one:
            yield label, ["+ the operation"]
        else:
            found = list(_operation(first, second, one[label], other[label]))
            if found:
                yield label, found


def _labelled(document: Document) -> dict[str, Operation]:
    return {f"{each.method.upper()} {each.path}": each for each in operations(document)}


def _operation(first: Document, second: Document, one: Operation, other: Operation) -> Iterator[str]:
    a, b = one.definition, other.definition
    yield from _named("key", [_security(a)], [_security(b)])
    yield from _named("permission", a.get("x-permissions", []), b.get("x-permissions", []))
    yield from _mappings(first, second, "query", _query(first, a), _query(second, b))
    yield from _mappings(
        first, second, "body", _contents(first, a.get("requestBody")), _contents(second, b.get("requestBody"))
    )
    yield from _named("status", a["responses"], b["responses"])
    for status in _in_both(a["responses"], b["responses"]):
        yield from _mappings(
            first, second, status,
            _contents(first, a["responses"][status]), _contents(second, b["responses"][status]),
        )  # fmt: skip


def _security(definition: Document) -> str:
    needed = definition.get("security", [])
    return "required" if needed and {} not in needed else "optional" if needed else "not required"


def _query(document: Document, definition: Document) -> dict[str, Any]:
    found = [resolve(document, each) for each in definition.get("parameters", [])]
    return {each["name"]: each.get("schema", {}) for each in found if each["in"] == "query"}


def _contents(document: Document, holder: Any) -> dict[str, Any]:
    content = resolve(document, holder or {}).get("content", {})
    return {media: each.get("schema", {}) for media, each in content.items()}


def _in_both(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in one if name in other]


def _named(what: str, one: Any, other: Any) -> Iterator[str]:
    yield from (f"- {what} {name}" for name in one if name not in other)
    yield from (f"+ {what} {name}" for name in other if name not in one)


def _mappings(
    first: Document, second: Document, where: str, one: dict[str, Any], other: dict[str, Any]
) -> Iterator[str]:
    yield from _named(where, one, other)
    for name in _in_both(one, other):
        yield from _schemas(first, second, one[name], other[name], f"{where} {name}", DEPTH)


def _schemas(
    first: Document, second: Document, one: Any, other: Any, where: str, depth: int
) -> Iterator[str]:
    a, b = _flattened(first, one), _flattened(second, other)
    if _kind(first, a) != _kind(second, b):
        yield f"- {where}: {_kind(first, a)}"
        yield f"+ {where}: {_kind(second, b)}"
        return
    if depth == 0:
        return
    yield from _named(f"{where}: needs", a.get("required", []), b.get("required", []))
    p, q = a.get("properties", {}), b.get("properties", {})
    yield from _named(f"{where}:", p, q)
    for name in _in_both(p, q):
        yield from _schemas(first, second, p[name], q[name], f"{where}.{name}", depth - 1)
    if a.get("type") == "array":
        yield from _schemas(first, second, a.get("items", {}), b.get("items", {}), f"{where}[]", depth - 1)


def _flattened(document: Document, schema: Any) -> Document:
    """A schema with its reference resolved and its `allOf` merged."""
    try:
        found: Document = resolve(document, schema)
    except DocumentError:
        return {}
    merged = {key: value for key, value in found.items() if key != "allOf"}
    for part in found.get("allOf", []):
        for key, value in _flattened(document, part).items():
            old = merged.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                merged[key] = {**old, **value}
            elif isinstance(old, list) and isinstance(value, list):
                merged[key] = [*old, *value]
            else:
                merged.setdefault(key, value)
    return merged


def _kind(document: Document, schema: Document) -> str:
    """The values that a schema accepts, in a few words."""
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(_kind(document, _flattened(document, each)) for each in schema[key])
    kind = str(schema.get("type", "anything"))
    if "enum" in schema:
        kind += " of " + ", ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("format"):
        kind += f" ({schema['format']})"
    return f"{kind} or null" if schema.get("nullable") and kind != "anything" else kind
