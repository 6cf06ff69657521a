"""Shapes: what of an answer must agree, which is keys, types and null, events and their framing.

Values differ between two servers, shapes must not. A recording shows lists that hold more than its own
exchanges made, so the items of a list need not be the same records: each must have the shape of some
recorded item, where a type counts that the recording shows at this place of any answer of the operation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Shape = dict[str, Any]


class Event(NamedTuple):
    """One event of a stream: its name, and the frame around its data."""

    name: str
    frame: str
    data: Any


def kind(value: Any) -> str:
    """The JSON type of a value; integers are numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


class Seen:
    """The types that a recording shows at each place of an operation's answers."""

    def __init__(self) -> None:
        self._types: dict[str, set[str]] = {}

    def learn(self, value: Any, place: str) -> None:
        """Note the types of a recorded value; the items of a list are one place."""
        self._types.setdefault(_unpaged(place), set()).add(kind(value))
        if isinstance(value, dict):
            for name, child in value.items():
                self.learn(child, f"{place}.{name}")
        elif isinstance(value, list):
            for child in value:
                self.learn(child, f"{place}[]")

    def has(self, place: str, type: str) -> bool:
        return type in self._types.get(_unpaged(place), ())


def _unpaged(place: str) -> str:
    """The items of a page stand where those of a whole list do."""
    return place.replace(".data[]", "[]")


def differences(
    expected: Any, got: Any, where: str = "body", seen: Seen | None = None, place: str = ""
) -> Iterator[str]:
    """Every place where the shape of `got` is not that of `expected`.

    With `seen`, within lists, a type at `place` counts that was recorded there in another answer.
    """
    if kind(expected) != kind(got):
        if "[]" not in place or seen is None or not seen.has(place, kind(got)):
            yield f"{where}: expected {kind(expected)}, got {kind(got)}"
    elif isinstance(expected, dict):
        yield from _objects(expected, got, where, seen, place)
    elif isinstance(expected, list):
        yield from _lists(expected, got, where, seen, f"{place}[]")


def _objects(expected: Shape, got: Shape, where: str, seen: Seen | None, place: str) -> Iterator[str]:
    for name in expected.keys() - got.keys():
        yield f"{where}.{name}: missing"
    for name in got.keys() - expected.keys():
        yield f"{where}.{name}: not expected"
    for name in expected.keys() & got.keys():
        yield from differences(expected[name], got[name], f"{where}.{name}", seen, f"{place}.{name}")


def _lists(expected: list[Any], got: list[Any], where: str, seen: Seen | None, place: str) -> Iterator[str]:
    if bool(expected) != bool(got):
        yield f"{where}: expected {len(expected)} items, got {len(got)}"
        return
    for number, other in enumerate(got):
        same = expected[number : number + 1] + expected
        told = [list(differences(one, other, f"{where}[{number}]", seen, place)) for one in same]
        yield from min(told, key=len)


# --- streams ---------------------------------------------------------------------------------------

_FRAME = re.compile(r"(?P<head>[^\n]*)\ndata:(?P<data>.*)", re.DOTALL)


def events(stream: str) -> list[Event]:
    """The events of a stream, each with its frame as text around `{}`; comments are left out."""
    found = []
    for block in stream.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        match = _FRAME.fullmatch(block)
        if match is None:
            found.append(Event("", block, None))
            continue
        try:
            told = json.loads(match["data"])
            space = " " if match["data"].startswith(" ") else ""
            found.append(Event(str(told["event"]), f"{match['head']}\\ndata:{space}{{}}", told.get("data")))
        except (ValueError, KeyError, TypeError):
            found.append(Event("", block, None))
    return found


def stream_differences(expected: str, got: str) -> Iterator[str]:
    """How the events of two streams differ: names in their order, frames. A run of tokens counts as one."""
    one, other = [_run(events(text)) for text in (expected, got)]
    if [event.name for event in one] != [event.name for event in other]:
        yield f"events: expected {_names(one)}, got {_names(other)}"
        return
    for first, second in zip(one, other, strict=True):
        if first.frame != second.frame:
            yield f"frame of {first.name}: expected {first.frame}, got {second.frame}"
        if first.name != "token":
            yield from differences(first.data, second.data, first.name)


def _run(told: list[Event]) -> list[Event]:
    return [
        event
        for before, event in zip([None, *told], told, strict=False)
        if before is None or event.name != "token" or before.name != "token"
    ]


def _names(told: list[Event]) -> str:
    return " ".join(event.name or "?" for event in told)
