"""A line that shows how far a run is, where someone can see it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO


class Progress:
    """Rewrites one line of a terminal; says nothing where there is none."""

    def __init__(self, stream: TextIO, wanted: bool = True) -> None:
        self._stream = stream
        self._shown = wanted and stream.isatty()
        self._started = time.monotonic()

    def __call__(self, phase: str, what: str) -> None:
        if self._shown:
            seconds = time.monotonic() - self._started
            self._stream.write(f"\r\x1b[2K{_bar(phase)} {seconds:5.1f} s  {phase}  {what[:60]}")
            self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


def _bar(phase: str) -> str:
    steps = ("walks", "probes", "generated", "clean-up")
    at = steps.index(phase) + 1 if phase in steps else 0
    return "[" + "#" * at + "." * (len(steps) - at) + "]"
