"""The clock, dates as Flowise writes them, and records between two dates."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any


class Clock:
    """The time: the real time plus what it was advanced by, or the moment at which it is frozen."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment
        self._ahead = timedelta()
        self._ahead_milliseconds = 0

    def __call__(self) -> datetime:
        return self.moment or datetime.now(UTC) + self._ahead

    def milliseconds(self) -> int:
        """Milliseconds since 1970, rounded down."""
        if self.moment is None:
            return time.time_ns() // 1_000_000 + self._ahead_milliseconds
        return milliseconds(self.moment)

    def advance(self, by: timedelta) -> None:
        """Advance the clock. Raises OverflowError if there is no such date."""
        if self.moment is None:
            datetime.now(UTC) + self._ahead + by + timedelta(366)  # time to run on
            self._ahead += by
            self._ahead_milliseconds = self._ahead // timedelta(milliseconds=1)
        else:
            self.moment += by

    def release(self) -> None:
        """Show the real time again."""
        self.moment, self._ahead, self._ahead_milliseconds = None, timedelta(), 0


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253402300799
"""The last second of the year 9999, which a clock may pass."""


_ENDS = [f".{milliseconds:03d}Z" for milliseconds in range(1000)]


class Dates:
    """Writes milliseconds since 1970 as ISO 8601 in UTC; keeps the text of the last second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def iso(self, milliseconds: int) -> str:
        second, rest = divmod(milliseconds, 1000)
        if second != self._second:
            self._second = second
            self._text = (_EPOCH + timedelta(seconds=min(second, _LAST))).isoformat()[:19]
        return self._text + _ENDS[rest]


_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:[Zz]|([+-])(\d\d):(\d\d)))?"
)


def instant(text: Any) -> float | None:
    """An ISO 8601 date as seconds since the year 0, None for anything else.

    Every RFC 3339 date has an instant, also the leap seconds and the years that datetime lacks.
    """
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    try:
        days = date(year, month, day).toordinal() if year else 0
    except ValueError:
        return None
    seconds = int(match[4] or 0) * 3600 + int(match[5] or 0) * 60 + float(match[6] or 0)
    offset = (int(match[8]) * 3600 + int(match[9]) * 60) if match[7] else 0
    return days * 86400.0 + seconds - (offset if match[7] == "+" else -offset)


def moment(text: str) -> datetime | None:
    """The moment of an ISO date, in UTC unless it has an offset; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC it may be before the year 1
        return None


def milliseconds(moment: datetime) -> int:
    """Milliseconds from 1970 to a moment, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def within(
    records: Iterable[dict[str, Any]], column: str, start: str | None, end: str | None
) -> list[dict[str, Any]]:
    """The records whose date in `column` is between two dates, both included; None is no bound.

    As in a database, nothing is before an end that is not a date, and everything is after such a start.
    """
    if start is None and end is None:
        return list(records)
    low, high = instant(start), instant(end)
    if end is not None and high is None:
        return []
    return [
        record
        for record in records
        if (low is None or (instant(record.get(column)) or 0.0) >= low)
        and (high is None or (instant(record.get(column)) or 0.0) <= high)
    ]
