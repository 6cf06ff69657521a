"""JSON with positions: the standard library reads the values, one scan of the tokens finds their places."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any

from flowise_mock.contract.positions import (
    DEFAULT_LIMITS,
    Duplicate,
    Limits,
    Place,
    Positions,
    ReadingError,
    escaped,
)

_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair stays
    r"|(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]:,"]+', re.DOTALL)
_BREAK = re.compile(r"\r\n?|\n")
_NOT_JSON = {"NaN", "Infinity", "-Infinity"}


def read(text: str, limits: Limits = DEFAULT_LIMITS) -> Positions:
    """Read a JSON text. Raises ReadingError."""
    text = _LONE_SURROGATE.sub(_replacement, text)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        line, column = _Lines(text).at(error.pos)
        raise ReadingError(f"is not JSON: {error.msg}", line, column) from None
    except RecursionError:
        raise ReadingError(limits.too_deep) from None
    except ValueError as error:
        raise ReadingError(f"is JSON that cannot be read: {str(error)[:80]}") from None
    found = Positions(value)
    _scan(text, found, limits)
    return found


def _replacement(match: re.Match[str]) -> str:
    """Half of a surrogate pair cannot be printed: a replacement character of the same length."""
    return match[0] if match[1] is None else f"{match[1]}\\ufffd"


class _Lines:
    """Lines and columns of offsets; a column counts characters."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(each.end() for each in _BREAK.finditer(text))]

    def at(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


def _scan(text: str, found: Positions, limits: Limits) -> None:
    """Fill in the places. The text is known to be JSON, so that commas and colons can be skipped."""
    lines = _Lines(text)
    keys, values = found.keys, found.values
    containers: list[tuple[str, set[str] | None]] = []  # the pointer of each open container; an object's keys
    items: list[int] = []  # how many items each open container has
    pointer, expects_key = "", False  # where the next value is; whether a key comes before it
    for count, token in enumerate(_TOKEN.finditer(text)):
        mark = token[0]
        if mark in "}]":
            containers.pop()
            items.pop()
            expects_key, pointer = _next(containers, items)
            continue
        place = lines.at(token.start())
        if expects_key:
            name = json.loads(mark) if "\\" in mark else mark[1:-1]
            container, names = containers[-1]
            pointer, expects_key = f"{container}/{escaped(name)}", False
            assert names is not None
            if name in names:
                found.duplicates.append(Duplicate(pointer, place, keys.get(pointer, place)))
            names.add(name)
            keys[pointer] = place
            continue
        if mark in _NOT_JSON:
            raise ReadingError(f"is not JSON: {mark}", *place)
        if mark not in "{[" or (containers and containers[-1][1] is None):
            values[pointer] = place
        if mark in "{[":
            if len(containers) >= limits.depth:
                raise ReadingError(limits.too_deep, *place)
            containers.append((pointer, set() if mark == "{" else None))
            items.append(-1)
        expects_key, pointer = _next(containers, items)
        if count > 2 * limits.nodes:
            raise ReadingError(f"{limits.too_large}; split it", *place)


def _next(containers: list[tuple[str, Any]], items: list[int]) -> tuple[bool, str]:
    """Whether a key comes next, and the pointer of the next item in a list."""
    if not containers:
        return False, ""
    container, names = containers[-1]
    if names is not None:
        return True, ""
    items[-1] += 1
    return False, f"{container}/{items[-1]}"
