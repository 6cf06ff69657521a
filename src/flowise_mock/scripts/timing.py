"""How fast a scripted answer comes: a plan of pauses, the same for the same script and the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds before the first token, seconds after each token, and how far both vary: a share, 0 to 1."""

    first: float = 0.0
    gap: float = 0.0
    jitter: float = 0.0
    seed: int = 0


def read(given: Any) -> Timing | None:
    """The timing that a script gives: `none` is no pause, None where it gives none."""
    if given is None or given == "none":
        return None if given is None else Timing()
    speed = given.get("tokens_per_second")
    first = given.get("first_token_ms", 0) / 1000
    return Timing(first, 1 / speed if speed else 0.0, given.get("jitter", 0.0), given.get("seed", 0))


def pauses(timing: Timing, what: str) -> Iterator[float]:
    """Seconds before the first token, then after each token, without end.

    They vary with the seed and with `what` is asked, and with nothing else: not with the clock, nor with
    what else the server was asked.
    """
    drawn = random.Random(f"{timing.seed} {what}")  # noqa: S311 - pauses, no secrets
    yield timing.first * _about(timing, drawn)
    while True:
        yield timing.gap * _about(timing, drawn)


def _about(timing: Timing, drawn: random.Random) -> float:
    return 1 + timing.jitter * drawn.uniform(-1, 1) if timing.jitter else 1.0
