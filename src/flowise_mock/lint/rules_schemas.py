"""Rules on schemas: what they say about values, and whether a value can match."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint import fixes
from flowise_mock.lint.findings import Edit, Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

FORMATS = {
    "string": {
        "binary", "byte", "date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname",
        "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "password", "regex", "relative-json-pointer",
        "time", "uri", "uri-reference", "uri-template", "uuid", "commonmark", "html", "char", "base64url",
        "decimal", "decimal128", "media-range", "int64", "uint64", "double-int",
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
_PART = re.compile(r"(.*)/(?:(?:allOf|anyOf|oneOf)/\d+|not|if|then|else|dependentSchemas/[^/]+)")
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
    """Before 3.1 an array has `items`."""
    if spec.modern:
        return
    for kind in ("schema", "parameter", "header", "items"):
        for schema in spec.of(kind):
            if schema.get("type") == "array" and "items" not in schema.value:
                fix = edit(schema, items={}) if kind == "schema" else ()
                severity = "warning" if kind == "schema" and spec.line == "2.0" else ""
                yield Problem(schema, "an array has no items", fix=fix, severity=severity)


def required_defined(spec: Spec) -> Iterator[Problem]:
    """Each name in `required` is among the properties."""
    for schema in spec.of("schema"):
        required = schema.get("required")
        if not isinstance(required, list) or _is_open(schema):
            continue
        known = _properties(spec, _whole(schema), 0)
        for index, name in enumerate(required if known else ()):
            if isinstance(name, str) and name not in known:
                message = f"{name} is required, and is not among the properties"
                yield Problem(schema.at("required").at(index), message)


def _is_open(schema: Spot) -> bool:
    """Whether a schema describes properties that it does not name."""
    return bool(
        schema.get("additionalProperties") or schema.get("patternProperties") or schema.get("$dynamicRef")
    )


def _whole(schema: Spot) -> Spot:
    """The schema that a schema is a part of by allOf, if and their like."""
    pointer = schema.pointer
    while found := _PART.fullmatch(pointer):
        pointer = found[1]
    return schema.source.spot(pointer) or schema


def _properties(spec: Spec, schema: Spot, depth: int) -> set[str]:
    """The properties that a schema, and all that it is made of, names."""
    held = schema.value
    if not isinstance(held, dict) or depth > 10:
        return set()
    names = set(held["properties"]) if isinstance(held.get("properties"), dict) else set()
    found = spec.resolve(schema) if "$ref" in held else None
    if found:
        names |= _properties(spec, found, depth + 1)
    for part in _parts(schema):
        names |= _properties(spec, part, depth + 1)
    return names


def _parts(schema: Spot) -> Iterator[Spot]:
    for key in ("allOf", "anyOf", "oneOf"):
        yield from listed(schema, key)
    for key in ("if", "then", "else"):
        if isinstance(schema.get(key), dict):
            yield schema.at(key)
    dependent = schema.get("dependentSchemas")
    for name in dependent if isinstance(dependent, dict) else ():
        yield schema.at("dependentSchemas").at(name)


def typed_enum(spec: Spec) -> Iterator[Problem]:
    """The values of an enum have the type of the schema."""
    for schema in spec.of("schema", "parameter", "items"):
        values, named = schema.get("enum"), types(schema)
        if not isinstance(values, list) or not named:
            continue
        for index, value in enumerate(values):
            null = value is None and schema.get("nullable") is True
            if not null and not any(is_a(value, name) for name in named):
                message = f"{json.dumps(value, default=str)[:60]} is not of the type {' or '.join(named)}"
                yield Problem(schema.at("enum").at(index), message, fix=fixes.enum(schema, named))


def enum_unique(spec: Spec) -> Iterator[Problem]:
    """An enum has each value once."""
    for schema in spec.of("schema", "parameter", "items"):
        values = schema.get("enum")
        seen: dict[str, Any] = {}
        for index, value in enumerate(values if isinstance(values, list) else ()):
            text = json.dumps(value, sort_keys=True, default=str)
            if text in seen:
                rest = {json.dumps(each, sort_keys=True, default=str): each for each in values}
                fix = (Edit(schema.at("enum").pointer, list(rest.values())),)
                yield Problem(schema.at("enum").at(index), f"{text[:60]} is in the enum already", fix=fix)
            seen[text] = value


def nullable(spec: Spec) -> Iterator[Problem]:
    """`nullable` is a field of 3.0 alone; it needs a type beside it, and null in an enum."""
    for schema in spec.of("schema"):
        if "nullable" not in schema.value:
            continue
        spot = schema.at("nullable")
        if spec.modern:
            yield Problem(
                spot, "nullable is gone since 3.1; add 'null' to the type", key=True, fix=_null_type(schema)
            )
        elif spec.line == "3.0" and spot.value is True and "type" not in schema.value:
            yield Problem(spot, "nullable has no effect without a type beside it", key=True)
        elif spot.value is True and isinstance(schema.get("enum"), list) and None not in schema.value["enum"]:
            fix = (Edit(f"{schema.pointer}/enum/-", None),)
            yield Problem(spot, "nullable has no effect beside an enum without null", key=True, fix=fix)


def _null_type(schema: Spot) -> tuple[Edit, ...]:
    named = schema.get("type")
    if schema.value["nullable"] is not True:
        return edit(schema, nullable=None)
    if not isinstance(named, str) or "$ref" in schema.value or "const" in schema.value:
        return ()
    enum = (Edit(f"{schema.pointer}/enum/-", None),) if isinstance(schema.get("enum"), list) else ()
    return (*edit(schema, type=[named, "null"], nullable=None), *enum)


def unknown_format(spec: Spec) -> Iterator[Problem]:
    """A format is a registered one, and fits the type. Formats are free: an unknown one is allowed."""
    for schema in spec.of("schema", "parameter", "items"):
        name, named = schema.get("format"), [each for each in types(schema) if each != "null"]
        if not isinstance(name, str) or (name == "binary" and "file" in named):
            continue
        known = {each: name in formats for each, formats in FORMATS.items()}
        if not any(known.values()):
            yield Problem(schema.at("format"), f"the format {name} is not a registered one", severity="info")
        elif named and not any(known.get(each) or (each == "number" and known["integer"]) for each in named):
            message = f"the format {name} does not fit the type {' or '.join(named)}"
            yield Problem(schema.at("format"), message)


def bounds(spec: Spec) -> Iterator[Problem]:
    """A lower bound is not above its upper one."""
    for schema in spec.of("schema", "parameter", "items"):
        for low, high in _BOUNDS:
            pair = schema.get(low), schema.get(high)
            if all(is_a(each, "number") for each in pair) and pair[0] > pair[1]:
                yield Problem(schema.at(low), f"{low} {pair[0]} is above {high} {pair[1]}")


def pattern(spec: Spec) -> Iterator[Problem]:
    """A pattern is a regular expression."""
    for schema in spec.of("schema", "parameter", "items"):
        text = schema.get("pattern")
        if isinstance(text, str) and not is_pattern(text):
            yield Problem(schema.at("pattern"), f"{text[:60]} is not a regular expression")


def is_pattern(text: str) -> bool:
    """Whether a text is a regular expression of ECMA-262, as far as two other engines can tell."""
    if compiles(text):
        return True
    try:
        re.compile(re.sub(r"(\\[dswDSW])-", r"\1\\-", text))  # [\s-_] is allowed without the flag u
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def compiles(text: str) -> bool:
    """Whether the validator of examples takes an expression; it has limits of its own."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": text})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def misplaced(spec: Spec) -> Iterator[Problem]:
    """A keyword has an effect on the type of the schema."""
    for schema in spec.of("schema"):
        named = {"number" if each == "integer" else each for each in types(schema)}
        for name, keywords in _OF_TYPE.items():
            for keyword in keywords if named and name not in named else ():
                if keyword in schema.value:
                    message = f"{keyword} has no effect on the type {' or '.join(types(schema))}"
                    yield Problem(schema.at(keyword), message, key=True)


