"""Garbage collections that stay short however many records there are."""

from __future__ import annotations

import gc
import time

LONG = 0.01
"""Seconds of a collection after which what it left is not looked at again."""


class KeepShort:
    """Freezes what is left after a long collection of all generations, which then is in use.

    Records are freed without a collection, as they are in no cycle. What is in one, such as the connections
    that are open now, stays in memory; but the next long collection comes only when there is as much again.
    """

    def __init__(self) -> None:
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < 2:
            return
        if phase == "start":
            self._began = time.perf_counter()
        elif time.perf_counter() - self._began > LONG:
            gc.freeze()


def keep_short() -> None:
    """Keep the collections of this process short from now on."""
    gc.callbacks.append(KeepShort())
