"""A document walked by OpenAPI's grammar: every operation, parameter, schema, with where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

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
_PARAMETER = {"schema": "schema", "content": "{media}", "examples": "{example}", "items": "schema"}
GRAMMAR: dict[str, dict[str, str]] = {
    "document": {
        "info": "info", "paths": "{path}", "webhooks": "{path}", "components": "components", "tags": "[tag]",
        "servers": "[server]", "definitions": "{schema}", "parameters": "{parameter}",
        "responses": "{response}", "securityDefinitions": "{scheme}",
    },
    "components": {
        "schemas": "{schema}", "responses": "{response}", "parameters": "{parameter}", "headers": "{header}",
        "examples": "{example}", "requestBodies": "{body}", "securitySchemes": "{scheme}", "links": "{link}",
        "callbacks": "{callback}", "pathItems": "{path}",
    },
    "path": {
        "parameters": "[parameter]", "servers": "[server]",
        **dict.fromkeys((*METHODS, "query"), "operation"),
    },
    "operation": {
        "parameters": "[parameter]", "requestBody": "body", "responses": "{response}",
        "callbacks": "{callback}", "servers": "[server]",
    },
    "callback": {"*": "path"},
    "parameter": _PARAMETER,
    "header": _PARAMETER,
    "body": {"content": "{media}"},
    "media": {"schema": "schema", "itemSchema": "schema", "examples": "{example}"},
    "response": {"content": "{media}", "headers": "{header}", "links": "{link}", "schema": "schema"},
    "schema": _SCHEMA,
}  # fmt: skip
"""What holds what: `{x}` is an object of x, `[x]` a list of x."""


class Operation(NamedTuple):
    """An operation of `paths` or `webhooks`, with its path's parameters."""

    path: str
    method: str
    spot: Spot
    item: Spot

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"


class Reference(NamedTuple):
    """A `$ref`, what it stands for, and what it names or why it names nothing."""

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
        return not self.version.startswith(("2.", "3.0"))

    def resolve(self, spot: Spot) -> Spot | None:
        """What a spot stands for, or None where its reference is broken or goes round."""
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
        """(where it is named, what it is) of each parameter, the path's first."""
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
            if spot.id in seen or not isinstance(spot.value, dict):
                continue
            seen.add(spot.id)
            if isinstance(spot.value.get("$ref"), str):
                waiting += self._reference(kind, spot)
                if kind != "path" and not (kind == "schema" and self.modern):
                    continue
            self.kinds.setdefault(kind, []).append(spot)
            waiting += reversed(list(_children(kind, spot)))

    def _reference(self, kind: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
        try:
            target = self.files.target(spot, spot.value["$ref"])
        except ReadingError as error:
            self.references.append(Reference(spot, kind, None, error))
            return
        self.references.append(Reference(spot, kind, target, None))
        yield kind, target

    def _operations(self, room: str) -> Iterator[Operation]:
        paths = self.root.get(room)
        for path in paths if isinstance(paths, dict) else ():
            if path.startswith("x-"):
                continue
            item = self.resolve(self.root.at(room).at(path))
            if item and isinstance(item.value, dict):
                for method in (*METHODS, "query"):
                    if isinstance(item.value.get(method), dict):
                        yield Operation(path, method, item.at(method), item)


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
        named = kind in ("schema", "media", "header", "parameter")  # names are free, x- is one of them
        yield from ((kind, spot.at(key)) for key in spot.value if named or not key.startswith("x-"))
    elif isinstance(spot.value, list) and rule[0] != "{":
        yield from ((kind, spot.at(index)) for index in range(len(spot.value)))
    elif rule[0] not in "{[":
        yield kind, spot


def children(kind: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
    """What an object of a kind holds, by OpenAPI's grammar."""
    yield from _children(kind, spot) if isinstance(spot.value, dict) else ()


def is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)
