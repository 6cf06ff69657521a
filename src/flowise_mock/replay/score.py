"""The score of a replay: the share that agrees per operation, the differences, and what was not played."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from flowise_mock.replay.details import FIGURES
from flowise_mock.replay.player import PlayResult


class Score:
    """Sums up the results of one play."""

    def __init__(self, played: Iterable[PlayResult]) -> None:
        self.played = list(played)
        self.skipped = [each for each in self.played if each.skipped]
        self.counted = [each for each in self.played if not each.skipped]
        self.agreed = [each for each in self.counted if each.agrees]
        self.differing = [each for each in self.counted if not each.agrees]
        self.errors = [each for each in self.counted if each.error]
        self.same_texts = [each for each in self.errors if each.same_text]

    @property
    def share(self) -> float:
        """The percentage of played exchanges that agree."""
        return 100 * len(self.agreed) / max(len(self.counted), 1)

    @property
    def word_share(self) -> float:
        """The percentage of error bodies that agree word for word."""
        return 100 * len(self.same_texts) / max(len(self.errors), 1)

    def figure(self, name: str) -> tuple[int, int]:
        """How many exchanges agree in a figure of the details, of how many that count for it."""
        found = [getattr(each.details, name) for each in self.counted]
        counted = [each for each in found if each is not None]
        return sum(not each for each in counted), len(counted)

    def figure_share(self, name: str) -> float:
        """The percentage of a figure."""
        agreed, total = self.figure(name)
        return 100 * agreed / max(total, 1)

    def operations(self) -> Iterator[tuple[str, int, int]]:
        """(operation, agreeing, played) in the order of the recording."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for each in self.counted:
            counts[each.exchange.operation][0] += each.agrees
            counts[each.exchange.operation][1] += 1
        for operation, (agreed, total) in counts.items():
            yield operation, agreed, total

    def lines(self) -> Iterator[str]:
        """The score as text."""
        for operation, agreed, total in self.operations():
            yield f"{operation:42}{agreed:5} of {total}{'' if agreed == total else '   <'}"
        if self.differing:
            yield ""
            yield "differing:"
        for each in self.differing:
            yield f"  {each.exchange.name}"
            yield from (f"      {difference}" for difference in each.differences[:8])
        if self.skipped:
            yield ""
            yield "not played:"
        for each in self.skipped:
            yield f"  {each.exchange.name}: {each.skipped}"
        yield ""
        yield ", ".join(
            f"{self.figure(name)[0]} of {self.figure(name)[1]} {noun} ({self.figure_share(name):.1f} %)"
            for name, noun in FIGURES.items()
        )
        yield (
            f"{len(self.agreed)} of {len(self.counted)} exchanges agree ({self.share:.1f} %), "
            f"{len(self.same_texts)} of {len(self.errors)} error bodies word for word "
            f"({self.word_share:.1f} %), "
            f"{len(self.skipped)} not played"
        )

    def data(self) -> dict[str, Any]:
        """The score as data, for `--format json`."""
        return {
            "agree": len(self.agreed),
            "played": len(self.counted),
            "share": round(self.share, 2),
            "errors": len(self.errors),
            "errorsWordForWord": len(self.same_texts),
            **{name: dict(zip(("agree", "of"), self.figure(name), strict=True)) for name in FIGURES},
            "details": {
                each.exchange.name: found
                for each in self.counted
                if (found := [line for name in FIGURES for line in getattr(each.details, name) or ()])
            },
            "differing": {each.exchange.name: each.differences for each in self.differing},
            "notPlayed": {each.exchange.name: each.skipped for each in self.skipped},
        }

    def json(self) -> str:
        return json.dumps(self.data(), indent=2, ensure_ascii=False)
