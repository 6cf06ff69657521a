"""Findings as text, JSON, SARIF 2.1.0, GitHub's commands, JUnit's XML."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from flowise_mock import __version__
from flowise_mock.lint.findings import Finding
from flowise_mock.lint.rules import RULES

WIDTH = 80
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def text(findings: list[Finding], files: int) -> str:
    """For a terminal of 80 columns: where, what, the line with a caret, what to do; then the counts."""
    blocks = ["\n".join(_block(each)) for each in findings]
    return "\n\n".join([*blocks, _sum(findings, files)])


def _block(finding: Finding) -> Iterator[str]:
    yield f"{finding.file}:{finding.line}:{finding.column} {finding.severity} {finding.rule}"
    yield from _wrapped(_clean(finding.message), "  ")
    if finding.source.strip():
        line, caret = _window(_clean(finding.source).replace("\t", " "), finding.column - 1)
        yield f"  | {line}"
        yield f"  | {_blank(line[:caret])}^"
    if finding.pointer:
        yield from _wrapped(f"at {finding.pointer}", "  ")
    if finding.remedy:
        yield from _wrapped(finding.remedy, "  = ")


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(
        line, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a line that fits, and where the column is in it."""
    room = WIDTH - 4
    start = 0 if len(line) <= room or column < room - 20 else column - room // 2
    shown = line[start : start + room].rstrip()
    return ("…" + shown[1:] if start else shown), column - start


def _blank(line: str) -> str:
    """Spaces as wide as a text: a terminal gives East Asian letters two cells, and combining ones none."""
    cells = sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in line
    )
    return " " * cells


def _clean(line: str) -> str:
    return _CONTROL.sub("\ufffd", line)


def _sum(findings: list[Finding], files: int) -> str:
    counts = {name: sum(each.severity == name for each in findings) for name in ("error", "warning", "info")}
    told = ", ".join(_count(count, name) for name, count in counts.items() if count)
    return f"{_count(files, 'file')}: {told or 'clean'}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 or word == 'info' else 's'}"


def as_json(findings: list[Finding], files: int) -> str:
    return json.dumps({"files": files, "findings": [each.public() for each in findings]}, indent=2)


def sarif(findings: list[Finding], files: int) -> str:
    """SARIF 2.1.0, as code hosts read it."""
    names = [rule.name for rule in RULES]
    driver = {
        "name": "flowise-mock lint",
        "version": __version__,
        "informationUri": "https://spec.openapis.org/oas/latest.html",
        "rules": [
            {
                "id": rule.name,
                "shortDescription": {"text": rule.remedy},
                "help": {"text": rule.remedy},
                "defaultConfiguration": {"level": _LEVELS.get(rule.severity, "none")},
            }
            for rule in RULES
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, names) for each in findings],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def _result(finding: Finding, names: list[str]) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    return {
        "ruleId": finding.rule,
        "ruleIndex": names.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(finding.file)}, "region": region},
                "logicalLocations": [{"fullyQualifiedName": finding.pointer or "/"}],
            }
        ],
    }


def _uri(file: str) -> str:
    from urllib.parse import quote

    return file if "://" in file else quote(PurePath(file).as_posix())


def github(findings: list[Finding], files: int) -> str:
    """Workflow commands, which GitHub shows at the line."""
    return "\n".join(
        f"::{_COMMANDS[each.severity]} file={_property(each.file)},line={each.line},col={each.column},"
        f"title={_property(each.rule)}::{_data(f'{each.message} {each.remedy}')}"
        for each in findings
    )


def _data(line: str) -> str:
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(line: str) -> str:
    return _data(line).replace(":", "%3A").replace(",", "%2C")


def junit(findings: list[Finding], files: int) -> str:
    """JUnit's XML: a suite for each file, a failure for each finding."""
    suites = [
        _suite(file, [each for each in findings if each.file == file])
        for file in dict.fromkeys(each.file for each in findings)
    ] or [_suite("all files", [])]
    total = max(len(findings), 1)
    head = f'<testsuites name="flowise-mock lint" tests="{total}" failures="{len(findings)}" errors="0">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>"])


def _suite(file: str, findings: list[Finding]) -> str:
    cases = [_case(each) for each in findings] or [
        f'<testcase name="lint" classname={quoteattr(file)} time="0"/>'
    ]
    counts = f'tests="{len(cases)}" failures="{len(findings)}" errors="0" skipped="0" time="0"'
    return "\n".join([f"<testsuite name={quoteattr(file)} {counts}>", *cases, "</testsuite>"])


def _case(finding: Finding) -> str:
    name = quoteattr(_clean(f"{finding.rule} at {finding.line}:{finding.column}"))
    body = escape(
        _clean(f"{finding.file}:{finding.line}:{finding.column} {finding.pointer}\n{finding.remedy}")
    )
    message = quoteattr(_clean(finding.message))
    failure = f"<failure type={quoteattr(finding.severity)} message={message}>{body}</failure>"
    return f'<testcase name={name} classname={quoteattr(finding.file)} time="0">{failure}</testcase>'


FORMATS: dict[str, Callable[[list[Finding], int], str]] = {
    "text": text, "json": as_json, "sarif": sarif, "github": github, "junit": junit,
}  # fmt: skip
