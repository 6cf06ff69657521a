"""The messages of V8, the JavaScript engine of Flowise, for texts that are not JSON: clients see them.

`complaint("{")` is `Expected property name or '}' in JSON at position 1` and the place ` (line 1 column
2)`, which Node 24 adds and Node 20 does not. `text` converts any value to a text as JavaScript does.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple, NoReturn

from flowise_mock.contract import jsontext

WINDOW = 1024 * 1024
"""Characters that are looked at in one call, in a few milliseconds: other threads wait for it."""
CONTEXT = 10
"""Characters shown on either side of an unexpected token in a long text."""
WHITESPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What `trim` removes. Python's `strip` knows U+001C to U+001F and U+0085 too, and no U+FEFF."""
_BLANK = " \t\n\r"
_BLANKS = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
"""Characters of a string that need no look: a text of megabytes is passed over in one step."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ESCAPES = set('"\\/bfnrtu')
_HEX = set("0123456789abcdefABCDEF")
_WORDS = ("undefined", "NaN", "Infinity", "[object Object]")
"""Texts that JavaScript makes of values that are not JSON; V8 shows them in full."""


def trim(text: str) -> str:
    """A text without whitespace at both ends, as `String.prototype.trim` returns it."""
    return text.strip(WHITESPACE)


@cache
def _more(end: str) -> re.Pattern[str]:
    """Further items of an array or an object that ends so, each after its comma, as far as they are right.

    Items may have two levels of arrays and objects; a deeper one ends the run. Compiled when it is needed.
    """
    blanks = r"[ \t\n\r]*+"
    string = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
    value = scalar = f"(?:{string}|{_NUMBER.pattern}|true|false|null)"
    for _ in range(2):
        pair = f"{string}{blanks}:{blanks}{value}"
        inner = [rf"{blanks}(?:{each}(?:{blanks},{blanks}{each})*+)?{blanks}" for each in (value, pair)]
        value = rf"(?:{scalar}|\[{inner[0]}\]|\{{{inner[1]}\}})"
    item = value if end == "]" else f"{string}{blanks}:{blanks}{value}"
    return re.compile(rf"(?:{blanks},{blanks}{item}(?={blanks}[,{re.escape(end)}]))*+")


class Complaint(NamedTuple):
    """Why a text is not JSON, in V8's words, and the place, if the message has one."""

    reason: str
    place: str = ""


class _NotJson(Exception):
    def __init__(self, complaint: Complaint) -> None:
        self.complaint = complaint


