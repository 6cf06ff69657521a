"""What a project says of the rules: their severity, and findings that it lives with, each with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.lint.finding import SEVERITIES, Finding, Problem, Spot, escape
from flowise_mock.lint.registry import Rule
from flowise_mock.lint.subject import Subject

RULES = (
    Rule("ignore-unused", "warning", "remove it: what it let pass is mended"),
    Rule("ignore-without-reason", "warning", "write `x-lint-ignore: {rule: reason}`"),
)
KEYS = {"rules", "ignore", "fail-on", "files"}


class SettingsError(Exception):
    """Settings that cannot be used; the text says which and why."""


class Ignore(NamedTuple):
    """Findings that are let pass: of a rule, at a pointer (`/*` at its end: and below), in a file."""

    rule: str
    pointers: tuple[str, ...]
    file: str
    reason: str
    number: int

    def covers(self, finding: Finding, pointer: str) -> bool:
        return (
            finding.rule == self.rule
            and matches(pointer, finding.pointer)
            and (not self.file or Path(finding.file).as_posix().endswith(self.file))
        )


class Settings:
    """The settings of a run; without a file, those that every rule comes with."""

    def __init__(self, table: dict[str, Any] | None = None, file: str = "", known: Iterable[str] = ()) -> None:
        table = table or {}
        self.file = file
        self.fail_on: str = table.get("fail-on", "error")
        self.files: list[str] = [str(Path(file).parent / each) for each in _texts(table, "files", file)]
        self.severities: dict[str, str] = table.get("rules", {})
        self.ignores = [_ignore(each, number, file) for number, each in enumerate(table.get("ignore", []))]
        self._check(table, set(known))

    def _check(self, table: dict[str, Any], known: set[str]) -> None:
        for name in table.keys() - KEYS:
            raise SettingsError(f"{self.file}: there is no setting {name!r}; there are {', '.join(sorted(KEYS))}")
        if self.fail_on not in SEVERITIES:
            raise SettingsError(f"{self.file}: fail-on is one of {', '.join(SEVERITIES)}")
        for name, severity in self.severities.items():
            if severity not in (*SEVERITIES, "off"):
                raise SettingsError(f"{self.file}: {name} is one of off, {', '.join(SEVERITIES)}, not {severity!r}")
        for name in (*self.severities, *(each.rule for each in self.ignores)):
            if known and name not in known:
                raise SettingsError(f"{self.file}: there is no rule {name!r}; --rules lists them")

    def severity(self, rule: Rule) -> str:
        return self.severities.get(rule.name, rule.severity)

    def applied(
        self, found: Iterable[Finding], rules: dict[str, Rule], subjects: list[Subject]
    ) -> Iterator[Finding]:
        """The findings that stay, and those about ignores that let nothing pass."""
        marked = [each for subject in subjects for each in in_document(subject)]
        used: set[tuple[str, str]] = set()
        for finding in found:
            ignored = [each for each in marked if each.rule == finding.rule and each.covers(finding)]
            used |= {(each.rule, each.pointer) for each in ignored}
            listed = [(each.number, p) for each in self.ignores for p in each.pointers if each.covers(finding, p)]
            used |= {(str(number), pointer) for number, pointer in listed}
            if not ignored and not listed and finding.severity != "off":
                yield finding
        yield from self._unused(used, rules)
        told = set()
        for each in marked:
            mark = (each.rule, each.pointer, *each.spot)
            if (each.rule, each.pointer) not in used and mark not in told:
                told.add(mark)
                yield self._about("ignore-unused", rules, each.spot, each.pointer, f"x-lint-ignore: nothing of {each.rule} is found here")
            if not each.reason and (*mark, "reason") not in told:
                told.add((*mark, "reason"))
                yield self._about("ignore-without-reason", rules, each.spot, each.pointer, f"{each.rule} is ignored without a reason")

    def _unused(self, used: set[tuple[str, str]], rules: dict[str, Rule]) -> Iterator[Finding]:
        for ignore in self.ignores:
            for pointer in ignore.pointers:
                if (str(ignore.number), pointer) not in used:
                    message = f"ignore {ignore.number + 1}: nothing of {ignore.rule} is found at {pointer or 'the root'}"
                    yield self._about("ignore-unused", rules, Spot(self.file, self._line(ignore.number)), pointer, message)

    def _line(self, number: int) -> int:
        """The line of the n-th ignore in the file of settings."""
        lines = Path(self.file).read_text().splitlines()
        starts = [at for at, line in enumerate(lines, 1) if line.strip().endswith("ignore]]")]
        return starts[number] if number < len(starts) else 1

    def _about(self, name: str, rules: dict[str, Rule], spot: Spot, pointer: str, message: str) -> Finding:
        rule = rules[name]
        return Finding(name, self.severity(rule), *spot, pointer, message, rule.remedy)


class Marked(NamedTuple):
    """An `x-lint-ignore` in a document."""

    rule: str
    pointer: str
    reason: str
    spot: Spot

    def covers(self, finding: Finding) -> bool:
        return matches(f"{self.pointer}/*", finding.pointer)


def in_document(subject: Subject) -> Iterator[Marked]:
    """Every `x-lint-ignore` of a document: a rule, a list of rules, or rules with their reasons."""
    waiting: list[tuple[str, Any]] = [("", subject.document)]
    while waiting:
        pointer, node = waiting.pop()
        if isinstance(node, dict):
            told = node.get("x-lint-ignore")
            reasons = told if isinstance(told, dict) else dict.fromkeys([told] if isinstance(told, str) else told or [], "")
            for rule, reason in reasons.items():
                spot = subject.sources.marks.find(subject.document, f"{pointer}/x-lint-ignore").spot(key=True)
                yield Marked(str(rule), pointer, str(reason or ""), spot)
            waiting += [(f"{pointer}/{escape(k)}", v) for k, v in node.items() if isinstance(v, dict | list) and k != "x-lint-ignore"]
        elif isinstance(node, list):
            waiting += [(f"{pointer}/{n}", v) for n, v in enumerate(node) if isinstance(v, dict | list)]


def matches(pattern: str, pointer: str) -> bool:
    """Whether a pointer is what a pattern names, or below it where the pattern ends in `/*`."""
    if pattern.endswith("/*"):
        return pointer == pattern[:-2] or pointer.startswith(pattern[:-1])
    return pointer == pattern


def _texts(table: dict[str, Any], name: str, file: str) -> list[str]:
    held = table.get(name, [])
    if not isinstance(held, list) or not all(isinstance(each, str) for each in held):
        raise SettingsError(f"{file}: {name} is a list of texts")
    return held


def _ignore(entry: Any, number: int, file: str) -> Ignore:
    where = f"{file}: ignore {number + 1}"
    if not isinstance(entry, dict) or not isinstance(entry.get("rule"), str):
        raise SettingsError(f"{where}: has no rule")
    if not entry.get("reason"):
        raise SettingsError(f"{where}: has no reason")
    pointers = entry.get("pointers", [entry.get("pointer", "/*")])
    if not isinstance(pointers, list) or not all(isinstance(each, str) for each in pointers):
        raise SettingsError(f"{where}: pointers is a list of JSON pointers")
    return Ignore(entry["rule"], tuple(pointers), str(entry.get("file", "")), str(entry["reason"]), number)


def load(path: Path | None, folder: Path, known: Iterable[str]) -> Settings:
    """The settings in `path`, else in `.flowise-mock.toml` or `pyproject.toml` of `folder`. Raises SettingsError."""
    for each in [path] if path else [folder / ".flowise-mock.toml", folder / "pyproject.toml"]:
        if path is None and not each.is_file():
            continue
        try:
            whole = tomllib.loads(each.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{each}: cannot be read: {error}") from None
        table = whole.get("tool", {}).get("flowise-mock", {}).get("lint") if each.name == "pyproject.toml" else whole.get("lint", {})
        if table is not None:
            return Settings(table, str(each), known)
    return Settings()
