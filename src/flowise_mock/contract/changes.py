"""What a client sees change from one contract to another, by operation and severity.

A *reader* uses the answer, a *writer* makes the request. An answer that may hold something new breaks
readers; a request that is no longer accepted breaks writers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from flowise_mock.contract.document import Document, DocumentError, Operation, operations, resolve
from flowise_mock.contract.outcome_changes import outcome_changes

DEPTH = 3
"""Levels of a schema that are compared; below, only the type is compared."""
EVERY = "every operation"
"""The label of what changes at the root of a contract."""
ANYTHING = "anything"


class Severity(StrEnum):
    READER = "reader"
    WRITER = "writer"
    HARMLESS = "harmless"


class Change(NamedTuple):
    """One change. `text` names its place, and what was and what is there."""

    severity: Severity
    text: str

    @property
    def breaks(self) -> bool:
        return self.severity is not Severity.HARMLESS


def changes(first: Document, second: Document) -> Iterator[tuple[str, list[Change]]]:
    """(`GET /tools`, its changes) for each operation that changes; then those of the root, as EVERY."""
    one, other = labelled(first), labelled(second)
    for label in {**one, **other}:
        if label not in other:
            yield label, [Change(Severity.WRITER, "the operation is gone")]
        elif label not in one:
            yield label, [Change(Severity.HARMLESS, "the operation is new")]
        elif found := list(_operation(first, second, one[label], other[label])):
            yield label, found
    if found := list(_root(first, second)):
        yield EVERY, found


def labelled(document: Document) -> dict[str, Operation]:
    """The operations of a document, as `GET /tools`."""
    return {f"{each.method.upper()} {each.path}": each for each in operations(document)}


def _operation(first: Document, second: Document, one: Operation, other: Operation) -> Iterator[Change]:
    a, b = one.definition, other.definition
    yield from _access(a, b)
    query = _Place(first, second, "query ", answer=False)
    yield from query.mappings(_query(first, a), _query(second, b))
    body = _Place(first, second, "body ", answer=False)
    yield from body.mappings(_contents(first, a.get("requestBody")), _contents(second, b.get("requestBody")))
    described = "x-outcomes" in first and "x-outcomes" in second
    if described:
        yield from (
            Change(Severity(severity), text) for severity, text in outcome_changes(first, second, one, other)
        )
    else:
        yield from _statuses(a["responses"], b["responses"])
    for status in a["responses"]:
        if status in b["responses"] and not (described and status >= "400"):
            place = _Place(first, second, f"{status} ", answer=True)
            yield from place.mappings(
                _contents(first, a["responses"][status]), _contents(second, b["responses"][status])
            )


def _access(a: Document, b: Document) -> Iterator[Change]:
    old, new = _security(a), _security(b)
    if old != new:
        severity = Severity.WRITER if new == "required" else Severity.HARMLESS
        yield Change(severity, f"key: {old} → {new}")
    before, now = a.get("x-permissions", []), b.get("x-permissions", [])
    if before != now:
        wider = not now or (before and set(before) <= set(now))
        severity = Severity.HARMLESS if wider else Severity.WRITER
        yield Change(severity, f"permission: {' or '.join(before) or 'none'} → {' or '.join(now) or 'none'}")


def _security(definition: Document) -> str:
    needed = definition.get("security", [])
    return "required" if needed and {} not in needed else "optional" if needed else "not required"


def _statuses(one: Document, other: Document) -> Iterator[Change]:
    yield from (Change(Severity.READER, f"status {each} is gone") for each in one if each not in other)
    yield from (Change(Severity.READER, f"status {each} is new") for each in other if each not in one)


def _query(document: Document, definition: Document) -> dict[str, Any]:
    found = [resolve(document, each) for each in definition.get("parameters", [])]
    return {each["name"]: each.get("schema", {}) for each in found if each["in"] == "query"}


def _contents(document: Document, holder: Any) -> dict[str, Any]:
    content = resolve(document, holder or {}).get("content", {})
    return {media: each.get("schema", {}) for media, each in content.items()}


# --- the root --------------------------------------------------------------------------------------

WIRE = {
    "cors": Severity.WRITER, "bodies": Severity.WRITER, "paths": Severity.WRITER,
    "empty-segments": Severity.WRITER, "headers": Severity.HARMLESS, "etags": Severity.HARMLESS,
    "bare-events": Severity.HARMLESS,  # parsers of events ignore the line
}  # fmt: skip
"""The severity of a change of `x-server`; of any other word, READER."""


def _root(first: Document, second: Document) -> Iterator[Change]:
    for word in ("x-server", "x-flow-behaviour"):
        one, other = first.get(word, {}), second.get(word, {})
        for name in {**one, **other}:
            if one.get(name) != other.get(name) and name != "public-paths":  # each operation shows it
                old, new = _shown(one.get(name)), _shown(other.get(name))
                yield Change(WIRE.get(name, Severity.READER), f"{name}: {old} → {new}")
    yield from _ids(first, second)


def _ids(first: Document, second: Document) -> Iterator[Change]:
    """Whose ids records have: with `accepted` and `mutable`, one that the client sends counts."""
    schemas = second.get("components", {}).get("schemas", {})
    for name, schema in first.get("components", {}).get("schemas", {}).items():
        old = schema.get("x-record", {}).get("ids", "generated")
        new = schemas.get(name, {}).get("x-record", {}).get("ids", "generated")
        if old != new:
            severity = Severity.WRITER if new == "generated" or old == "mutable" else Severity.HARMLESS
            yield Change(severity, f"ids of {name}: {old} → {new}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{name}: {text}" for name, text in value.items()]
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else "the default"
        if value is None
        else str(value)
    )


# --- schemas ---------------------------------------------------------------------------------------


def schema_changes(one: Any, other: Any, where: str) -> Iterator[Change]:
    """The changes of an answer's schema that has no references."""
    yield from _Place({}, {}, "", answer=True).schemas(one, other, where, 2 * DEPTH)


