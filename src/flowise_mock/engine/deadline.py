"""A deadline that is set anew for each request, with a timer that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """What a deadline needs of the event loop."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Any: ...


class Deadline:
    """Calls `missed` when it is over. Its timer looks at the time that was set last, and waits again."""

    __slots__ = ("_at", "_loop", "_missed", "_timer", "_timer_at")

    def __init__(self, loop: Clock, missed: Callable[[], None]) -> None:
        self._loop = loop
        self._missed = missed
        self._at: float | None = None
        self._timer: Any = None
        self._timer_at = 0.0

    @property
    def is_set(self) -> bool:
        return self._at is not None

    def set(self, seconds: float) -> None:
        """Be over in so many seconds, whatever was set before."""
        at = self._at = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._wait(at)

    def clear(self) -> None:
        self._at = None

    def close(self) -> None:
        """Clear it for good."""
        self._at = None
        del self._missed
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, at: float) -> None:
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._wait(self._at)
        else:
            self._at = None
            self._missed()
