"""Counters: how often rules and faults acted. They belong to the store, so a snapshot holds them."""

from __future__ import annotations

from collections.abc import Callable

Key = tuple[str, ...]
"""What is counted, such as ("fault", operation, fault) or ("rule", place)."""


class Counts:
    """At most `most` counters by key; the least recently used ones are dropped."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._counts: dict[Key, int] = {}

    def get(self, key: Key) -> int:
        return self._counts.get(key, 0)

    def next(self, key: Key) -> int:
        """Count once more; the new count, from 1."""
        count = self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > self._most:
            del self._counts[next(iter(self._counts))]
        return count

    def drop(self, is_dropped: Callable[[Key], bool]) -> None:
        """Set all counters to zero whose key satisfies the function."""
        self._counts = {key: count for key, count in self._counts.items() if not is_dropped(key)}

    def copy(self) -> Counts:
        made = Counts(self._most)
        made._counts = dict(self._counts)
        return made