class _Place(NamedTuple):
    """Where two contracts are compared: a part of a request, or an answer."""

    first: Document
    second: Document
    prefix: str
    answer: bool

    def mappings(self, one: dict[str, Any], other: dict[str, Any]) -> Iterator[Change]:
        """Changes of query parameters, or of bodies by their media type."""
        yield from self._gone(self.prefix, [each for each in one if each not in other])
        yield from self._new(self.prefix, [each for each in other if each not in one])
        for name in one:
            if name in other:
                yield from self.schemas(one[name], other[name], f"{self.prefix}{name}", DEPTH)

    def schemas(self, one: Any, other: Any, where: str, depth: int) -> Iterator[Change]:
        a, b = _flattened(self.first, one), _flattened(self.second, other)
        old, new = _kinds(self.first, a), _kinds(self.second, b)
        if old != new:
            yield Change(self._severity(old, new), f"{where}: {' or '.join(old)} → {' or '.join(new)}")
        if depth == 0:
            return
        yield from self._properties(a, b, where, depth)
        if a.get("type") == b.get("type") == "array" and "items" in a and "items" in b:
            yield from self.schemas(a["items"], b["items"], f"{where}[]", depth - 1)

    def _properties(self, a: Document, b: Document, where: str, depth: int) -> Iterator[Change]:
        p, q = a.get("properties", {}), b.get("properties", {})
        yield from self._gone(f"{where}.", [each for each in p if each not in q])
        yield from self._new(f"{where}.", [each for each in q if each not in p])
        names = [name for name in q if name in p or not self.answer]
        yield from self._required(a.get("required", []), b.get("required", []), names, where)
        for name in p:
            if name in q:
                yield from self.schemas(p[name], q[name], f"{where}.{name}", depth - 1)

    def _required(self, old: list[str], new: list[str], names: list[str], where: str) -> Iterator[Change]:
        for name in names:
            if (name in old) != (name in new):
                breaks = name in old if self.answer else name in new
                word = "required" if name in new else "optional"
                yield Change(self._broken if breaks else Severity.HARMLESS, f"{where}.{name} is {word} now")

    def _gone(self, where: str, names: Sequence[str]) -> Iterator[Change]:
        yield from (Change(self._broken, f"{where}{name} is gone") for name in names)

    def _new(self, where: str, names: Sequence[str]) -> Iterator[Change]:
        yield from (Change(Severity.HARMLESS, f"{where}{name} is new") for name in names)

    def _severity(self, old: Sequence[str], new: Sequence[str]) -> Severity:
        narrow, wide = (new, old) if self.answer else (old, new)
        return Severity.HARMLESS if all(_accepts(wide, each) for each in narrow) else self._broken

    @property
    def _broken(self) -> Severity:
        return Severity.READER if self.answer else Severity.WRITER


def _accepts(kinds: Sequence[str], kind: str) -> bool:
    """Whether some of `kinds` includes another: `string` includes `string (uuid)` and `"a"`."""
    general = "string" if kind.startswith('"') else kind.partition(" ")[0]
    wider = {ANYTHING, kind, general, "number" if general == "integer" else general}
    return bool(wider.intersection(kinds))


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


def _kinds(document: Document, schema: Document) -> tuple[str, ...]:
    """The kinds of values that a schema accepts, as `string (uuid)` or `"a"`."""
    for key in ("oneOf", "anyOf"):
        if key in schema:
            found = [kind for each in schema[key] for kind in _kinds(document, _flattened(document, each))]
            return tuple(dict.fromkeys(found))
    kind = str(schema.get("type", ANYTHING))
    kinds = [json.dumps(each) for each in schema["enum"]] if "enum" in schema else [kind]
    if schema.get("format") and "enum" not in schema:
        kinds = [f"{each} ({schema['format']})" for each in kinds]
    return (*kinds, "null") if schema.get("nullable") and kind != ANYTHING else tuple(kinds)
