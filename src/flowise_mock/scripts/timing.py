"""The timing of a scripted answer: a plan of pauses, the same for the same script and seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds before the first token, seconds after each token, and how much both vary: a share, 0 to 1."""

    first: float = 0.0
    gap: float = 0.0
    jitter: float = 0.0
    seed: int = 0


def read(given: Any) -> Timing | None:
    """The timing in a script: no pauses for `none`, and None if the script has no timing."""
    if given is None or given == "none":
        return None if given is None else Timing()
    speed = given.get("tokens_per_second")
    first = given.get("first_token_ms", 0) / 1000
    return Timing(first, 1 / speed if speed else 0.0, given.get("jitter", 0.0), given.get("seed", 0))


def pauses(timing: Timing, key: str) -> Iterator[float]:
    """Seconds before the first token, then after each token, without end.

    They depend on the seed and on `key`, which identifies the question, and on nothing else: neither on the
    clock nor on other requests.
    """
    generator = random.Random(f"{timing.seed} {key}")  # noqa: S311 - pauses, no secrets
    yield timing.first * _variation(timing, generator)
    while True:
        yield timing.gap * _variation(timing, generator)


def _variation(timing: Timing, generator: random.Random) -> float:
    return 1 + timing.jitter * generator.uniform(-1, 1) if timing.jitter else 1.0
