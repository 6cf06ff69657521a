"""Counters that a store keeps beside its records."""

from __future__ import annotations


class Counts:
    """How often an operation was called with each fault; of many, those not met for longest are forgotten."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._counts: dict[tuple[str, str], int] = {}

    def next(self, operation: str, fault: object) -> int:
        """The number of this call of an operation with this fault, from 1."""
        key = operation, str(fault)
        self._counts[key] = number = self._counts.pop(key, 0) + 1
        if len(self._counts) > self._most:
            del self._counts[next(iter(self._counts))]
        return number
