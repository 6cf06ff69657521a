"""The values of headers with words of clients in them, quoted and encoded as the standards have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_QUOTED = re.compile(r'(; *)(\w+)="\{(\w+)\}"')
"""A parameter whose value is one word, such as `; filename="{name}"`."""
_ATTR_CHAR = "!#$&+-.^_`|~"
"""What RFC 8187 leaves unescaped, besides letters and digits."""


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
