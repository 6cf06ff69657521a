"""Observations: what a server answered, what the mock answered instead, and which outcomes it met."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flowise_mock.contract.document import Document, Operation
from flowise_mock.contract.paths import Paths
from flowise_mock.replay.player import PlayResult

OUTCOMES_HEADER = "flowise-mock-outcomes"
Value = tuple[bool, bool]
"""Whether an exchange agrees, and whether its error text does."""


@dataclass(frozen=True)
class Met:
    """An outcome that the mock met, with its fields, and whether the contract ignored it."""

    name: str
    fields: dict[str, Any]
    ignored: bool


@dataclass(frozen=True)
class Observation:
    """One played exchange. `evidence` names its place in the recording."""

    result: PlayResult
    evidence: str
    operation: Operation | None
    met: tuple[Met, ...]

    @property
    def value(self) -> Value | None:
        """How much agrees; None if the exchange could not be played."""
        if self.result.skipped:
            return None
        return self.result.agrees, self.result.same_text or not self.result.error

    @property
    def explained(self) -> bool:
        return self.value in (None, (True, True))

    @property
    def answered(self) -> Met | None:
        """The outcome that the mock answered with."""
        return next((each for each in reversed(self.met) if not each.ignored), None)


def observe(document: Document, name: str, played: Iterable[PlayResult]) -> Iterator[Observation]:
    """The observations of one play of the recording `name`."""
    paths = Paths(document)
    for number, result in enumerate(played, start=1):
        yield Observation(result, f"{name}#{number}", _operation(paths, result), tuple(_met(result)))


def _met(result: PlayResult) -> Iterable[Met]:
    text = next((v for k, v in result.answer.headers.items() if k.lower() == OUTCOMES_HEADER), "[]")
    for row in json.loads(text):
        yield Met(row["outcome"], row["fields"], row["ignored"])


def _operation(paths: Paths, result: PlayResult) -> Operation | None:
    request = result.exchange.request
    found = paths.find(request["method"], str(request["path"]))
    return found[0] if found else None
