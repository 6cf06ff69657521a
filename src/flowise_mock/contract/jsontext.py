"""Reads and writes JSON within limits: what is read here can always be written again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson

from flowise_mock.contract import large_json

_WRITABLE_DEPTH = 254
MAX_DEPTH = 200
"""Accepted levels of nesting. orjson reads 1,024 and writes 254: an echo would fail in between."""

LARGE = 512 * 1024
"""Bytes of a text from which on it is read in parts."""


def loads(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError with the place, also for nesting over MAX_DEPTH."""
    if len(text) > LARGE:
        with suppress(large_json.NotInParts, UnicodeEncodeError):
            raw = text if isinstance(text, bytes) else text.encode()
            return large_json.loads(raw, _deep, MAX_DEPTH)
    value = orjson.loads(text)
    raw = text if isinstance(text, bytes) else text.encode()
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _deep(value):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def is_json(text: str) -> bool:
    """Whether a text is JSON, however deep."""
    if len(text) > LARGE:
        with suppress(large_json.NotInParts, UnicodeEncodeError):
            try:
                large_json.loads(text.encode(), lambda _value, _around: False, MAX_DEPTH)
            except large_json.Broken:
                return False
            return True
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def is_index(key: str) -> bool:
    """Whether a part of a path may be the place of an item: Python reads no number of 4301 digits."""
    return key.isdecimal() and len(key) < 10


def dumps(value: Any) -> str:
    """`value` as compact JSON text."""
    return orjson.dumps(value).decode()


def indented(value: Any) -> str:
    """`value` as JSON text over several lines, indented by two spaces."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def mapping(text: Any) -> dict[str, Any]:
    """The object that a JSON text holds, or that was parsed before; `{}` if there is none."""
    value = _read(text)
    return value if isinstance(value, dict) else {}


def sequence(text: Any) -> list[Any]:
    """The array that a JSON text holds, or that was parsed before; `[]` if there is none."""
    value = _read(text)
    return value if isinstance(value, list) else []


def _read(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return loads(text)
    except ValueError:
        return None


def _deep(value: Any, around: int = 0) -> bool:
    """Whether a value in so many containers is deeper than MAX_DEPTH: inside of arrays it is not written."""
    for _ in range(_WRITABLE_DEPTH - MAX_DEPTH + around):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False
