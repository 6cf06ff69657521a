"""Templates of answers, filled with the words of an outcome: bodies of `x-bodies`, and values of headers.

In a body `{word}` alone keeps the type of the word; within a text it is written. In a header words are quoted
and encoded as the standards have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from flowise_mock.contract.schemas import shortened

Words = dict[str, Any]
Template = Callable[[Words], Any]
_WHOLE = re.compile(r"\{(\w+)(?:\[(\d+)\])?\}")
_QUOTED = re.compile(r'(; *)(\w+)="\{(\w+)\}"')
"""A parameter whose value is one word, such as `; filename="{name}"`."""
_ATTR_CHAR = "!#$&+-.^_`|~"
"""What RFC 8187 leaves unescaped, besides letters and digits."""


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


def header_value(text: Any, words: Mapping[str, Any]) -> bytes:
    """The value of a header. `text` has the words in braces.

    A quoted word is escaped (RFC 6266). One that is not ASCII, or that clients would unescape, follows a
    second time as RFC 8187 has it, which clients prefer.
    """
    text = _QUOTED.sub(lambda found: _parameter(found[1], found[2], str(words[found[3]])), str(text))
    return _printable(text.format_map(words)).encode("latin-1", "replace")


def _parameter(separator: str, parameter: str, value: str) -> str:
    plain = _printable(value)
    ascii_only = re.sub(r"[^\x20-\x7e]", "?", plain)
    escaped = re.sub(r'(["\\])', r"\\\1", ascii_only)
    found = f'{separator}{parameter}="{escaped}"'
    if plain != ascii_only or "%" in plain:  # some clients unescape the plain form
        encoded = quote(plain.encode("utf-8", "replace"), safe=_ATTR_CHAR)
        found += f"{separator}{parameter}*=UTF-8''{encoded}"
    return found.replace("{", "{{").replace("}", "}}")


def _printable(text: str) -> str:
    """A text that cannot end its header."""
    return re.sub(r"[\x00-\x1f\x7f]", "_", text)
