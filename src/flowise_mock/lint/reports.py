"""Findings in each format: text, JSON, SARIF 2.1.0, GitHub's commands, JUnit's XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from flowise_mock import __version__
from flowise_mock.lint import terminal
from flowise_mock.lint.findings import Finding
from flowise_mock.lint.rules import RULES, Rule
from flowise_mock.reports import github as commands
from flowise_mock.reports import junit as xml
from flowise_mock.reports import sarif as log

_STANDARD = "https://spec.openapis.org/oas/v3.2.0.html"
_SECTIONS = {
    "path": "#paths-object", "operation": "#operation-object", "parameter": "#parameter-object",
    "schema": "#schema-object", "security": "#security-requirement-object", "tag": "#tag-object",
    "info": "#info-object", "server": "#server-object", "link": "#link-object", "example": "#example-object",
    "media": "#media-type-object", "header": "#header-object", "ref": "#reference-object",
    "discriminator": "#discriminator-object", "components": "#components-object",
    "response": "#responses-object",
    "enum": "#schema-object", "array": "#schema-object", "nullable": "#schema-object",
    "format": "#data-type-format",
}  # fmt: skip
"""The section of the standard for the rules whose name has a word; else its first page."""


class Report(NamedTuple):
    """The input of a report besides the findings."""

    files: int
    rules: Iterable[Rule] = RULES
    status: int = 0
    most: int = 100


def text(findings: list[Finding], report: Report) -> str:
    return terminal.text(findings, report.files, report.most)


def as_json(findings: list[Finding], report: Report) -> str:
    return json.dumps({"files": report.files, "findings": [each.public() for each in findings]}, indent=2)


def sarif(findings: list[Finding], report: Report) -> str:
    """SARIF; a fingerprint is of the rule, the file, the pointer and the message, not of the line."""
    rules = [_rule(each) for each in report.rules]
    results = [
        log.Result(
            each.rule, log.LEVELS[each.severity], each.message, each.file, each.line,
            f"{each.pointer}\0{each.message}", each.column, each.pointer or "/",
        )
        for each in findings
    ]  # fmt: skip
    return log.text("flowise-mock lint", __version__, rules, results, report.status, _STANDARD).rstrip()


def _rule(rule: Rule) -> log.Rule:
    section = next((found for word, found in _SECTIONS.items() if word in rule.name), "")
    short = rule.what.split(":")[0].split(";")[0].rstrip(".") + "."
    return log.Rule(
        rule.name, short, rule.what, f"{rule.what} {rule.remedy}", _STANDARD + section, rule.severity
    )


def github(findings: list[Finding], report: Report) -> str:
    """Workflow commands, which GitHub shows at the line."""
    return "\n".join(map(_command, findings))


def _command(each: Finding) -> str:
    level, message = commands.LEVELS[each.severity], f"{each.message} {each.remedy}"
    return commands.command(level, message, each.rule, each.file, each.line, each.column)


def junit(findings: list[Finding], report: Report) -> str:
    """JUnit's XML: a suite for each file, a failure for each finding."""
    by_file: dict[str, list[xml.Case]] = {}
    for each in findings:
        by_file.setdefault(each.file, []).append(_case(each))
    suites = [xml.Suite(file, cases) for file, cases in by_file.items()]
    return xml.text("flowise-mock lint", suites or [xml.Suite("all files", [xml.Case("lint")])])


def _case(each: Finding) -> xml.Case:
    where = f"{each.line}:{each.column}"
    text = f"{each.file}:{where} {each.pointer}\n{each.remedy}"
    return xml.Case(f"{each.rule} at {where}", each.message, text, each.severity)


FORMATS: dict[str, Callable[[list[Finding], Report], str]] = {
    "text": text, "json": as_json, "sarif": sarif, "github": github, "junit": junit,
}  # fmt: skip
