"""The value of a YAML or JSON text, and the line and column of each of its parts, by JSON pointer.

YAML is read as 1.2, which OpenAPI recommends: `no` is text. Depth, aliases and size are bounded, and a
duplicate key is reported before it is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

_MAX_ALIASES = 100
"""Aliases on one pointer; a chain of anchors within anchors is shorter."""


class Limits(NamedTuple):
    """How deep and how large a value may be; a value that aliases repeat counts each time."""

    depth: int = 200
    nodes: int = 2_000_000

    @property
    def too_deep(self) -> str:
        return f"is nested more than {self.depth} deep"

    @property
    def too_large(self) -> str:
        return f"has more than {self.nodes} values"


DEFAULT_LIMITS = Limits()


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


class Trap(NamedTuple):
    """An unquoted YAML scalar that readers disagree on, or that JSON cannot hold."""

    pointer: str
    place: Place
    message: str
    valid: bool
    """Whether the value is valid in YAML 1.2."""
    is_date: bool = False
    """Whether it is a text in YAML 1.2 and a date in YAML 1.1."""


class Duplicate(NamedTuple):
    """A key that an object has a second time; readers lose the first one."""

    pointer: str
    place: Place
    first: Place


class ReadingError(Exception):
    """A text that cannot be read, with the place where reading stopped."""

    def __init__(self, message: str, line: int = 1, column: int = 1, rule: str = "parser") -> None:
        super().__init__(message)
        self.place = Place(line, column)
        self.rule = rule


@dataclass
class Positions:
    """The value of a text, and the places of its parts."""

    value: Any = None
    keys: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Place] = field(default_factory=lambda: {"": Place(1, 1)})
    aliases: dict[str, str] = field(default_factory=dict)
    """The pointer of a YAML alias, and the pointer of its anchor."""
    texts: dict[str, str] = field(default_factory=dict)
    """Unquoted YAML numbers as they are written, if JSON writes them differently."""
    duplicates: list[Duplicate] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)

    def place(self, pointer: str, key: bool = False) -> Place:
        """The place of a scalar or an item, else the place of its key.

        A part that the text does not have is at the nearest part above it.
        """
        pointer = self.anchor(pointer)
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        while pointer not in first and pointer not in second:
            pointer = pointer.rpartition("/")[0]
        return first.get(pointer) or second[pointer]

    def anchor(self, pointer: str) -> str:
        """The pointer where the text has this value: below an alias, that of the anchor."""
        for _ in range(_MAX_ALIASES if self.aliases else 0):
            head = pointer
            while head and head not in self.aliases:
                head = head.rpartition("/")[0]
            if not head:
                break
            pointer = self.aliases[head] + pointer[len(head) :]
        return pointer


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def unescaped(part: str) -> str:
    """A part of a JSON pointer as the key that it names."""
    return part.replace("~1", "/").replace("~0", "~")
