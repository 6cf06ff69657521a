"""The grammar of the `x-` words of contracts, `vocabulary.schema.json`, and the check of overlays by it.

A word is checked at the place where an action writes it: whether the word exists, whether it is allowed
there, whether its value matches its schema. `references.py` checks what a word refers to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs

from flowise_mock.contract import merged
from flowise_mock.contract.document import METHODS
from flowise_mock.state import outcomes

SCHEMA = Path(__file__).with_name("vocabulary.schema.json")
Steps = tuple[Any, ...]
"""Keys and indexes that lead to a value."""
_FREE = {"example", "examples", "default", "enum", "const", "value"}
"""Keys whose values are data, in which `x-` has no meaning."""


class Problem(NamedTuple):
    """An error in an overlay: the steps to the value or, with `key`, to its key."""

    steps: Steps
    text: str
    key: bool = False


class Use(NamedTuple):
    """A word in an overlay: the steps to its value, its location in the document, and the value.

    `location` leads to the object that has the word. If the action's target is inside the value of a word,
    `value` has just the changed part, nested as in the whole value.
    """

    word: str
    steps: Steps
    inner: Steps
    location: Steps
    value: Any


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of all words, draft 2020-12, with the names of the outcomes."""
    loaded: dict[str, Any] = merged.of_package(SCHEMA)
    loaded["$defs"]["outcome"]["enum"] = ["*", *outcomes.all_outcomes()]
    return loaded


def words(place: str | None = None) -> list[str]:
    """All words, or those that are allowed at a place."""
    return [
        name
        for name, each in schema()["properties"].items()
        if place is None or {place, "anywhere"} & set(each["places"])
    ]


@cache
def _validator(word: str) -> jsonschema_rs.Draft202012Validator:
    found = {**schema()["properties"][word], "$defs": schema()["$defs"]}
    return jsonschema_rs.Draft202012Validator(found)


# --- the words of an action -------------------------------------------------------------------------------


def uses(number: int, action: dict[str, Any], locations: Iterable[Steps]) -> Iterator[Use]:
    """The words that action `number` of an overlay writes, at each location that its target selects."""
    if "update" not in action:
        return
    steps = ("actions", number, "update")
    for location in locations:
        at = next((n for n, step in enumerate(location) if str(step).startswith("x-")), None)
        if at is None:
            yield from _within(action["update"], steps, location)
        else:
            value = action["update"]
            for step in reversed(location[at + 1 :]):
                value = {step: value}
            yield Use(location[at], steps, location[at + 1 :], location[:at], value)


def _within(value: Any, steps: Steps, location: Steps) -> Iterator[Use]:
    if isinstance(value, dict):
        for key, child in value.items():
            if str(key).startswith("x-") and place_of(location) not in _NAMES:
                yield Use(key, (*steps, key), (), location, child)
            elif key not in _FREE or place_of(location) in _NAMES:
                yield from _within(child, (*steps, key), (*location, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _within(child, (*steps, index), (*location, index))


def place_of(location: Steps) -> str:
    """The kind of object at a location, by the grammar of OpenAPI."""
    place = "root"
    for step in location:
        place = _NEXT.get(place, {}).get(step) or _NEXT.get(place, {}).get("*", "other")
    return place


_SCHEMA = {
    "properties": "properties", "items": "schema", "additionalProperties": "schema", "not": "schema",
    "allOf": "schemas", "anyOf": "schemas", "oneOf": "schemas",
}  # fmt: skip
_NEXT: dict[str, dict[Any, str]] = {
    "root": {"paths": "paths", "components": "components"},
    "paths": {"*": "path"},
    "path": {**dict.fromkeys(METHODS, "operation"), "parameters": "parameters"},
    "operation": {"parameters": "parameters", "requestBody": "body", "responses": "responses"},
    "parameters": {"*": "parameter"},
    "parameter": {"schema": "schema"},
    "body": {"content": "content"},
    "responses": {"*": "body"},
    "content": {"*": "media"},
    "media": {"schema": "schema"},
    "components": {
        "schemas": "properties", "parameters": "parameters", "responses": "responses",
        "requestBodies": "responses", "headers": "parameters",
    },
    "schema": _SCHEMA,
    "schemas": {"*": "schema"},
    "properties": {"*": "schema"},
}  # fmt: skip
_NAMES = {"paths", "parameters", "responses", "content", "schemas", "properties"}
"""Places whose keys are free names."""


# --- the checks -----------------------------------------------------------------------


def problems(overlay: dict[str, Any], found: Iterable[Use]) -> Iterator[Problem]:
    """The errors of grammar in an overlay whose actions write the words in `found`."""
    foreign = overlay.get("x-foreign", [])
    foreign = set(foreign) if isinstance(foreign, list) else set()
    for steps, place, holder in _own(overlay):
        for word in holder:
            if str(word).startswith("x-") and word not in foreign:
                yield from _checked(Use(word, (*steps, word), (), (), holder[word]), place)
    for use in found:
        if use.word not in foreign:
            yield from _checked(use, place_of(use.location))


def _own(overlay: dict[str, Any]) -> Iterator[tuple[Steps, str, dict[str, Any]]]:
    """The overlay itself and its actions, which may have words."""
    yield (), "overlay", overlay
    for number, action in enumerate(overlay.get("actions") or []):
        if isinstance(action, dict):
            yield ("actions", number), "action", action


def _checked(use: Use, place: str) -> Iterator[Problem]:
    if use.word not in words():
        known = words(place) or words()
        near = nearest(use.word, known) or nearest(use.word, words())
        hint = near or "; name words of other tools in x-foreign at the root of the overlay"
        yield Problem(use.steps, f"there is no word {use.word}{hint}", key=True)
    elif use.word not in words(place):
        places = " or ".join(schema()["properties"][use.word]["places"])
        yield Problem(use.steps, f"{use.word} is a word of {places}, and this is {_article(place)}", key=True)
    else:
        for error in _validator(use.word).iter_errors(use.value):
            yield _problem(use, error)


def _article(place: str) -> str:
    return "not one of these" if place in ("other", "body", "media", *_NAMES) else f"the {place}"


def _problem(use: Use, error: Any) -> Problem:
    """An error of the validator as a problem at its place in the overlay."""
    path = tuple(error.instance_path)
    steps = (*use.steps, *path[len(use.inner) :])
    where = ".".join([use.word, *map(str, path)])
    if error.kind.name == "additionalProperties":
        name = error.kind.unexpected[0]
        known = _keys(error.schema_path, use.word)
        return Problem((*steps, name), f"{where} has no {name}{nearest(name, known)}", key=True)
    if error.kind.name == "propertyNames":
        name = error.kind.error.instance
        known = schema()["$defs"]["outcome"]["enum"]
        return Problem((*steps, name), f"there is no outcome {name}{nearest(name, known)}", key=True)
    if error.kind.name == "enum":
        options = [str(each) for each in error.kind.options]
        there = nearest(str(error.instance), options) or f"; it is one of {', '.join(options)}"
        return Problem(steps, f"{where} cannot be {error.instance!r}{there}")
    return Problem(steps, f"{where}: {error.message}")


def _keys(path: list[Any], word: str) -> list[str]:
    """The known keys of the schema whose `additionalProperties` refused a key."""
    node: Any = schema()["properties"][word]
    for step in path[:-1]:
        if step == "$defs":
            node = schema()
        elif step == "$ref":
            node = schema()["$defs"][node["$ref"].rpartition("/")[2]]
            continue
        node = node[step]
    return list(node.get("properties", {}))


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, if a known name is similar enough."""
    found = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {found[0]}?" if found else ""