def text(value: Any) -> str:
    """`String(value)`: `[object Object]` for an object, items joined by commas for an array."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join("" if item is None else text(item) for item in value)
    if isinstance(value, (int, float)):
        return _number_text(value)
    return "[object Object]" if isinstance(value, dict) else str(value)


def _number_text(value: float) -> str:
    """A number as JavaScript writes it: whole up to 1e21, and exponents without zeros before them."""
    if abs(value) < 1e21 and value == int(value):
        return str(int(value))
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", repr(float(value)))


def complaint(source: Any) -> Complaint | None:
    """What `JSON.parse(source)` throws, or None if it is JSON. As `source`, None is undefined."""
    source = "undefined" if source is None else text(source)
    if source in _WORDS:
        return Complaint(f'"{source}" is not valid JSON')
    if jsontext.is_json(source):  # it takes less than V8, and reads a hundred times faster than a scan
        return None
    try:
        Scan(source).document()
    except _NotJson as found:
        return found.complaint
    except RecursionError:
        return Complaint("Maximum call stack size exceeded")
    return None


def strict_complaint(source: str) -> Complaint | None:
    """As Express parses a body: an object, an array, or nothing."""
    first = source.lstrip(_BLANK)[:1]
    if first and first not in "{[":
        return Scan(source).token(source.index(first))
    return complaint(source)


def _end(pattern: re.Pattern[str], source: str, at: int) -> int:
    """Where a run of characters, which may be empty, ends; after a WINDOW, there may be more of it."""
    found = pattern.match(source, at, at + WINDOW)
    return found.end() if found else at


class Scan:
    """Reads a text up to the first error that V8 reports."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def document(self) -> None:
        self.value()
        if self.peek():
            self.fail("Unexpected non-whitespace character after JSON")

    def peek(self) -> str:
        """The next character that is not whitespace; empty at the end."""
        char = self.source[self.at : self.at + 1]
        while char and char in _BLANK:
            self.at = _end(_BLANKS, self.source, self.at)
            char = self.source[self.at : self.at + 1]
        return char

    def value(self) -> None:
        first = self.peek()
        if first == "{":
            self.items("}", self.member)
        elif first == "[":
            self.items("]", self.element)
        elif first == '"':
            self.string()
        elif first and first in "-0123456789":
            self.number()
        else:
            self.word()

    def items(self, close: str, item: Any) -> None:
        self.at += 1
        if self.peek() == close:
            self.at += 1
            return
        item(first=True)
        self.at = _end(_more(close), self.source, self.at)
        while self.peek() == ",":
            self.at += 1
            item(first=False)
            self.at = _end(_more(close), self.source, self.at)
        if self.peek() != close:
            what = "property value" if close == "}" else "array element"
            self.fail(f"Expected ',' or '{close}' after {what}")
        self.at += 1

    def member(self, first: bool) -> None:
        if self.peek() != '"':
            self.fail("Expected property name or '}'" if first else "Expected double-quoted property name")
        self.string()
        if self.peek() != ":":
            self.fail("Expected ':' after property name")
        self.at += 1
        self.value()

    def element(self, first: bool) -> None:
        self.value()

    def string(self) -> None:
        self.at += 1
        while True:
            self.at = _end(_PLAIN, self.source, self.at)
            char = self.source[self.at : self.at + 1]
            if not char:
                self.fail("Unterminated string")
            if char == '"':
                self.at += 1
                return
            if char < " ":
                self.fail("Bad control character in string literal")
            if char == "\\":
                self.escape()
            self.at += 1

    def escape(self) -> None:
        self.at += 1
        char = self.source[self.at : self.at + 1]
        if not char:
            self.fail("Unterminated string")
        if char not in _ESCAPES:
            self.fail("Bad escaped character")
        if char == "u":
            for _ in range(4):
                self.at += 1
                if self.source[self.at : self.at + 1] not in _HEX:
                    self.fail("Bad Unicode escape")

    def number(self) -> None:
        match = _NUMBER.match(self.source, self.at)
        if match is None:
            self.at += 1
            self.fail("No number after minus sign")
        self.at = match.end()
        if match[0] in ("0", "-0") and self.source[self.at : self.at + 1].isdecimal():
            self.fail("Unexpected number")
        rest = self.source[self.at : self.at + 1]
        if rest == "." and not re.search(r"[.eE]", match[0]):
            self.at += 1
            self.fail("Unterminated fractional number")
        if rest and rest in "eE" and not re.search(r"[eE]", match[0]):
            self.at += 1 + (self.source[self.at + 1 : self.at + 2] in ("+", "-"))
            self.fail("Exponent part is missing a number")

    def word(self) -> None:
        for word in ("true", "false", "null"):
            if self.source.startswith(word, self.at):
                self.at += len(word)
                return
            if self.source[self.at : self.at + 1] == word[0]:
                while self.at < len(self.source) and word.startswith(self.source[self.at]):
                    self.at, word = self.at + 1, word[1:]
                break
        raise _NotJson(self.token(self.at))

    def fail(self, message: str) -> NoReturn:
        line = self.source.count("\n", 0, self.at) + 1
        column = self.at - self.source.rfind("\n", 0, self.at)
        inside = "" if message.endswith("JSON") else " in JSON"
        reason = f"{message}{inside} at position {self.at}"
        raise _NotJson(Complaint(reason, f" (line {line} column {column})"))

    def token(self, at: int) -> Complaint:
        """The complaint about the character at a place."""
        length = len(self.source)
        if at >= length:
            return Complaint("Unexpected end of JSON input")
        start, end = (
            (max(at - CONTEXT, 0), min(at + CONTEXT, length)) if length > 2 * CONTEXT else (0, length)
        )
        before, after = "..." if start else "", "..." if end < length else ""
        shown = f'{before}"{self.source[start:end]}"{after}'
        return Complaint(f"Unexpected token '{self.source[at]}', {shown} is not valid JSON")
