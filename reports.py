"""Findings as text for people, and as JSON, SARIF, JUnit and GitHub's commands for machines."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from flowise_mock import __version__
from flowise_mock.lint.finding import Finding
from flowise_mock.lint.registry import Rule
from flowise_mock.lint.source import Sources, is_remote

WIDTH = 80
_MARKS = {"error": "error", "warning": "warning", "info": "note"}


class Report:
    """Findings with all that a form of output may want beside them."""

    def __init__(self, findings: list[Finding], sources: Sources, rules: dict[str, Rule], files: list[str]) -> None:
        self.findings, self.sources, self.rules, self.files = findings, sources, rules, files

    def render(self, form: str) -> str:
        return FORMS[form](self)


def text(report: Report) -> str:
    """Each finding with its line and a caret, at most 80 columns wide."""
    blocks = [_block(finding, report) for finding in report.findings]
    return "\n\n".join([*blocks, _summary(report)]) + "\n"


def _block(finding: Finding, report: Report) -> str:
    head = f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {finding.rule}"
    lines = [head, *_wrapped(finding.message), *_excerpt(finding, report.sources.text(finding.file))]
    if finding.pointer:
        lines.append(f"  at {finding.pointer}")
    return "\n".join([*lines, *_wrapped(finding.remedy, "  -> ")])


def _wrapped(words: str, first: str = "  ") -> list[str]:
    clean = printable(words)
    return textwrap.wrap(clean, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=True)


def printable(words: str) -> str:
    """Text that cannot move a terminal's cursor."""
    return "".join(char if char.isprintable() else "?" for char in words)


def _excerpt(finding: Finding, source: str) -> list[str]:
    """The line of a finding with a caret under it; of a long line, what is around the caret."""
    lines = source.split("\n", finding.line)[: finding.line]
    if not source or len(lines) < finding.line:
        return []
    line, column = lines[-1].rstrip("\r").replace("\t", " "), finding.column - 1
    margin = f"{finding.line:>6} | "
    room = WIDTH - len(margin)
    start = max(0, column - room // 2) if len(line) > room else 0
    shown = printable(line[start : start + room])
    return [margin + shown, " " * (len(margin) - 2) + "| " + " " * (column - start) + "^"]


def _summary(report: Report) -> str:
    count = Counter(finding.severity for finding in report.findings)
    told = [f"{count[each]} {_plural(each, count[each])}" for each in ("error", "warning", "info") if count[each]]
    return f"{', '.join(told) or 'clean'} ({len(report.files)} {_plural('file', len(report.files))})"


def _plural(word: str, count: int) -> str:
    return word if count == 1 or word == "info" else f"{word}s"


def as_json(report: Report) -> str:
    return json.dumps([finding.as_json() for finding in report.findings], indent=2, ensure_ascii=False) + "\n"


def github(report: Report) -> str:
    """GitHub's workflow commands: findings beside the lines of a pull request."""
    words = {"error": "error", "warning": "warning", "info": "notice"}
    return "".join(
        f"::{words[each.severity]} file={_property(each.file)},line={each.line},col={each.column},"
        f"title={_property(each.rule)}::{_data(f'{each.message}; {each.remedy}')}\n"
        for each in report.findings
    )


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")


def sarif(report: Report) -> str:
    """SARIF 2.1.0: one run, its rules and results."""
    names = sorted({finding.rule for finding in report.findings})
    driver = {
        "name": "flowise-mock lint",
        "version": __version__,
        "rules": [_described(report.rules[name]) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, names) for finding in report.findings],
    }
    log = {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _described(rule: Rule) -> dict[str, Any]:
    level = _MARKS.get(rule.severity, "none")
    return {"id": rule.name, "help": {"text": rule.remedy}, "defaultConfiguration": {"level": level}}


def _result(finding: Finding, names: list[str]) -> dict[str, Any]:
    address = finding.file if is_remote(finding.file) else quote(Path(finding.file).as_posix())
    physical = {
        "artifactLocation": {"uri": address},
        "region": {"startLine": finding.line, "startColumn": finding.column},
    }
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.pointer, "kind": "element"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": names.index(finding.rule),
        "level": _MARKS[finding.severity],
        "message": {"text": f"{finding.message}; {finding.remedy}"},
        "locations": [location],
    }


def junit(report: Report) -> str:
    """JUnit: a suite for each file; each finding a failed case, a clean file a passed one."""
    files = sorted({*report.files, *(finding.file for finding in report.findings)})
    suites = "".join(_suite(name, [each for each in report.findings if each.file == name]) for name in files)
    total = sum(max(1, sum(each.file == name for each in report.findings)) for name in files)
    head = f'<testsuites name="flowise-mock lint" tests="{total}" failures="{len(report.findings)}" errors="0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{suites}</testsuites>\n'


def _suite(name: str, findings: list[Finding]) -> str:
    cases = "".join(_case(each) for each in findings) or f'    <testcase name="clean" classname={_attribute(name)}/>\n'
    head = f'  <testsuite name={_attribute(name)} tests="{max(1, len(findings))}" failures="{len(findings)}" errors="0">'
    return f"{head}\n{cases}  </testsuite>\n"


def _case(finding: Finding) -> str:
    title = f"{finding.rule} {finding.line}:{finding.column} {finding.pointer}"
    told = f"{finding.file}:{finding.line}:{finding.column}: {finding.message}; {finding.remedy}"
    return (
        f"    <testcase name={_attribute(title)} classname={_attribute(finding.file)}>\n"
        f"      <failure type={_attribute(finding.severity)} message={_attribute(finding.message)}>"
        f"{escape(_xml(told))}</failure>\n    </testcase>\n"
    )


def _attribute(words: str) -> str:
    return quoteattr(_xml(words))


def _xml(words: str) -> str:
    """Text without the characters that XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", words)


FORMS: dict[str, Callable[[Report], str]] = {
    "text": text, "json": as_json, "sarif": sarif, "github": github, "junit": junit,
}  # fmt: skip
