"""Large JSON, read in parts: one call of orjson for all of it would hold up every other thread.

A part is a run of items of one array or object, or a piece of one string. What cannot be read in parts
raises NotInParts; a text that is no JSON raises Broken, with the reason that orjson has for the whole.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import orjson

NESTED = 5
"""Containers around a part. Each is read once in vain, to find that it is larger than a part."""
NEAR = 8
"""Parts in which the first error is looked for, from the part that is broken on."""
PART = 256 * 1024
"""Bytes of a part: one or two milliseconds."""
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+"
_WHOLE = rb"\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\]|" + _STRING
"""A string, or a container without containers."""
_ITEMS = re.compile(rb'(?:(?:[^"\[\]{},]++|' + _WHOLE + rb")*+,)*+", re.DOTALL)
"""Items up to the last comma between two of them, as far as they have no containers in containers."""
_ITEM = re.compile(rb'(?:[^"\[\]{},]++|' + _WHOLE + rb")*+", re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _WHOLE + rb")*+", re.DOTALL)
_KEY = re.compile(rb"[ \t\n\r]*+(" + _STRING + rb")[ \t\n\r]*+:", re.DOTALL)
_CHARS = re.compile(rb'(?:[^"\\]++|\\[^u]|\\u(?![dD][89abAB])....|\\u[dD][89abAB]..\\u....)*+', re.DOTALL)
"""Characters of a string; both halves of a surrogate pair belong together."""
_BLANKS = re.compile(rb"[ \t\n\r]*+")
_SCALAR = re.compile(rb"[^ \t\n\r,\[\]{}]*+")


class NotInParts(Exception):
    """The text has to be read as a whole."""


class Broken(ValueError):
    """The text is no JSON. It says so with the words of orjson, and the place."""


class _Stop(Exception):
    """A part is no JSON."""


def loads(raw: bytes, is_deep: Callable[[Any, int], bool], most: int, part: int = PART) -> Any:
    """The value of a JSON text. `is_deep` says whether a part is too deep inside of so many containers.

    It is asked only about parts that have so many brackets that they could nest in more than `most`. Raises
    NotInParts and Broken.
    """
    reader = _Reader(raw, is_deep, most, part)
    try:
        value = reader.value(0)
        if not reader.peek():
            return value
        reader.end()
    except _Stop:
        pass
    raise reader.broken()


class _Reader:
    """Reads a text from `_at` on."""

    def __init__(self, raw: bytes, is_deep: Callable[[Any, int], bool], most: int, part: int) -> None:
        self._raw = raw
        self._at = 0
        self._is_deep = is_deep
        self._most = most
        self._part = part
        self._around: list[bytes] = []
        """What stands for the text before the part being read: containers, with an item if there is one."""
        self._begin = 0

    def peek(self) -> bytes:
        """The next byte that is no blank; empty at the end."""
        self._at = _end(_BLANKS, self._raw, self._at)
        return self._raw[self._at : self._at + 1]

    def value(self, depth: int) -> Any:
        """The value that begins here, inside of so many containers."""
        first = self.peek()
        if depth > min(self._most, NESTED):
            raise NotInParts
        if first == b"[":
            items: list[Any] = []
            for part in self._container(b"[", b"]", depth):
                items += part
            return items
        if first == b"{":
            members: dict[str, Any] = {}
            for part in self._container(b"{", b"}", depth):
                members |= part
            return members
        if first == b'"':
            return "".join(self._string())
        begin, self._at = self._at, _end(_SCALAR, self._raw, self._at)
        return _loads(self._raw[begin : self._at])

    def _container(self, opening: bytes, closing: bytes, depth: int) -> Iterator[Any]:
        """The parts of a container, each as one of its own."""
        self._at += 1
        begin, is_last = self._at, False
        self._around.append(opening)
        filled = opening + (b"[]" if opening == b"[" else b'"":[]')
        while not is_last:
            self._stand(opening if self._at == begin else filled + b",")
            cut, is_last = self._cut(closing)
            if cut == self._at and not is_last:
                yield self._large_item(opening, depth)
                self._stand(filled)
                is_last = self._is_last(closing)
                continue
            items = self._raw[self._at : cut]
            if _end(_BLANKS, items, 0) == len(items) and not (is_last and self._at == begin):
                raise _Stop  # there is nothing beside a comma
            part = _loads(opening + items + closing)
            if depth + 1 + items.count(b"[") + items.count(b"{") > self._most and self._is_deep(part, depth):
                raise NotInParts
            self._at = cut + 1
            yield part
        self._around.pop()

    def _cut(self, closing: bytes) -> tuple[int, bool]:
        """Where the next items end that fit into a part, and whether there are no more; at least one item."""
        raw, end = self._raw, self._at + self._part
        at = cut = self._at
        depth = 0
        while True:
            if depth:
                at = _end(_INSIDE, raw, at, end)
            else:
                run = _end(_ITEMS, raw, at, end)
                cut = run - 1 if run > at else cut
                at = _end(_ITEM, raw, run, end)
            char = raw[at : at + 1] if at < end else b""
            if char in (b"[", b"{"):
                depth += 1
            elif char in (b"]", b"}") and depth:
                depth -= 1
            else:
                return (at, True) if char == closing and not depth else (cut, False)
            at += 1

    def _large_item(self, opening: bytes, depth: int) -> Any:
        """An item that is larger than a part, in a container of its own."""
        if opening == b"[":
            return [self.value(depth + 1)]
        key = _KEY.match(self._raw, self._at)
        if key is None:
            raise _Stop
        name = _loads(key[1])
        self._at = key.end()
        self._stand(b'{"":')
        return {name: self.value(depth + 1)}

    def _is_last(self, closing: bytes) -> bool:
        """Whether the item that ends here is the last one. Goes on behind the comma, or the end."""
        char = self.peek()
        if char not in (b",", closing):
            raise _Stop
        self._at += 1
        return char == closing

    def _string(self) -> Iterator[str]:
        """The pieces of a string."""
        raw, begin = self._raw, self._at + 1
        self._around.append(b'"')
        while True:
            self._begin = begin
            end = _end(_CHARS, raw, begin, begin + self._part)
            is_last = raw[end : end + 1] == b'"'
            while not is_last and begin < end < len(raw) and raw[end] & 0xC0 == 0x80:
                end -= 1  # the bytes of a character belong together
            if end == begin and not is_last:
                raise _Stop
            yield _loads(b'"' + raw[begin:end] + b'"')
            if is_last:
                self._at = end + 1
                self._around.pop()
                return
            begin = end

    def _stand(self, text: bytes) -> None:
        """Let a text stand for what is before this place in the container that is read."""
        self._around[-1] = text
        self._begin = self._at

    def end(self) -> None:
        """Nothing more may come."""
        self._around = [b""]
        self._stand(b"[]")

    def broken(self) -> Exception:
        """Why the part being read is no JSON: it is broken behind what stands for the text before it, too."""
        raw, begin = self._raw, self._begin
        end = min(begin + NEAR * self._part, len(raw))
        while begin < end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        around = b"".join(self._around)
        try:
            before = raw[:begin].decode()
            raw[begin:].decode()
            orjson.loads(around + raw[begin:end])
        except orjson.JSONDecodeError as error:
            near = error.pos - len(around)
            if near >= -1 and (end == len(raw) or near < (NEAR - 1) * self._part // 4):
                before = before[:-1] if near < 0 else before + raw[begin:end].decode()[:near]
                line, start = before.count("\n") + 1, before.rfind("\n")
                place = f"line {line} column {len(before) - start} (char {len(before)})"
                return Broken(f"{error.msg}: {place}")
        except UnicodeDecodeError:
            pass
        return NotInParts()


def _end(pattern: re.Pattern[bytes], raw: bytes, at: int, most: int = sys.maxsize) -> int:
    """Where a run, which may be empty, ends."""
    found = pattern.match(raw, at, most)
    return found.end() if found else at


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        raise _Stop from None
