"""Rules on schemas: what they say of values, and whether any value can be that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from flowise_mock.lint.findings import Problem
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

FORMATS = {
    "string": {
        "binary", "byte", "date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname",
        "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "password", "regex", "relative-json-pointer",
        "time", "uri", "uri-reference", "uri-template", "uuid", "commonmark", "html", "char", "base64url",
        "decimal", "media-range",
    },
    "number": {"float", "double", "decimal", "decimal128", "double-int"},
    "integer": {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "double-int",
        "unixtime"},
}  # fmt: skip
"""The formats of OpenAPI, of its format registry and of JSON Schema."""

_OF_TYPE = {
    "string": ("minLength", "maxLength", "pattern"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_BOUNDS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minimum", "maximum"),
)
_PYTHON = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}


def types(schema: Spot) -> list[str]:
    """The types that a schema names."""
    named = schema.get("type")
    return (
        [named]
        if isinstance(named, str)
        else [str(each) for each in named]
        if isinstance(named, list)
        else []
    )


def is_a(value: Any, name: str) -> bool:
    """Whether a value is of a JSON Schema type."""
    if name in ("number", "integer"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (name == "number" or value == int(value))
    return isinstance(value, _PYTHON.get(name, object))


def array_items(spec: Spec) -> Iterator[Problem]:
    """An array says what its items are."""
    for schema in spec.of("schema", "parameter"):
        if schema.get("type") == "array" and not schema.value.keys() & {"items", "prefixItems"}:
            fix = {"target": schema.path, "update": {"items": {}}}
            yield Problem(schema, "an array does not say what its items are", fix=fix)


def required_defined(spec: Spec) -> Iterator[Problem]:
    """What is required is among the properties."""
    for schema in spec.of("schema"):
        required = schema.get("required")
        if not isinstance(required, list) or schema.get("additionalProperties"):
            continue
        known = _properties(spec, _whole(schema), 0)
        for index, name in enumerate(required):
            if isinstance(name, str) and name not in known:
                yield Problem(
                    schema.at("required").at(index), f"{name} is required, and is not among the properties"
                )


def _whole(schema: Spot) -> Spot:
    """The schema that a schema is a part of by allOf, anyOf or oneOf."""
    pointer = schema.pointer
    while found := re.fullmatch(r"(.*)/(?:allOf|anyOf|oneOf)/\d+", pointer) or re.fullmatch(
        r"(.*)/not", pointer
    ):
        pointer = found[1]
    return schema.source.spot(pointer) or schema


def _properties(spec: Spec, schema: Spot, depth: int) -> set[str]:
    found = spec.resolve(schema)
    if not found or not isinstance(found.value, dict) or depth > 10:
        return set()
    names = set(found.get("properties") or ()) if isinstance(found.get("properties"), dict) else set()
    for key in ("allOf", "anyOf", "oneOf"):
        listed = found.get(key)
        for index in range(len(listed) if isinstance(listed, list) else 0):
            names |= _properties(spec, found.at(key).at(index), depth + 1)
    return names


def typed_enum(spec: Spec) -> Iterator[Problem]:
    """The values of an enum are of the schema's type."""
    for schema in spec.of("schema", "parameter"):
        values, named = schema.get("enum"), types(schema)
        if not isinstance(values, list) or not named:
            continue
        for index, value in enumerate(values):
            null = value is None and schema.get("nullable") is True
            if not null and not any(is_a(value, name) for name in named):
                told = f"{json.dumps(value, default=str)[:60]} is not of the type {' or '.join(named)}"
                yield Problem(schema.at("enum").at(index), told)


def enum_unique(spec: Spec) -> Iterator[Problem]:
    """No value stands twice in an enum."""
    for schema in spec.of("schema", "parameter"):
        values = schema.get("enum")
        seen: set[str] = set()
        for index, value in enumerate(values if isinstance(values, list) else ()):
            text = json.dumps(value, sort_keys=True, default=str)
            if text in seen:
                spot = schema.at("enum").at(index)
                yield Problem(
                    spot, f"{text[:60]} stands twice in the enum", fix={"target": spot.path, "remove": True}
                )
            seen.add(text)


def nullable(spec: Spec) -> Iterator[Problem]:
    """`nullable` does something only in 3.0, beside a type, and with null in the enum."""
    for schema in spec.of("schema"):
        if "nullable" not in schema.value:
            continue
        spot = schema.at("nullable")
        if spec.modern:
            yield Problem(spot, "nullable is gone since 3.1; add 'null' to the type", key=True)
        elif spec.version.startswith("2."):
            yield Problem(spot, "nullable came with 3.0; say x-nullable", key=True)
        elif spot.value is True and "type" not in schema.value:
            yield Problem(spot, "nullable does nothing without a type beside it", key=True)
        elif spot.value is True and isinstance(schema.get("enum"), list) and None not in schema.value["enum"]:
            fix = {"target": schema.at("enum").path, "update": [None]}
            yield Problem(spot, "nullable does nothing beside an enum without null", key=True, fix=fix)


