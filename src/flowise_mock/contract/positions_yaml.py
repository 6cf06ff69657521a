"""YAML with positions, built from the events of the C parser.

PyYAML's composer recurses in C and resolves YAML 1.1; this one has limits and resolves YAML 1.2.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from flowise_mock.contract.positions import (
    DEFAULT_LIMITS,
    Duplicate,
    Limits,
    Place,
    Positions,
    ReadingError,
    Trap,
    escaped,
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX = "tag:yaml.org,2002:"
_CORE = (
    ("null", re.compile(r"null|Null|NULL|~|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)")),
    ("float", re.compile(r"\.(nan|NaN|NAN)")),
)
"""The core schema of YAML 1.2."""
_DATE = "a timestamp"


def read(text: str, limits: Limits = DEFAULT_LIMITS) -> Positions:
    """Read a YAML text. Raises ReadingError."""
    reader = _Reader(limits)
    try:
        loader = _Loader(text)
        while loader.check_event():
            reader.handle(loader.get_event())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ReadingError(f"is not YAML: {error.problem or error.context}", *place) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ReadingError(f"is not YAML: {' '.join(str(error).split())[:120]}") from None
    return reader.done


class _Scalar(NamedTuple):
    """The value of an unquoted scalar. `trap` says why its author may mean another value."""

    value: Any
    trap: str = ""
    valid: bool = True
    text: str | None = None
    is_date: bool = False


@lru_cache(maxsize=4096)
def _plain(text: str) -> _Scalar:
    """An unquoted scalar as YAML 1.2 reads it, compared with YAML 1.1."""
    if len(text) > 4000:  # as a number, it has more digits than Python writes
        return _Scalar(text)
    tag = next((name for name, pattern in _CORE if pattern.fullmatch(text)), "str")
    value = _typed(tag, text)
    if tag == "float" and json.dumps(value) in ("NaN", "Infinity", "-Infinity"):
        return _Scalar(text, f"{text} is a number that JSON does not have; write another value", False)
    old = _as_yaml_1_1(text)
    if old and old != json.dumps(value, default=str):
        read_as = "text" if tag == "str" else f"the number {json.dumps(value)}"
        trap = f"{text} is {read_as} in YAML 1.2, and {old} in YAML 1.1; quote it if the text is meant"
        return _Scalar(value, trap, text=text if tag != "str" else None, is_date=old == _DATE)
    return _Scalar(value, text=text if tag in ("int", "float") and json.dumps(value) != text else None)


def _typed(tag: str, text: str) -> Any:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    try:
        if tag == "int":
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        return float(text.replace(".inf", "inf").replace(".nan", "nan")) if tag == "float" else text
    except ValueError:  # .Inf, or more digits than Python reads
        return float("inf") if tag == "float" else text


def _as_yaml_1_1(text: str) -> str:
    """The value of a scalar in YAML 1.1, in words, if it is not a text there."""
    tag = _resolver().resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_PREFIX)
    if tag == "timestamp":
        return _DATE
    if tag not in ("int", "float", "bool"):
        return ""
    try:
        value = _resolver().construct_object(yaml.ScalarNode(_PREFIX + tag, text))
    except ValueError:
        return ""
    return (
        json.dumps(value)
        if tag != "bool" or _CORE[1][1].fullmatch(text)
        else f"the boolean {json.dumps(value)}"
    )


@lru_cache(maxsize=1)
def _resolver() -> Any:
    return yaml.SafeLoader("")


@dataclass
class _Frame:
    """An object or a list that is being read."""

    node: Any
    pointer: str
    anchor: str | None
    before: int
    height: int = 1  # levels of nesting from here downwards
    key: str | None = None
    expects_key: bool = True  # an object for its next key
    merges: bool = False  # the key is a merge key, which is not quoted
    own: set[str] = field(default_factory=set)  # keys that are written, not merged


class _Anchor(NamedTuple):
    """What an anchor names: a value, how many values it holds, how deep it is, and where."""

    value: Any
    size: int
    height: int
    pointer: str


class _Reader:
    """Builds a value from events."""

    def __init__(self, limits: Limits) -> None:
        self.done = Positions()
        self._limits = limits
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._documents = 0

    def handle(self, event: Any) -> None:
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
        if self._expects_key():
            self._key(event)
            return
        scalar = self._read(event)
        pointer = self._pointer()
        place = _place(event)
        self.done.values[pointer] = place
        if scalar.trap:
            self.done.traps.append(Trap(pointer, place, scalar.trap, scalar.valid, scalar.is_date))
        if scalar.text is not None:
            self.done.texts[pointer] = scalar.text
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(scalar.value, 1, 0, pointer)
        self._put(scalar.value)

    def _expects_key(self) -> bool:
        """Whether the next event is a key."""
        return bool(self._stack) and isinstance(self._stack[-1].node, dict) and self._stack[-1].expects_key

    def _read(self, event: Any) -> _Scalar:
        if event.tag and event.tag != "!":
            tag = event.tag.removeprefix(_PREFIX)
            if tag in ("int", "float", "bool", "null", "str"):
                return _Scalar(_typed(tag, event.value))
            return _Scalar(event.value, _foreign(event.tag), False)
        return _plain(event.value) if event.implicit[0] else _Scalar(event.value)

    def _key(self, event: Any) -> None:
        top, key, place = self._stack[-1], event.value, _place(event)
        top.key, top.expects_key = key, False
        top.merges = key == "<<" and event.implicit[0]
        pointer = f"{top.pointer}/{escaped(key)}"
        if key in top.own:
            self.done.duplicates.append(Duplicate(pointer, place, self.done.keys.get(pointer, place)))
        top.own.add(key)
        self.done.keys[pointer] = place
        self.done.aliases.pop(pointer, None)  # it replaces the one that was merged in
        if event.implicit[0] and key != "<<":
            scalar = _plain(key)
            if scalar.trap or isinstance(scalar.value, bool) or scalar.value is None:
                read_as = scalar.trap or f"{key or 'an empty key'} is {json.dumps(scalar.value)}; quote it"
                trap = Trap(pointer, place, f"the key {read_as}", scalar.valid, scalar.is_date)
                self.done.traps.append(trap)

    def _open(self, event: Any, node: Any) -> None:
        self._count(1, event)
        if self._expects_key():
            raise _error("a key is a list or an object, which JSON does not have", event)
        if len(self._stack) >= self._limits.depth:
            raise _error(self._limits.too_deep, event)
        pointer = self._pointer()
        if event.tag and event.tag.removeprefix(_PREFIX) not in ("!", "map", "seq"):
            self.done.traps.append(Trap(pointer, _place(event), _foreign(event.tag), False))
        if self._stack and isinstance(self._stack[-1].node, list):
            self.done.values[pointer] = _place(event)
        self._stack.append(_Frame(node, pointer, event.anchor, self._nodes))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            size = self._nodes - frame.before + 1
            self._anchors[frame.anchor] = _Anchor(frame.node, size, frame.height, frame.pointer)
        self._put(frame.node, frame.height)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _error(f"the alias *{event.anchor} has no anchor before it, or holds itself", event)
        anchor = self._anchors[event.anchor]
        self._count(anchor.size, event)
        if self._expects_key():
            if not isinstance(anchor.value, str):
                raise _error("a key is a list or an object, which JSON does not have", event)
            self._stack[-1].key, self._stack[-1].expects_key = anchor.value, False
            self._stack[-1].merges = False
            return
        if len(self._stack) + anchor.height > self._limits.depth:
            raise _error(f"{self._limits.too_deep} once its aliases are followed", event)
        self.done.aliases[self._pointer()] = anchor.pointer
        self._put(anchor.value, anchor.height)

    def _put(self, value: Any, height: int = 0) -> None:
        if not self._stack:
            self.done.value = value
            return
        top = self._stack[-1]
        top.height = max(top.height, height + 1)
        if isinstance(top.node, list):
            top.node.append(value)
            return
        top.expects_key = True
        if top.merges:
            self._merge(top, value)
        else:
            top.node[top.key] = value

    def _merge(self, top: _Frame, value: Any) -> None:
        """Merge keys of YAML 1.1, which readers of OpenAPI know: what is written or merged first wins."""
        pointer = f"{top.pointer}/<<"
        sources = [(value, pointer)]
        if isinstance(value, list):
            sources = [(each, f"{pointer}/{index}") for index, each in enumerate(value)]
        for held, source in sources:
            for key in held if isinstance(held, dict) else ():
                if key not in top.node:
                    top.node[key] = held[key]
                    self.done.aliases[f"{top.pointer}/{escaped(key)}"] = f"{source}/{escaped(key)}"

    def _pointer(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        part = str(len(top.node)) if isinstance(top.node, list) else escaped(top.key or "")
        return f"{top.pointer}/{part}"

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise _error(f"{self._limits.too_large} once its aliases are followed; split it", event)


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _foreign(tag: str) -> str:
    return f"JSON has no values with the tag {tag}; remove it"


def _error(message: str, event: Any) -> ReadingError:
    return ReadingError(message, *_place(event))
