"""Safe fixes for an object that does not match its schema: those whose intent is clear."""

from __future__ import annotations

import json
from typing import Any

from flowise_mock.lint.findings import Edit, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

Edits = tuple[Edit, ...]
_OF_SCHEMA = {
    "type", "format", "items", "enum", "default", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "multipleOf",
}  # fmt: skip
"""Fields of a parameter of 2.0 that belong into the schema of one of 3.x."""


def unknown_field(spec: Spec, kind: str, spot: Spot) -> Edits:
    """For a field that another version has, or that belongs one level deeper."""
    holder = _parent(spot)
    if kind in ("parameter", "header") and spec.line != "2.0" and spot.name in _OF_SCHEMA:
        return _into_schema(holder)
    if kind == "schema" and spec.line == "3.0" and spot.name == "const" and "enum" not in holder.value:
        return edit(holder, const=None, enum=[spot.value])
    return ()


def _into_schema(holder: Spot) -> Edits:
    if "schema" in holder.value or "content" in holder.value:
        return ()
    moved = {key: value for key, value in holder.value.items() if key in _OF_SCHEMA}
    return (*edit(holder, **dict.fromkeys(moved)), *edit(holder, schema=moved))


def value(spec: Spec, kind: str, spot: Spot, error: Any) -> Edits:
    """For a field whose value has the form of another version, or is text that YAML reads as a number."""
    if (
        error.name == "type"
        and error.types == ["string"]
        and spot.name == "version"
        and _is_number(spot.value)
    ):
        text = spot.source.read.texts.get(spot.source.read.anchor(spot.pointer), str(spot.value))
        return (Edit(spot.pointer, text),)
    if kind == "schema":
        return _of_schema(spec, spot, error)
    if spot.name == "examples" and kind in ("media", "parameter", "header") and isinstance(spot.value, list):
        named = {f"example{number}": {"value": each} for number, each in enumerate(spot.value, 1)}
        return (Edit(spot.pointer, named),)
    return ()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_schema(spec: Spec, spot: Spot, error: Any) -> Edits:
    holder = _parent(spot)
    if spot.name == "type" and spec.line == "3.0" and isinstance(spot.value, list):
        return _nullable(holder, spot.value)
    if spot.name == "required" and isinstance(spot.value, list) and error.name == "uniqueItems":
        return (Edit(spot.pointer, list(dict.fromkeys(spot.value))),)
    if spot.name == "examples" and spec.modern and isinstance(spot.value, dict):
        return (Edit(spot.pointer, [_example(each) for each in spot.value.values()]),)
    if spot.name in ("exclusiveMinimum", "exclusiveMaximum"):
        return _exclusive(spec, holder, spot)
    return ()


def _nullable(holder: Spot, types: list[Any]) -> Edits:
    rest = [each for each in types if each != "null"]
    if len(rest) != 1 or len(types) != 2 or not isinstance(rest[0], str):
        return ()
    return edit(holder, type=rest[0], nullable=True)


def _exclusive(spec: Spec, holder: Spot, spot: Spot) -> Edits:
    """A number since 3.1, before that a boolean beside the bound."""
    bound = spot.name.removeprefix("exclusive").lower()
    if not spec.modern and _is_number(spot.value) and bound not in holder.value:
        return edit(holder, **{bound: spot.value, spot.name: True})
    if spec.modern and isinstance(spot.value, bool) and bound in holder.value:
        return edit(
            holder, **({spot.name: holder.value[bound], bound: None} if spot.value else {spot.name: None})
        )
    return ()


def _example(held: Any) -> Any:
    return held["value"] if isinstance(held, dict) and "value" in held else held


def _parent(spot: Spot) -> Spot:
    parent = spot.source.spot(spot.pointer.rpartition("/")[0])
    assert parent is not None
    return parent


def enum(schema: Spot, types: list[str]) -> Edits:
    """Values of another type: those of an array go to its items, others are written in the type."""
    values, items = schema.value["enum"], schema.get("items")
    if types == ["array"] and not any(isinstance(each, dict | list) for each in values):
        free = isinstance(items, dict) and not items.keys() & {"enum", "$ref"}
        return (
            (Edit(f"{schema.pointer}/items/enum", values), Edit(f"{schema.pointer}/enum", remove=True))
            if free
            else ()
        )
    written = [coerced(each, types) for each in values]
    return (Edit(f"{schema.pointer}/enum", written),) if None not in written else ()


def coerced(value: Any, types: list[str]) -> Any:
    """A scalar converted to the type of its schema, or None if that is not clear: 1 for "1", "1" for 1."""
    (named, *more) = types or [""]
    if more or isinstance(value, dict | list) or value is None:
        return None
    if named == "string":
        return value if isinstance(value, str) else json.dumps(value)
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    fits = {"boolean": (bool,), "integer": (int,), "number": (int, float)}.get(named, ())
    return read if type(read) in fits else None
