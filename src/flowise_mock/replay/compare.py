"""Compares the shapes of answers: keys, types and null, events and their framing.

Values may differ between two servers, shapes must not. A recorded list may hold records that the recording
did not create, so the items of two lists need not be the same records. Each item must have the shape of some
recorded item; a type is also accepted if any recorded answer of the operation has it at the same place.
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


def json_type(value: Any) -> str:
    """The JSON type of a value; an integer is a number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


class RecordedTypes:
    """The types that a recording has at each place of an operation's answers."""

    def __init__(self) -> None:
        self._types: dict[str, set[str]] = {}

    def learn(self, value: Any, place: str) -> None:
        """Add the types of a recorded value; all items of a list are one place."""
        self._types.setdefault(_without_paging(place), set()).add(json_type(value))
        if isinstance(value, dict):
            for name, child in value.items():
                self.learn(child, f"{place}.{name}")
        elif isinstance(value, list):
            for child in value:
                self.learn(child, f"{place}[]")

    def has(self, place: str, type: str) -> bool:
        return type in self._types.get(_without_paging(place), ())


def _without_paging(place: str) -> str:
    """The place of the items of a page is that of the items of a whole list."""
    return place.replace(".data[]", "[]")


def differences(
    expected: Any, got: Any, where: str = "body", types: RecordedTypes | None = None, place: str = ""
) -> Iterator[str]:
    """A line for every place at which the shape of `got` differs from that of `expected`.

    Within lists, a type is also accepted if `types` has it at `place`.
    """
    if json_type(expected) != json_type(got):
        if "[]" not in place or types is None or not types.has(place, json_type(got)):
            yield f"{where}: expected {json_type(expected)}, got {json_type(got)}"
    elif isinstance(expected, dict):
        yield from _objects(expected, got, where, types, place)
    elif isinstance(expected, list):
        yield from _lists(expected, got, where, types, f"{place}[]")


def _objects(
    expected: Shape, got: Shape, where: str, types: RecordedTypes | None, place: str
) -> Iterator[str]:
    for name in expected.keys() - got.keys():
        yield f"{where}.{name}: missing"
    for name in got.keys() - expected.keys():
        yield f"{where}.{name}: not expected"
    for name in expected.keys() & got.keys():
        yield from differences(expected[name], got[name], f"{where}.{name}", types, f"{place}.{name}")


def _lists(
    expected: list[Any], got: list[Any], where: str, types: RecordedTypes | None, place: str
) -> Iterator[str]:
    if bool(expected) != bool(got):
        yield f"{where}: expected {len(expected)} items, got {len(got)}"
        return
    for number, other in enumerate(got):
        yield from _nearest(
            expected[number : number + 1] + expected, other, f"{where}[{number}]", types, place
        )


def _nearest(
    candidates: list[Any], got: Any, where: str, types: RecordedTypes | None, place: str
) -> list[str]:
    """The differences to the candidate that has the fewest."""
    nearest: list[str] | None = None
    for one in candidates:
        found = list(differences(one, got, where, types, place))
        if not found:
            return []
        nearest = found if nearest is None or len(found) < len(nearest) else nearest
    return nearest or []


# --- streams ---------------------------------------------------------------------------------------

_FRAME = re.compile(r"(?P<head>[^\n]*)\ndata:(?P<data>.*)", re.DOTALL)


def events(stream: str) -> list[Event]:
    """The events of a stream without its comments; `{}` in a frame is the data."""
    found = []
    for block in stream.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        match = _FRAME.fullmatch(block)
        if match is None:
            found.append(Event("", block, None))
            continue
        try:
            event = json.loads(match["data"])
            space = " " if match["data"].startswith(" ") else ""
            found.append(Event(str(event["event"]), f"{match['head']}\\ndata:{space}{{}}", event.get("data")))
        except (ValueError, KeyError, TypeError):
            found.append(Event("", block, None))
    return found


FRAME = re.compile(r"frame of (?P<event>\w+): expected (?P<expected>.*), got .*")
"""The difference of two frames, as `stream_differences` words it."""


def stream_differences(expected: str, got: str) -> Iterator[str]:
    """The differences of two streams: names of events in order, frames. Tokens in a row count as one."""
    one, other = [_merge_tokens(events(text)) for text in (expected, got)]
    if [event.name for event in one] != [event.name for event in other]:
        yield f"events: expected {_names(one)}, got {_names(other)}"
        return
    for first, second in zip(one, other, strict=True):
        if first.frame != second.frame:
            yield f"frame of {first.name}: expected {first.frame}, got {second.frame}"
        if first.name != "token":
            yield from differences(first.data, second.data, first.name)


def _merge_tokens(events: list[Event]) -> list[Event]:
    return [
        event
        for before, event in zip([None, *events], events, strict=False)
        if before is None or event.name != "token" or before.name != "token"
    ]


def _names(events: list[Event]) -> str:
    return " ".join(event.name or "?" for event in events)