def unknown_format(spec: Spec) -> Iterator[Problem]:
    """A format is one that tools know, and of the schema's type."""
    for schema in spec.of("schema", "parameter"):
        name, named = schema.get("format"), [each for each in types(schema) if each != "null"]
        if not isinstance(name, str) or (name == "binary" and "file" in named):
            continue
        known = {each: name in formats for each, formats in FORMATS.items()}
        if not any(known.values()):
            yield Problem(schema.at("format"), f"the format {name} is unknown")
        elif named and not any(known.get(each) or (each == "number" and known["integer"]) for each in named):
            yield Problem(
                schema.at("format"), f"the format {name} is not one of the type {' or '.join(named)}"
            )


def bounds(spec: Spec) -> Iterator[Problem]:
    """A lower bound is not above its upper one."""
    for schema in spec.of("schema", "parameter"):
        for low, high in _BOUNDS:
            pair = schema.get(low), schema.get(high)
            if all(is_a(each, "number") for each in pair) and pair[0] > pair[1]:
                yield Problem(schema.at(low), f"{low} {pair[0]} is above {high} {pair[1]}")


def pattern(spec: Spec) -> Iterator[Problem]:
    """A pattern is a regular expression."""
    for schema in spec.of("schema", "parameter"):
        text = schema.get("pattern")
        if isinstance(text, str) and not is_pattern(text):
            yield Problem(schema.at("pattern"), f"{text[:60]} is not a regular expression")


def is_pattern(text: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": text})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def misplaced(spec: Spec) -> Iterator[Problem]:
    """A keyword says something of the schema's type."""
    for schema in spec.of("schema"):
        named = {"number" if each == "integer" else each for each in types(schema)}
        for name, keywords in _OF_TYPE.items():
            for keyword in keywords if named and name not in named else ():
                if keyword in schema.value:
                    told = f"{keyword} says nothing of the type {' or '.join(types(schema))}"
                    yield Problem(schema.at(keyword), told, key=True)


def discriminator(spec: Spec) -> Iterator[Problem]:
    """A discriminator names a property, and its mapping schemas that are there."""
    for schema in spec.of("schema"):
        held = schema.get("discriminator")
        if not isinstance(held, dict):
            continue
        mapping = held.get("mapping")
        for name, target in mapping.items() if isinstance(mapping, dict) else ():
            if (
                isinstance(target, str)
                and "#/" in target
                and spec.resolve(_as_reference(schema, target)) is None
            ):
                spot = schema.at("discriminator").at("mapping").at(name)
                yield Problem(spot, f"{target} names nothing that is there")


def _as_reference(schema: Spot, target: str) -> Spot:
    return Spot(schema.source, schema.pointer, {"$ref": target})


def endless(spec: Spec) -> Iterator[Problem]:
    """A schema that requires itself: no value ends."""
    possible = _Possible(spec)
    seen: set[tuple[str, str]] = set()
    for reference in spec.references:
        target = spec.resolve(reference.spot) if reference.kind == "schema" else None
        if target and target.id not in seen and not possible.of(target):
            ring = possible.ring(target)
            if target.id in ring:
                yield Problem(target, "no value can fit: it requires itself, round and round")
                seen |= ring
            seen.add(target.id)


class _Possible:
    """Which schemas a finite value can fit: the least fixed point over all of them."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._known: set[tuple[str, str]] = set()
        waiting = list(spec.of("schema"))
        before = -1
        while len(self._known) != before:
            before = len(self._known)
            waiting = [each for each in waiting if not self._add(each)]

    def of(self, spot: Spot) -> bool:
        found = self._spec.resolve(spot)
        return found is None or not isinstance(found.value, dict) or found.id in self._known

    def ring(self, start: Spot) -> set[tuple[str, str]]:
        """The impossible schemas that a schema needs, and those that they need."""
        seen: set[tuple[str, str]] = set()
        waiting = [start]
        while waiting:
            for need in self._needs(waiting.pop()):
                found = self._spec.resolve(need)
                if found and found.id not in seen and not self.of(found):
                    seen.add(found.id)
                    waiting.append(found)
        return seen

    def _add(self, schema: Spot) -> bool:
        fits = self._fits(schema)
        if fits:
            self._known.add(schema.id)
        return fits

    def _fits(self, schema: Spot) -> bool:
        if schema.get("nullable") is True or "null" in types(schema):
            return True
        if not all(self.of(need) for need in self._needs(schema, choices=False)):
            return False
        for key in ("anyOf", "oneOf"):
            choices = _list(schema, key)
            if choices and not any(self.of(each) for each in choices):
                return False
        return True

    def _needs(self, schema: Spot, choices: bool = True) -> Iterator[Spot]:
        yield from _list(schema, "allOf")
        if choices:
            yield from (*_list(schema, "anyOf"), *_list(schema, "oneOf"))
        properties, required = schema.get("properties"), schema.get("required")
        if isinstance(properties, dict) and isinstance(required, list):
            yield from (schema.at("properties").at(name) for name in properties if name in required)
        least = schema.get("minItems")
        if isinstance(least, int) and least > 0 and isinstance(schema.get("items"), dict):
            yield schema.at("items")


def _list(schema: Spot, key: str) -> list[Spot]:
    listed = schema.get(key)
    return [schema.at(key).at(index) for index in range(len(listed))] if isinstance(listed, list) else []
