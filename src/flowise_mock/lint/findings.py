"""What rules yield, a problem at a spot of a source, and the finding that reports show."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.contract.positions import escaped
from flowise_mock.lint.source import Spot

SEVERITIES = ("off", "info", "warning", "error")


class Edit(NamedTuple):
    """A change to a document: set the value at a pointer, append to a list (`/-`), or remove."""

    pointer: str
    value: Any = None
    remove: bool = False


class Problem(NamedTuple):
    """What a rule yields.

    `key` points at the key instead of the value. `severity` replaces that of the rule, unless the settings
    have one. `fix` has the edits that fix the problem safely.
    """

    spot: Spot
    message: str
    key: bool = False
    fix: tuple[Edit, ...] = ()
    severity: str = ""


class Finding(NamedTuple):
    """A problem with its rule, severity and place."""

    rule: str
    severity: str
    file: str
    line: int
    column: int
    pointer: str
    message: str
    remedy: str = ""
    source: str = ""
    fix: tuple[Edit, ...] = ()

    def public(self) -> dict[str, Any]:
        """The finding as JSON shows it."""
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
    """Whether a severity is that of the threshold, or higher."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(threshold)


def edit(spot: Spot, **changes: Any) -> tuple[Edit, ...]:
    """Set fields of an object; a field whose new value is None is removed."""
    return tuple(
        Edit(f"{spot.pointer}/{escaped(key)}", value, remove=value is None) for key, value in changes.items()
    )
