"""Checks what the `x-` words of an overlay refer to: bodies, fields, parameters, columns, operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

from flowise_mock.contract.document import Document, operations, resolve
from flowise_mock.contract.vocabulary import Problem, Steps, Use, nearest
from flowise_mock.state import outcomes

_FILLED = {"status", "message"}
"""Placeholders of messages and bodies that are not fields of an outcome."""


def problems(document: Document, found: Iterable[Use]) -> Iterator[Problem]:
    """References in `found` that do not exist in the document with the overlay applied."""
    for use in found:
        check = _CHECKS.get(use.word)
        if check is not None:
            for path, text, key in check(document, use):
                yield Problem((*use.steps, *path[len(use.inner) :]), text, key)


Found = Iterator[tuple[Steps, str, bool]]


def _outcomes(document: Document, use: Use) -> Found:
    kinds = outcomes.all_outcomes()
    for name, entry in _items(use.value):
        if name not in kinds and name != "*":
            continue
        kind = kinds.get(name, outcomes.Failure)
        for path, text in _texts(entry):
            for word in _words(text):
                if word not in {*kind.fields, *_FILLED}:
                    yield (name, *path), f"{name} has no field {word}{nearest(word, kind.fields)}", False
        body = entry.get("body") if isinstance(entry, dict) else None
        if body is not None and body not in document.get("x-bodies", {}):
            near = nearest(str(body), document.get("x-bodies", {}))
            yield (name, "body"), f"there is no body {body!r} in x-bodies{near}", False


def _texts(entry: Any) -> Iterator[tuple[Steps, Any]]:
    """The texts of an outcome's entry, with the steps to them."""
    if isinstance(entry, dict):
        yield ("message",), entry.get("message", "")
        for key in ("fields", "headers"):
            for name, text in _items(entry.get(key)):
                yield (key, name), text


def _words(text: Any) -> Iterator[str]:
    """The placeholders of a text; the error of an unclosed brace is yielded as one that is unknown."""
    try:
        parts = list(Formatter().parse(text)) if isinstance(text, str) else []
    except ValueError as error:
        yield str(error)
        return
    yield from (word.partition("[")[0] for _, word, _, _ in parts if word is not None)


def _bodies(document: Document, use: Use) -> Found:
    fields = {field for kind in outcomes.all_outcomes().values() for field in kind.fields} | _FILLED
    for path, text in _leaves(use.value, ()):
        for word in _words(text):
            if word not in fields:
                yield path, f"no outcome has a field {word}{nearest(word, fields)}", False


def _leaves(value: Any, path: Steps) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, (dict, list)):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(child, (*path, key))
    else:
        yield path, value


def _siblings(document: Document, use: Use) -> Found:
    """Check `x-requires` and `x-excludes`: they name another parameter, or a property of the same schema."""
    holder = _at(document, use.location[:-1])
    if isinstance(holder, list):
        names = [resolve(document, each).get("name") for each in holder]
    elif use.location[-2:-1] == ("properties",):
        names = list(holder or {})
    else:
        return
    if use.value not in names:
        yield (), f"there is no {use.value!r} next to it{nearest(str(use.value), filter(None, names))}", False


_LISTS = (
    "required", "null-if-missing", "booleans", "write-only", "return-stored", "ignore-null", "order",
    "indexes",
)  # fmt: skip


def _record(document: Document, use: Use) -> Found:
    holder = _at(document, use.location)
    merged = (holder or {}).get("x-record", {}) if isinstance(holder, dict) else {}
    yield from _columns(use.value, merged, list((holder or {}).get("properties", {})), ())


def _tables(document: Document, use: Use) -> Found:
    for name, value in _items(use.value):
        yield from _columns(value, document.get("x-tables", {}).get(name, {}), [], (name,))


def _columns(value: Any, merged: Any, properties: list[str], path: Steps) -> Found:
    """The columns that the parts of an `x-record` name and that its table does not have."""
    text = merged.get("columns") if isinstance(merged, dict) else None
    known = text.split() if isinstance(text, str) else properties
    for key in _LISTS:
        given = value.get(key) if isinstance(value, dict) else None
        for name in given.replace("+", " ").split() if isinstance(given, str) else ():
            column = name.lstrip("-").rstrip("*")
            if column not in known:
                yield (*path, key), f"there is no column {column}{nearest(column, known)}", False
    for key in ("generated", "defaults"):
        for column, _ in _items(value.get(key) if isinstance(value, dict) else None):
            if column not in known:
                yield (*path, key, column), f"there is no column {column}{nearest(column, known)}", True
    if properties and isinstance(value, dict) and isinstance(value.get("columns"), str):
        for column in value["columns"].split():
            near = nearest(column, set(properties) - set(known))
            if column not in properties and near:
                yield (*path, "columns"), f"there is no property {column}{near}", False


def _permissions(document: Document, use: Use) -> Found:
    ids = [each.id for each in operations(document)]
    for name, _ in _items(use.value):
        if name not in ids:
            yield (name,), f"there is no operation {name}{nearest(name, ids)}", True


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _at(document: Document, location: Steps) -> Any:
    node: Any = document
    for step in location:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


_CHECKS = {
    "x-outcomes": _outcomes,
    "x-bodies": _bodies,
    "x-requires": _siblings,
    "x-excludes": _siblings,
    "x-record": _record,
    "x-tables": _tables,
    "x-permissions": _permissions,
}
