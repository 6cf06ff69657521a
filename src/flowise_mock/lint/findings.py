"""What a rule finds: a problem at a spot of a source, and the finding that is told of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.lint.source import Spot

SEVERITIES = ("off", "info", "warning", "error")


class Problem(NamedTuple):
    """What a rule yields. `fix` is an overlay action that mends it safely; `key` points at the key."""

    spot: Spot
    message: str
    key: bool = False
    fix: dict[str, Any] | None = None


class Finding(NamedTuple):
    """What is wrong, and where."""

    rule: str
    severity: str
    file: str
    line: int
    column: int
    pointer: str
    message: str
    remedy: str = ""
    source: str = ""
    fix: dict[str, Any] | None = None

    def public(self) -> dict[str, Any]:
        """The finding as JSON tells it."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "pointer": self.pointer,
            "message": self.message,
            "remedy": self.remedy,
        }


def at_least(severity: str, threshold: str) -> bool:
    """Whether a severity is that of the threshold, or graver."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(threshold)
