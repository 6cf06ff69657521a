"""Walks a document by the grammar of OpenAPI: every operation, parameter and schema, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from flowise_mock.contract.document import METHODS
from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.source import Files, Source, Spot

_SCHEMA = {
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), "{schema}"
    ),
    **dict.fromkeys(("items", "additionalProperties", "not", "if", "then", "else", "contains"), "schema"),
    **dict.fromkeys(("propertyNames", "unevaluatedItems", "unevaluatedProperties"), "schema"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), "[schema]"),
}
_PARAMETER = {"schema": "schema", "content": "{media}", "examples": "{example}", "items": "items"}
_ENCODING = {
    "headers": "{header}", "encoding": "{encoding}", "prefixEncoding": "[encoding]",
    "itemEncoding": "encoding",
}  # fmt: skip
GRAMMAR: dict[str, dict[str, str]] = {
    "document": {
        "info": "info", "paths": "{path}", "webhooks": "{path}", "components": "components", "tags": "[tag]",
        "servers": "[server]",
    },
    "components": {
        "schemas": "{schema}", "responses": "{response}", "parameters": "{parameter}", "headers": "{header}",
        "examples": "{example}", "requestBodies": "{body}", "securitySchemes": "{scheme}", "links": "{link}",
        "callbacks": "{callback}", "pathItems": "{path}", "mediaTypes": "{media}",
    },
    "path": {
        "parameters": "[parameter]", "servers": "[server]", "additionalOperations": "{operation}",
        **dict.fromkeys((*METHODS, "query"), "operation"),
    },
    "operation": {
        "parameters": "[parameter]", "requestBody": "body", "responses": "{response}",
        "callbacks": "{callback}", "servers": "[server]",
    },
    "callback": {"*": "path"},
    "parameter": _PARAMETER,
    "header": _PARAMETER,
    "items": {"items": "items"},
    "body": {"content": "{media}"},
    "media": {"schema": "schema", "itemSchema": "schema", "examples": "{example}", **_ENCODING},
    "encoding": _ENCODING,
    "response": {"content": "{media}", "headers": "{header}", "links": "{link}", "schema": "schema"},
    "link": {"server": "server"},
    "schema": _SCHEMA,
}  # fmt: skip
"""The grammar: `{x}` is an object of x, `[x]` a list of x, `*` any key."""
OLD = {
    "definitions": "{schema}", "parameters": "{parameter}", "responses": "{response}",
    "securityDefinitions": "{scheme}",
}  # fmt: skip
"""What the grammar of 2.0 has instead."""
_FREE = ("schema", "media", "header", "parameter", "encoding", "example")
"""Kinds whose names are free, so that one may begin with x-."""


ROOMS = {
    "schema": "schemas", "response": "responses", "parameter": "parameters", "header": "headers",
    "body": "requestBodies", "example": "examples", "link": "links", "callback": "callbacks",
    "media": "mediaTypes", "path": "pathItems", "scheme": "securitySchemes",
}  # fmt: skip
"""The components of each kind."""


def is_other(kind: str, target: Spot) -> bool:
    """Whether a spot is a component of another kind."""
    parts = target.pointer.split("/")
    return len(parts) == 4 and parts[1] == "components" and parts[2] != ROOMS.get(kind, parts[2])


class Operation(NamedTuple):
    """An operation, with its path item."""

    path: str
    method: str
    spot: Spot
    item: Spot

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"


class Reference(NamedTuple):
    """A `$ref`, the kind of object that belongs there, and its target or the reason why it has none."""

    spot: Spot
    kind: str
    target: Spot | None
    error: ReadingError | None


class Spec:
    """One document, with the files that it refers to."""

    def __init__(self, source: Source, files: Files | None = None) -> None:
        self.source = source
        self.files = files or Files()
        self.files.add(source)
        self.root = Spot(source, "", source.value)
        self.version = str(source.value.get("openapi") or source.value.get("swagger") or "")
        self.line = ".".join(self.version.split(".")[:2])
        self.kinds: dict[str, list[Spot]] = {}
        self.references: list[Reference] = []
        self._walk()
        self.operations = list(self._operations("paths"))
        self.webhooks = list(self._operations("webhooks"))
        self.compiled: object = None

    def of(self, *kinds: str) -> Iterator[Spot]:
        """Every object of these kinds, in the order of the walk."""
        for kind in kinds:
            yield from self.kinds.get(kind, [])

    @property
    def modern(self) -> bool:
        """Whether schemas are those of JSON Schema 2020-12."""
        return self.line not in ("2.0", "3.0")

    @cached_property
    def callbacks(self) -> list[Operation]:
        """The operations of callbacks."""
        items = [
            (spot.at(key), key)
            for spot in self.of("callback")
            for key in spot.value
            if not key.startswith("x-")
        ]
        return [each for item, name in items for each in self._of_item(name, item)]

    @cached_property
    def all_operations(self) -> list[Operation]:
        """The operations of paths, webhooks, callbacks and components."""
        found = [*self.operations, *self.webhooks, *self.callbacks]
        known = {each.spot.id for each in found}
        items = [each for path in self.of("path") for each in self._of_item(path.name, path)]
        return [*found, *(each for each in items if each.spot.id not in known)]

    def sources(self) -> list[Source]:
        """The files of the document, its own first."""
        found = {self.root.id[0]: self.source}
        for each in self.references:
            if each.target:
                found.setdefault(each.target.id[0], each.target.source)
        return list(found.values())

    def resolve(self, spot: Spot) -> Spot | None:
        """The spot itself, or what its `$ref` leads to; None if that is nothing or a circle."""
        for _ in range(50):
            reference = spot.get("$ref")
            if not isinstance(reference, str):
                return spot
            try:
                spot = self.files.target(spot, reference)
            except ReadingError:
                return None
        return None

    def parameters(self, operation: Operation) -> Iterator[tuple[Spot, Spot]]:
        """Each parameter as it is listed and as it is resolved, those of the path first."""
        for holder in (operation.item, operation.spot):
            listed = holder.get("parameters")
            if isinstance(listed, list):
                for index in range(len(listed)):
                    spot = holder.at("parameters").at(index)
                    found = self.resolve(spot)
                    if found and isinstance(found.value, dict):
                        yield spot, found

    def _walk(self) -> None:
        seen: set[tuple[str, str]] = set()
        waiting: list[tuple[str, Spot]] = [("document", self.root)]
        while waiting:
            kind, spot = waiting.pop()
            if not isinstance(spot.value, dict) or spot.id in seen:
                continue
            seen.add(spot.id)
            if isinstance(spot.value.get("$ref"), str):
                waiting += self._reference(kind, spot)
                if kind != "path" and not (kind == "schema" and self.modern):
                    continue
            self.kinds.setdefault(kind, []).append(spot)
            waiting += reversed(list(_children(kind, spot)))
            if kind == "document" and self.line == "2.0":
                waiting += [
                    each for key in OLD if key in spot.value for each in _held(OLD[key], spot.at(key))
                ]

    def _reference(self, kind: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
        try:
            target = self.files.target(spot, spot.value["$ref"])
        except ReadingError as error:
            self.references.append(Reference(spot, kind, None, error))
            return
        self.references.append(Reference(spot, kind, target, None))
        if not is_other(kind, target):
            yield kind, target

    def _operations(self, room: str) -> Iterator[Operation]:
        paths = self.root.get(room)
        for path in paths if isinstance(paths, dict) else ():
            if not path.startswith("x-"):
                yield from self._of_item(path, self.root.at(room).at(path))

    def _of_item(self, path: str, spot: Spot) -> Iterator[Operation]:
        item = self.resolve(spot)
        if item is None or not isinstance(item.value, dict):
            return
        for method in (*METHODS, "query"):
            if isinstance(item.value.get(method), dict):
                yield Operation(path, method, item.at(method), item)
        more = item.value.get("additionalOperations")
        for method, held in more.items() if isinstance(more, dict) else ():
            if isinstance(held, dict):
                yield Operation(path, method, item.at("additionalOperations").at(method), item)


def _children(kind: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
    grammar = GRAMMAR.get(kind, {})
    if "*" in grammar:
        yield from ((grammar["*"], spot.at(key)) for key in spot.value if not key.startswith("x-"))
    for key in spot.value:
        if key in grammar:
            yield from _held(grammar[key], spot.at(key))


def _held(rule: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
    kind = rule.strip("{}[]")
    if rule[0] == "{" and isinstance(spot.value, dict):
        yield from ((kind, spot.at(key)) for key in spot.value if kind in _FREE or not key.startswith("x-"))
    elif isinstance(spot.value, list) and rule[0] != "{":
        yield from ((kind, spot.at(index)) for index in range(len(spot.value)))
    elif rule[0] not in "{[":
        yield kind, spot
