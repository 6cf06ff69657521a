"""Shows how far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, NamedTuple, TextIO

SHARES = {"before": 0.02, "walks": 0.12, "probes": 0.15, "generated": 0.65, "clean-up": 0.06}
"""About how much of a run each phase is."""
PAUSE = 10.0
"""Seconds between two lines, if there is no terminal."""


class Event(NamedTuple):
    """How far a run is."""

    phase: str
    what: str = ""
    done: float = 0.0
    """The part of the phase that is done, from 0 to 1."""
    seen: int = 0
    operations: int = 0

    @property
    def text(self) -> str:
        seen = f"{self.seen}/{self.operations} operations seen" if self.operations else ""
        return f"{self.phase:<9} {seen}"


class Progress:
    """Shows events on a stream; nothing if it is not wanted."""

    def __init__(self, stream: TextIO, wanted: bool = True, phases: tuple[str, ...] = tuple(SHARES)) -> None:
        self._stream, self._wanted = stream, wanted
        self._bar: Any = None
        self._started = self._last = time.monotonic()
        self._phase = ""
        shares = {name: share for name, share in SHARES.items() if name in (*phases, "before", "clean-up")}
        self._shares = {name: share / sum(shares.values()) for name, share in shares.items()}

    def __enter__(self) -> Progress:
        if self._wanted and self._stream.isatty():
            self._bar = _bar(self._stream)
            self._bar.__enter__()
            self._task = self._bar.add_task("", total=1.0, left="", what="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        if not self._wanted:
            return
        share = self._share(event)
        left = self._left(share)
        if self._bar is not None:
            self._bar.update(
                self._task, completed=share, description=event.text, left=left, what=event.what[:30]
            )
        elif event.phase != self._phase or time.monotonic() - self._last > PAUSE:
            self._last, self._phase = time.monotonic(), event.phase
            self._stream.write(f"{event.text}{', ' + left if left else ''}\n")
            self._stream.flush()

    def _share(self, event: Event) -> float:
        """The part of the whole run that is done."""
        names = list(self._shares)
        before = names.index(event.phase) if event.phase in names else 0
        own = self._shares.get(event.phase, 0.0) * min(event.done, 1.0)
        return sum(self._shares[name] for name in names[:before]) + own

    def _left(self, share: float) -> str:
        passed = time.monotonic() - self._started
        if share < 0.05 or passed < 2:
            return ""
        seconds = passed / share * (1 - share)
        return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


def _bar(stream: TextIO) -> Any:
    """A bar that goes away when the run ends. rich is slow to import, and needed here alone."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[left]}"),
        TextColumn("[dim]{task.fields[what]}"), console=Console(file=stream), transient=True,
    )  # fmt: skip
