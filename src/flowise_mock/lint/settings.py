"""Settings of a project: severities, what is ignored and why, rules of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from flowise_mock.contract.document import DocumentError
from flowise_mock.lint import custom
from flowise_mock.lint.findings import SEVERITIES
from flowise_mock.lint.remote import Remote
from flowise_mock.lint.rules import BY_NAME, Rule

FILES = ((".flowise-mock.toml", ("lint",)), ("pyproject.toml", ("tool", "flowise-mock", "lint")))
_KEYS = ("rules", "ignore", "fail-on", "extends", "override")
MAX_BASES = 10


class SettingsError(DocumentError):
    """Settings cannot be used; the message names the file and the entry."""


@dataclass(frozen=True)
class Ignore:
    """A finding that a project accepts. `file` and `rule` may be `*`; a pointer may end in `*`."""

    pointer: str
    reason: str
    rule: str = "*"
    file: str = "*"

    def matches(self, rule: str, pointer: str, file: str) -> bool:
        whole = self.pointer == pointer or (
            self.pointer.endswith("*") and pointer.startswith(self.pointer.rstrip("*"))
        )
        return whole and self.rule in ("*", rule) and (self.file == "*" or Path(file).match(self.file))


@dataclass(frozen=True)
class Override:
    """Severities for some files."""

    files: tuple[str, ...]
    severities: dict[str, str]

    def severity(self, rule: str, file: str) -> str | None:
        return self.severities.get(rule) if any(Path(file).match(each) for each in self.files) else None


@dataclass
class Settings:
    """What a project sets for the lint."""

    severities: dict[str, str] = field(default_factory=dict)
    ignores: list[Ignore] = field(default_factory=list)
    fail_on: str = "error"
    path: Path | None = None
    remote: Remote | None = None  # what may be fetched; only the command line allows it
    overrides: list[Override] = field(default_factory=list)
    custom: tuple[Rule, ...] = ()
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """All rules by name: the built-in ones, then those of the project."""
        return BY_NAME | {each.name: each for each in self.custom}

    def severity(self, rule: str, file: str = "", default: str = "") -> str:
        """The severity of a finding; `default` is that of the problem itself."""
        if rule in self.skip or (self.only and rule not in self.only):
            return "off"
        for each in reversed(self.overrides):
            if found := each.severity(rule, file):
                return found
        known = self.rules.get(rule)
        return self.severities.get(rule) or default or (known.severity if known else "error")


def load(path: Path | None = None, folder: Path | None = None) -> Settings:
    """The settings in `path`, else those found from the folder upward. Raises SettingsError."""
    if path:
        return _read(path)
    found = find(folder or Path())
    return _read(found) if found else Settings()


def find(folder: Path) -> Path | None:
    """The nearest file with settings, in the folder or above it."""
    for each in (folder.resolve(), *folder.resolve().parents):
        for name, keys in FILES:
            if (each / name).is_file() and _at(_toml(each / name), keys) is not None:
                return each / name
    return None


def _read(path: Path, depth: int = 0) -> Settings:
    keys = next((keys for name, keys in FILES if name == path.name), ("lint",))
    return made(path, _at(_toml(path), keys), depth)


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


def made(path: Path, table: Any, depth: int = 0) -> Settings:
    """Settings from a table of TOML. Raises SettingsError."""
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: has no table for lint")
    unknown = table.keys() - set(_KEYS)
    if unknown:
        raise SettingsError(f"{path}: lint has no setting {sorted(unknown)[0]}; there are {', '.join(_KEYS)}")
    base = _extended(path, table.get("extends", []), depth)
    known = base.rules
    return Settings(
        base.severities | _severities(path, "rules", table.get("rules", {}), known),
        base.ignores + _tables(path, table, "ignore", _ignore, known),
        _severity(path, "fail-on", table.get("fail-on", base.fail_on)),
        path,
        overrides=base.overrides + _tables(path, table, "override", _override, known),
        custom=base.custom,
    )


def _extended(path: Path, named: Any, depth: int) -> Settings:
    """What `extends` names: other settings, files of rules in Python, installed rules."""
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise SettingsError(f"{path}: extends is a list of files (.toml, .py) and of installed rules")
    if depth > MAX_BASES:
        raise SettingsError(f"{path}: extends itself")
    made = Settings()
    for each in listed:
        if each.endswith(".toml"):
            other = _read(path.parent / each, depth + 1)
            made = Settings(
                made.severities | other.severities, made.ignores + other.ignores, other.fail_on,
                overrides=made.overrides + other.overrides, custom=(*made.custom, *other.custom),
            )  # fmt: skip
            continue
        try:
            rules = custom.from_file(path.parent / each) if each.endswith(".py") else custom.installed(each)
        except custom.RulesError as error:
            raise SettingsError(f"{path}: extends {each}: {error}") from None
        made = Settings(
            made.severities,
            made.ignores,
            made.fail_on,
            overrides=made.overrides,
            custom=(*made.custom, *rules),
        )
    return made


def _severities(path: Path, entry: str, rules: Any, known: Iterable[str]) -> dict[str, str]:
    if not isinstance(rules, dict):
        raise SettingsError(f"{path}: lint.{entry} is a table of rules and severities")
    for name in rules:
        if name not in known:
            raise SettingsError(f"{path}: there is no rule {name}; docs/lint.md lists them")
    return {name: _severity(path, name, severity) for name, severity in rules.items()}


def _severity(path: Path, name: str, severity: Any) -> str:
    if severity not in SEVERITIES:
        raise SettingsError(f"{path}: {name} is {severity!r}; use one of {', '.join(SEVERITIES)}")
    return str(severity)


def _tables(path: Path, table: dict[str, Any], key: str, make: Any, known: Iterable[str]) -> list[Any]:
    listed = table.get(key, [])
    if not isinstance(listed, list):
        raise SettingsError(f"{path}: lint.{key} is a list of tables")
    return [
        make(path, number, each if isinstance(each, dict) else {}, known)
        for number, each in enumerate(listed)
    ]


def _ignore(path: Path, number: int, held: dict[str, Any], known: Iterable[str]) -> Ignore:
    texts = all(isinstance(value, str) for value in held.values())
    if not texts or held.keys() - {"rule", "file", "pointer", "reason"}:
        raise SettingsError(f"{path}: ignore {number} has rule, file, pointer and reason, each of them text")
    if "pointer" not in held or not held.get("reason", "").strip():
        raise SettingsError(f"{path}: ignore {number} needs a pointer and a reason")
    if held.get("rule", "*") != "*" and held["rule"] not in known:
        raise SettingsError(f"{path}: ignore {number}: there is no rule {held['rule']}")
    return Ignore(**held)


def _override(path: Path, number: int, held: dict[str, Any], known: Iterable[str]) -> Override:
    files = held.get("files")
    if (
        not isinstance(files, list)
        or not all(isinstance(each, str) for each in files)
        or held.keys() != {"files", "rules"}
    ):
        raise SettingsError(f"{path}: override {number} has files, a list of patterns, and rules")
    return Override(tuple(files), _severities(path, "override.rules", held["rules"], known))
