"""Rules on examples and defaults: each fits its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from flowise_mock.contract.positions import escaped
from flowise_mock.lint import fixes
from flowise_mock.lint.findings import Edit, Problem
from flowise_mock.lint.rules_schemas import compiles, types
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import GRAMMAR, Spec

_URI = "urn:schemas"
_WORDS = {
    "nullable",
    "example",
    "examples",
    "default",
    "discriminator",
    "xml",
    "externalDocs",
    "description",
    "title",
}
_JSON = re.compile(r"(application/json|[^;]*\+json|text/json)\s*(;.*)?", re.IGNORECASE)
_EXCLUSIVE = (
    {"value", "externalValue"},
    {"value", "dataValue"},
    {"value", "serializedValue"},
    {"externalValue", "serializedValue"},
)


def parameter_examples(spec: Spec) -> Iterator[Problem]:
    """The examples of a parameter or header fit its schema."""
    yield from _examples(spec, "parameter", "header")


def media_examples(spec: Spec) -> Iterator[Problem]:
    """The examples of a body fit its schema."""
    yield from _examples(spec, "media")
    for response in spec.of("response"):
        examples = response.get("examples")
        if isinstance(examples, dict) and isinstance(response.get("schema"), dict):
            for name in examples:
                yield from compiled(spec).problems(response.at("schema"), response.at("examples").at(name))


def schema_examples(spec: Spec) -> Iterator[Problem]:
    """The examples of a schema fit it."""
    for schema in spec.of("schema"):
        if "example" in schema.value:
            yield from compiled(spec).problems(schema, schema.at("example"))
        examples = schema.get("examples")
        for index in range(len(examples) if spec.modern and isinstance(examples, list) else 0):
            yield from compiled(spec).problems(schema, schema.at("examples").at(index))


def defaults(spec: Spec) -> Iterator[Problem]:
    """The default of a schema fits it; in 2.0 that of a parameter or header too."""
    severity = "warning" if spec.modern else ""  # JSON Schema: "RECOMMENDED"; OpenAPI until 3.0: "MUST"
    for schema in spec.of("schema", *(("parameter", "header", "items") if spec.line == "2.0" else ())):
        if "default" in schema.value:
            for problem in compiled(spec).problems(schema, schema.at("default")):
                written = fixes.coerced(schema.value["default"], types(schema))
                fix = () if written is None else (Edit(schema.at("default").pointer, written),)
                yield problem._replace(severity=severity or problem.severity, fix=fix)


def example_or_examples(spec: Spec) -> Iterator[Problem]:
    """`example` and `examples` exclude each other, and so do the values of an example."""
    for spot in spec.of("parameter", "header", "media") if spec.line != "2.0" else ():
        if {"example", "examples"} <= spot.value.keys():
            yield Problem(spot.at("examples"), "example and examples exclude each other", key=True)
    for spot in spec.of("example"):
        for pair in _EXCLUSIVE:
            if pair <= spot.value.keys():
                first, second = (key for key in spot.value if key in pair)
                yield Problem(spot.at(second), f"{first} and {second} exclude each other", key=True)
                break


def examples_without_value(spec: Spec) -> Iterator[Problem]:
    """An example has a value, or the place of one."""
    for spot in spec.of("example"):
        if not spot.value.keys() & {"value", "externalValue", "dataValue", "serializedValue"}:
            yield Problem(spot, f"the example {spot.name} has no value")


def _examples(spec: Spec, *kinds: str) -> Iterator[Problem]:
    for spot in spec.of(*kinds):
        if isinstance(spot.get("schema"), dict):
            for example in _stated(spec, spot):
                if not (isinstance(example.value, str) and _is_serialized(spec, spot, kinds)):
                    yield from compiled(spec).problems(spot.at("schema"), example)


def _is_serialized(spec: Spec, spot: Spot, kinds: tuple[str, ...]) -> bool:
    """Whether text as an example may be the serialized form of an object or array, not JSON."""
    if "media" in kinds:
        return not _JSON.fullmatch(spot.name)
    schema = spec.resolve(spot.at("schema"))
    named = types(schema) if schema else []
    return not named or bool({"array", "object"} & set(named))


def _stated(spec: Spec, spot: Spot) -> Iterator[Spot]:
    """The examples of a spot, except those that are serialized or elsewhere."""
    if "example" in spot.value:
        yield spot.at("example")
    examples = spot.get("examples")
    for name in examples if isinstance(examples, dict) else ():
        example = spec.resolve(spot.at("examples").at(name))
        for key in ("value", "dataValue"):
            if example and isinstance(example.value, dict) and key in example.value:
                yield example.at(key)


def compiled(spec: Spec) -> Compiled:
    """The compiler of a document, made once for it."""
    found = getattr(spec, "compiled", None)
    if not isinstance(found, Compiled):
        found = Compiled(spec)
        spec.compiled = found
    return found


class Compiled:
    """The schemas of a document as JSON Schema, with all that they refer to."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._numbers: dict[tuple[str, str], int] = {}
        self._waiting: list[Spot] = []
        self._validators: dict[tuple[str, str], Any] = {}
        self._draft = jsonschema_rs.Draft202012 if spec.modern else jsonschema_rs.Draft4
        self._maker: Any = (
            jsonschema_rs.Draft202012Validator if spec.modern else jsonschema_rs.Draft4Validator
        )
        for each in spec.references:
            if each.kind == "schema" and each.target:
                self._number(each.target)
        self._registry = jsonschema_rs.Registry([(_URI, {"all": self._all()})], draft=self._draft)

    def problems(self, schema: Spot, value: Spot) -> Iterator[Problem]:
        """Where a value does not fit a schema."""
        validator = self._validator(schema)
        if validator is None or validator.is_valid(value.value):
            return
        for error in validator.iter_errors(value.value):
            spot, message = value, error.message
            for part in error.instance_path:
                spot = Spot(spot.source, f"{spot.pointer}/{escaped(str(part))}", None)
            severity = "warning" if error.kind.name == "format" else ""  # formats are annotations
            message = message if len(message) < 160 else f"{message[:70]} … {message[-70:]}"
            yield Problem(spot, message, severity=severity)

    def _validator(self, schema: Spot) -> Any:
        if schema.id not in self._validators:
            try:
                made = self._maker(
                    self._converted(schema),
                    registry=self._registry,
                    base_uri=f"{_URI}-at",
                    validate_formats=True,
                )
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
                made = None  # struct reports an invalid schema
            self._validators[schema.id] = made
        return self._validators[schema.id]

    def _number(self, spot: Spot) -> int:
        if spot.id not in self._numbers:
            self._numbers[spot.id] = len(self._numbers)
            self._waiting.append(spot)
        return self._numbers[spot.id]

    def _all(self) -> dict[str, Any]:
        made = {}
        while self._waiting:
            spot = self._waiting.pop()
            made[str(self._numbers[spot.id])] = self._converted(spot)
        return made

    def _converted(self, spot: Spot) -> Any:
        schema = spot.value
        if not isinstance(schema, dict):
            return schema if isinstance(schema, bool) else {}
        made = {key: self._held(spot.at(key), key) for key in schema if self._counts(schema, key)}
        if isinstance(made.get("required"), list):
            made["required"] = self._required(spot)
            if not made["required"]:
                del made["required"]  # draft 4 has no empty list
        if isinstance(schema.get("$ref"), str):
            reference = self._reference(spot)
            return {"allOf": [reference, made]} if made and self._spec.modern else reference
        return _or_null(made) if schema.get("nullable") is True and not self._spec.modern else made

    def _counts(self, schema: dict[str, Any], key: str) -> bool:
        if key in _WORDS or key.startswith("x-") or key in ("$ref", "$id", "$schema", "$anchor"):
            return False
        if key == "required" and isinstance(schema[key], bool):
            return False  # of a parameter
        return key != "pattern" or (isinstance(schema[key], str) and compiles(schema[key]))

    def _reference(self, spot: Spot) -> dict[str, Any]:
        target = self._spec.resolve(spot)
        return {"$ref": f"{_URI}#/all/{self._number(target)}"} if target else {}

    def _required(self, spot: Spot) -> list[Any]:
        """Without what only requests or only responses have: an example may be of either."""
        return [each for each in spot.value["required"] if not self._is_one_way(spot, each)]

    def _is_one_way(self, spot: Spot, name: Any) -> bool:
        held = spot.get("properties")
        if not isinstance(held, dict) or name not in held:
            return False
        found = self._spec.resolve(spot.at("properties").at(name))
        return found is not None and True in (found.get("readOnly"), found.get("writeOnly"))

    def _held(self, spot: Spot, key: str) -> Any:
        rule = GRAMMAR["schema"].get(key, "")
        if rule[:1] == "{" and isinstance(spot.value, dict):
            return {name: self._converted(spot.at(name)) for name in spot.value}
        if rule and isinstance(spot.value, list):
            return [self._converted(spot.at(index)) for index in range(len(spot.value))]
        return self._converted(spot) if rule[:1] not in ("", "{", "[") else spot.value


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """`nullable` adds to the type alone: an enum must list null by itself, as 3.0.3 has it."""
    if isinstance(schema.get("type"), str) and not schema.keys() & {"allOf", "anyOf", "oneOf"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
