"""Settings of a project: the severity of rules, and what is ignored and why."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowise_mock.contract.document import DocumentError
from flowise_mock.lint.findings import SEVERITIES
from flowise_mock.lint.remote import Remote
from flowise_mock.lint.rules import named

FILES = (("pyproject.toml", ("tool", "flowise-mock", "lint")), (".flowise-mock.toml", ("lint",)))


class SettingsError(DocumentError):
    """Settings that cannot be used; the text names the file and the entry."""


@dataclass(frozen=True)
class Ignore:
    """A finding that a project lets pass. `file` and `rule` may be `*`; a pointer may end in `*`."""

    pointer: str
    reason: str
    rule: str = "*"
    file: str = "*"

    def matches(self, rule: str, pointer: str, file: str) -> bool:
        whole = self.pointer == pointer or (
            self.pointer.endswith("*") and pointer.startswith(self.pointer.rstrip("*"))
        )
        return whole and self.rule in ("*", rule) and (self.file == "*" or Path(file).match(self.file))


@dataclass
class Settings:
    """What a project says of the lint."""

    severities: dict[str, str] = field(default_factory=dict)
    ignores: list[Ignore] = field(default_factory=list)
    fail_on: str = "error"
    path: Path | None = None
    remote: Remote | None = None  # what may be fetched; the command line alone can say so

    def severity(self, rule: str) -> str:
        found = named(rule)
        return self.severities.get(rule, found.severity if found else "error")


def load(path: Path | None = None, folder: Path | None = None) -> Settings:
    """The settings in `path`, else those of the folder. Raises SettingsError."""
    if path:
        held = _toml(path)
        keys = next((keys for name, keys in FILES if name == path.name), ("lint",))
        return made(path, _at(held, keys))
    for name, keys in reversed(FILES):
        found = (folder or Path()) / name
        table = _at(_toml(found), keys) if found.is_file() else None
        if table is not None:
            return made(found, table)
    return Settings()


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from None


def _at(table: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def made(path: Path, table: Any) -> Settings:
    """Settings from a table of TOML. Raises SettingsError."""
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: has no table for lint")
    unknown = table.keys() - {"rules", "ignore", "fail-on"}
    if unknown:
        raise SettingsError(
            f"{path}: lint knows no {sorted(unknown)[0]}; there are rules, ignore and fail-on"
        )
    fail_on = _severity(path, "fail-on", table.get("fail-on", "error"))
    return Settings(
        _severities(path, table.get("rules", {})), _ignores(path, table.get("ignore", [])), fail_on, path
    )


def _severities(path: Path, rules: Any) -> dict[str, str]:
    if not isinstance(rules, dict):
        raise SettingsError(f"{path}: lint.rules is a table of rules and severities")
    for name in rules:
        if not named(name):
            raise SettingsError(f"{path}: there is no rule {name}; docs/lint.md lists them")
    return {name: _severity(path, name, severity) for name, severity in rules.items()}


def _severity(path: Path, name: str, severity: Any) -> str:
    if severity not in SEVERITIES:
        raise SettingsError(f"{path}: {name} is {severity!r}; say one of {', '.join(SEVERITIES)}")
    return str(severity)


def _ignores(path: Path, ignores: Any) -> list[Ignore]:
    if not isinstance(ignores, list):
        raise SettingsError(f"{path}: lint.ignore is a list of tables")
    return [_ignore(path, number, each) for number, each in enumerate(ignores)]


def _ignore(path: Path, number: int, table: Any) -> Ignore:
    held = table if isinstance(table, dict) else {}
    if not all(isinstance(value, str) for value in held.values()) or held.keys() - {
        "rule",
        "file",
        "pointer",
        "reason",
    }:
        raise SettingsError(f"{path}: ignore {number} has rule, file, pointer and reason, all of them texts")
    if "pointer" not in held or not held.get("reason", "").strip():
        raise SettingsError(f"{path}: ignore {number} needs a pointer and a reason")
    if held.get("rule", "*") != "*" and not named(held["rule"]):
        raise SettingsError(f"{path}: ignore {number}: there is no rule {held['rule']}")
    return Ignore(**held)
