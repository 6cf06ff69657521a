"""One pass over a YAML or JSON text: its value, and the line and column of every JSON pointer.

The events of the C parser are put together here, not in its recursive composer: depth, aliases and
size stay bounded, and a key that stands twice is seen before it is lost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

MAX_DEPTH = 200
TOO_DEEP = f"is nested more than {MAX_DEPTH} deep"
MAX_NODES = 2_000_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX = "tag:yaml.org,2002:"
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LONE = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


class Trap(NamedTuple):
    """A value that YAML reads as something else than its writer is likely to mean."""

    pointer: str
    place: Place
    message: str


class Duplicate(NamedTuple):
    """A key that stands a second time in its object; the first one is lost to readers."""

    pointer: str
    place: Place
    first: Place


class ReadingError(Exception):
    """A text that cannot be read, with the place where reading ended."""

    def __init__(self, message: str, line: int = 1, column: int = 1, rule: str = "parser") -> None:
        super().__init__(message)
        self.place = Place(line, column)
        self.rule = rule


@dataclass
class Positions:
    """What a text holds, and where."""

    value: Any = None
    keys: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Place] = field(default_factory=lambda: {"": Place(1, 1)})
    duplicates: list[Duplicate] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)

    def place(self, pointer: str, key: bool = False) -> Place:
        """Of a value that is a scalar or an item its own place, else that of its key.

        What a text does not have, such as what an alias stands for, is where its holder is.
        """
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        while pointer not in first and pointer not in second:
            pointer = pointer.rpartition("/")[0]
        return first.get(pointer) or second[pointer]


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def unescaped(part: str) -> str:
    """A part of a JSON pointer as the key that it names."""
    return part.replace("~1", "/").replace("~0", "~")


def read(text: str, is_json: bool = False) -> Positions:
    """Read a whole text. Raises ReadingError."""
    if is_json:
        text = _checked_json(text)
    reader = _Reader(is_json)
    try:
        loader = _Loader(text)
        while loader.check_event():
            reader.take(loader.get_event())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ReadingError(f"is not YAML: {error.problem or error.context}", *place) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ReadingError(f"is not YAML: {' '.join(str(error).split())[:120]}") from None
    return reader.done


def _checked_json(text: str) -> str:
    """A JSON text in escapes that a YAML parser takes."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadingError(f"is not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise ReadingError(TOO_DEEP) from None
    except ValueError as error:
        raise ReadingError(f"is not JSON that can be read: {str(error)[:80]}") from None
    text = _PAIR.sub(lambda found: f"\\U{ord(json.loads(chr(34) + found[0] + chr(34))):08x}", text)
    return _LONE.sub(r"\1\\ufffd", text)


@lru_cache(maxsize=4096)
def _plain(text: str) -> tuple[Any, str]:
    """What YAML reads in an unquoted text, and what is odd about that (or nothing)."""
    tag = _resolver().resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_PREFIX)
    if tag == "timestamp":
        return text, "a timestamp, which JSON does not have"
    if tag in ("int", "float", "bool", "null"):
        return _typed(tag, text)
    return text, ""


@lru_cache(maxsize=1)
def _resolver() -> Any:
    return yaml.SafeLoader("")


def _typed(tag: str, text: str) -> tuple[Any, str]:
    try:
        value = _resolver().construct_object(yaml.ScalarNode(_PREFIX + tag, text))
    except ValueError:
        return text, ""
    return value, _oddity(tag, text, value)


def _oddity(tag: str, text: str, value: Any) -> str:
    if tag == "bool" and text.lower() not in ("true", "false"):
        return f"the boolean {json.dumps(value)}"
    if tag == "int" and (":" in text or re.match(r"[-+]?0[0-9_]", text)):
        return f"the number {value}"
    if tag == "float" and (":" in text or re.fullmatch(r"[-+]?\d+\.\d+0", text)):
        return f"the number {value}"
    if tag == "float" and text.lower().lstrip("+-") in (".nan", ".inf"):
        return "a number that JSON does not have"
    return ""


