"""Bodies of `x-bodies` as templates: `{word}` alone keeps the word's type, within a text it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flowise_mock.contract.schemas import shortened

Words = dict[str, Any]
Template = Callable[[Words], Any]
_WHOLE = re.compile(r"\{(\w+)(?:\[(\d+)\])?\}")


def template(body: Any) -> Template:
    """A body of `x-bodies` as a function of its words."""
    if isinstance(body, dict):
        members = {key: template(value) for key, value in body.items()}
        return lambda words: {key: make(words) for key, make in members.items()}
    if isinstance(body, list):
        items = [template(value) for value in body]
        return lambda words: [make(words) for make in items]
    if isinstance(body, str) and "{" in body:
        return lambda words: fill(body, words)
    return lambda words: body


def fill(text: Any, words: Mapping[str, Any]) -> Any:
    """`text` with its words; `{word}` or `{word[0]}` alone is the word itself."""
    if not isinstance(text, str):
        return text
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return text.format_map({key: _text(value) for key, value in words.items()})
    value = words[whole[1]]
    return value if whole[2] is None else value[int(whole[2])]


def _text(value: Any) -> Any:
    return shortened(value) if isinstance(value, str) else value