def discriminator(spec: Spec) -> Iterator[Problem]:
    """The mapping of a discriminator names schemas that exist."""
    for schema in spec.of("schema"):
        held = schema.get("discriminator")
        if not isinstance(held, dict):
            continue
        mapping = held.get("mapping")
        for name, target in mapping.items() if isinstance(mapping, dict) else ():
            if isinstance(target, str) and not _names_schema(spec, schema, target):
                spot = schema.at("discriminator").at("mapping").at(name)
                yield Problem(spot, f"{target} names nothing that exists")
        target = held.get("defaultMapping")
        if isinstance(target, str) and not _names_schema(spec, schema, target):
            yield Problem(
                schema.at("discriminator").at("defaultMapping"), f"{target} names nothing that exists"
            )


def _names_schema(spec: Spec, schema: Spot, target: str) -> bool:
    """Whether a value of a mapping is the name of a component, or a reference that can be followed."""
    components = schema.source.spot("/components/schemas") or spec.root.source.spot("/components/schemas")
    if components and isinstance(components.value, dict) and target in components.value:
        return True
    try:
        spec.files.target(schema, target)
    except ReadingError as error:
        return error.rule == "no-remote-refs" or ("/" in target and "#" not in target)
    return True


def listed(schema: Spot, key: str) -> list[Spot]:
    """The schemas in a list of a schema."""
    held = schema.get(key)
    return [schema.at(key).at(index) for index in range(len(held))] if isinstance(held, list) else []
