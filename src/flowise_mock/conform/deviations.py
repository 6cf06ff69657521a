"""Deviations: where a server breaks its contract. What one is called is the same in every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple


class Key(NamedTuple):
    """What a deviation is: stable between runs."""

    operation: str
    check: str
    what: str


@dataclass(frozen=True)
class Deviation:
    """One way in which an operation breaks its contract, with the first exchange that showed it.

    A note is true and told, but does not make a run fail.
    """

    operation: str
    check: str
    what: str
    expected: str = ""
    got: str = ""
    curl: str = ""
    phase: str = ""
    note: bool = False
    count: int = 1

    @property
    def key(self) -> Key:
        return Key(self.operation, self.check, self.what)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Findings:
    """What a run found so far: each deviation once, with how often it was seen."""

    def __init__(self, known: Iterable[Deviation] = ()) -> None:
        self._found: dict[Key, Deviation] = {each.key: each for each in known}

    def add(self, found: Deviation) -> None:
        held = self._found.get(found.key)
        if held is None:
            self._found[found.key] = found
        else:
            note = held.note and found.note
            self._found[found.key] = replace(held, count=held.count + found.count, note=note)

    def __iter__(self) -> Iterator[Deviation]:
        return iter(sorted(self._found.values(), key=lambda each: each.key))

    def of(self, operation: str) -> list[Deviation]:
        return [each for each in self if each.operation == operation]
