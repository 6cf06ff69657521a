"""Query strings and URL-encoded forms, nested as Express reads them: `a[b]=1` is `{a: {b: 1}}`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
MAX_DEPTH = 5
"""Levels of brackets that are read; what is deeper is one key, as in the package qs."""
MAX_PARAMETERS = 1000


def nested(text: str) -> dict[str, Any]:
    """The fields of a query string; a repeated field is a list."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, True, errors="replace")[:MAX_PARAMETERS]:
        head, bracket, rest = name.partition("[")
        keys = [str(each) for each in _BRACKETS.findall(bracket + rest)] if head else []
        _add(found, [head or name, *keys[:MAX_DEPTH]], value)
    return {key: _as_list(value) for key, value in found.items()}


def _add(target: dict[str, Any], keys: list[str], value: str) -> None:
    """Add a value under a path of keys; an empty key is the next item of a list."""
    key, rest = keys[0] or str(len(target)), keys[1:]
    if rest:
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = {} if inner is None else {"0": inner}
        target[key] = inner
        _add(inner, rest, value)
    elif key in target:
        known = target[key]
        target[key] = [*(known if isinstance(known, list) else [known]), value]
    else:
        target[key] = value


def _as_list(value: Any) -> Any:
    """An object whose keys count from 0 is a list."""
    if not isinstance(value, dict):
        return value
    items = {key: _as_list(each) for key, each in value.items()}
    is_list = list(items) == [str(number) for number in range(len(items))]
    return list(items.values()) if is_list else items
