"""The time of a server, as a test sets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowise_mock.testing.control_client import ControlClient


class Clock:
    """The time of a namespace."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        """The time that the server shows, with its offset."""
        return _date(self._control.get("/clock"))

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Freeze the clock, at a date with its offset or now. Returns the date."""
        text = at.isoformat() if isinstance(at, datetime) else at
        return _date(self._control.put("/clock", {} if text is None else {"at": text}))

    def advance(self, by: timedelta | float) -> datetime:
        """Put the clock forward, by a duration or by seconds."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        return _date(self._control.post("/clock/advance", {"seconds": seconds}))

    def release(self) -> datetime:
        """Show the real time again."""
        return _date(self._control.delete("/clock"))


def _date(clock: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(clock["now"])
