"""Deviations: where a server breaks its contract. Their names and IDs are the same in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple


class Key(NamedTuple):
    """What identifies a deviation: stable between runs."""

    operation: str
    check: str
    what: str

    @property
    def id(self) -> str:
        """A short name for it, such as `getToolById-1f0c93ab`."""
        digest = hashlib.sha256("\0".join(self).encode()).hexdigest()
        return f"{self.operation.replace(' ', '-')}-{digest[:8]}"


@dataclass(frozen=True)
class Deviation:
    """One way in which an operation breaks its contract, with the exchange that showed it.

    A note is a fact that does not make a run fail.
    """

    operation: str
    check: str
    what: str
    expected: str = ""
    got: str = ""
    request: str = ""
    """The method and the path that were requested."""
    curl: str = ""
    """The request as a command; it uses `$URL` and variables of the steps before it."""
    steps: tuple[int, ...] = ()
    """The steps that have to be taken before it, as indexes into the steps of the run."""
    undo: tuple[str, ...] = ()
    """The commands that delete what the request makes."""
    phase: str = ""
    status: int = 0
    message: str = ""
    """The message of the error body that came."""
    subject: str = ""
    outside: str = ""
    """The outside service that the request needs."""
    note: bool = False
    count: int = 1

    @property
    def key(self) -> Key:
        return Key(self.operation, self.check, self.what)

    def as_json(self) -> dict[str, Any]:
        return {"id": self.key.id, **asdict(self), "steps": list(self.steps), "undo": list(self.undo)}

    @classmethod
    def from_json(cls, held: dict[str, Any]) -> Deviation:
        known = {name: held[name] for name in cls.__dataclass_fields__ if name in held}
        lists = {name: tuple(held.get(name, ())) for name in ("steps", "undo")}
        return cls(**{**known, **lists})


class Findings:
    """What a run found: each deviation once, with how often it was seen."""

    def __init__(self, known: Iterable[Deviation] = ()) -> None:
        self._found: dict[Key, Deviation] = {each.key: each for each in known}

    def add(self, found: Deviation) -> None:
        """Add a deviation; a note that turns out to be a deviation takes the exchange that shows this."""
        held = self._found.get(found.key)
        if held is None:
            self._found[found.key] = found
        else:
            kept = found if held.note and not found.note else held
            self._found[found.key] = replace(kept, count=held.count + found.count)

    def evidence_is_needed(self, key: Key, note: bool) -> bool:
        """Whether a deviation is new, or shows for the first time that it is more than a note."""
        held = self._found.get(key)
        return held is None or (held.note and not note)

    def __contains__(self, key: Key) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[Deviation]:
        return iter(sorted(self._found.values(), key=lambda each: each.key))

    def of(self, operation: str) -> list[Deviation]:
        return [each for each in self if each.operation == operation]