@dataclass
class _Frame:
    """An object or a list that is being read."""

    node: Any
    pointer: str
    anchor: str | None
    before: int
    key: str | None = None
    waits: bool = True  # an object for its next key
    own: set[str] = field(default_factory=set)  # keys that are written, not merged


class _Reader:
    """Takes events one by one."""

    def __init__(self, is_json: bool) -> None:
        self.done = Positions()
        self._json = is_json
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._open(event, {})
        elif kind is yaml.SequenceStartEvent:
            self._open(event, [])
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self._close()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise _error("holds more than one YAML document; keep one", event)

    def _scalar(self, event: Any) -> None:
        self._count(1, event)
        top = self._stack[-1] if self._stack else None
        if top and isinstance(top.node, dict) and top.waits:
            self._key(top, event)
            return
        value, odd = self._read(event)
        pointer = self._pointer()
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        self.done.values[pointer] = place
        if odd:
            told = f"{event.value} is read as {odd}; quote it if the text is meant"
            self.done.traps.append(Trap(pointer, place, told))
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value)

    def _read(self, event: Any) -> tuple[Any, str]:
        if event.tag and event.tag != "!":
            tag = event.tag.removeprefix(_PREFIX)
            if tag in ("int", "float", "bool", "null"):
                return _typed(tag, event.value)[0], ""
            return event.value, "" if tag == "str" else f"a value with the tag {event.tag}"
        if not event.implicit[0]:
            return event.value, ""
        if self._json:
            return json.loads(event.value), ""
        return _plain(event.value)

    def _key(self, top: _Frame, event: Any) -> None:
        key = event.value
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        top.key, top.waits = key, False
        pointer = f"{top.pointer}/{escaped(key)}"
        if key in top.own:
            self.done.duplicates.append(Duplicate(pointer, place, self.done.keys.get(pointer, place)))
        top.own.add(key)
        self.done.keys[pointer] = place
        if event.implicit[0] and not self._json and key != "<<":
            value, odd = _plain(key)
            if odd or isinstance(value, bool) or value is None:
                told = f"the key {key or 'that is empty'} is read as {odd or json.dumps(value)}; quote it"
                self.done.traps.append(Trap(pointer, place, told))

    def _open(self, event: Any, node: Any) -> None:
        self._count(1, event)
        top = self._stack[-1] if self._stack else None
        if top and isinstance(top.node, dict) and top.waits:
            raise _error("a key is a list or an object, which JSON does not have", event)
        if len(self._stack) >= MAX_DEPTH:
            raise _error(TOO_DEEP, event)
        pointer = self._pointer()
        if top and isinstance(top.node, list):
            self.done.values[pointer] = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        self._stack.append(_Frame(node, pointer, event.anchor, self._nodes))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.node, self._nodes - frame.before + 1)
        self._put(frame.node)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _error(f"the alias *{event.anchor} has no anchor before it, or holds itself", event)
        value, size = self._anchors[event.anchor]
        self._count(size, event)
        top = self._stack[-1] if self._stack else None
        if top and isinstance(top.node, dict) and top.waits:
            if not isinstance(value, str):
                raise _error("a key is a list or an object, which JSON does not have", event)
            top.key, top.waits = value, False
            return
        self._put(value)

    def _put(self, value: Any) -> None:
        if not self._stack:
            self.done.value = value
            return
        top = self._stack[-1]
        if isinstance(top.node, list):
            top.node.append(value)
            return
        top.waits = True
        if top.key == "<<" and not self._json:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    top.node.update({k: v for k, v in each.items() if k not in top.own})
        else:
            top.node[top.key] = value

    def _pointer(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        part = str(len(top.node)) if isinstance(top.node, list) else escaped(top.key or "")
        return f"{top.pointer}/{part}"

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _error(f"holds more than {MAX_NODES} values once its aliases are followed", event)


def _error(message: str, event: Any) -> ReadingError:
    return ReadingError(message, event.start_mark.line + 1, event.start_mark.column + 1)
