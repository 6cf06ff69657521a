"""Findings for a terminal of 80 columns: a table by rule, then the findings, errors first."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator

from flowise_mock.lint.findings import SEVERITIES, Finding

WIDTH = 80
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NAME = 32
_FEW = 1
"""Findings that need no table."""


def text(findings: list[Finding], files: int, most: int) -> str:
    """The table, the first findings in full, the rest as a number."""
    ordered = sorted(findings, key=lambda each: -SEVERITIES.index(each.severity))
    blocks = ["\n".join(_table(ordered))] if len(findings) > _FEW else []
    seen: set[str] = set()
    for each in ordered[:most]:
        blocks.append("\n".join(_block(each, each.rule not in seen)))
        seen.add(each.rule)
    return "\n\n".join([*blocks, "\n".join(_sum(findings, files, most))])


def _table(ordered: list[Finding]) -> Iterator[str]:
    """A row for each rule: how many, how severe, and where the first one is."""
    rules: dict[str, list[Finding]] = {}
    for each in ordered:
        rules.setdefault(each.rule, []).append(each)
    width = min(_NAME, max(len(name) for name in [*rules, "rule"]))
    yield f"{'count':>6}  {'severity':<8}  {'rule':<{width}}  first"
    rows = sorted(rules.values(), key=lambda held: (-SEVERITIES.index(held[0].severity), -len(held)))
    for held in rows:
        first = held[0]
        row = f"{len(held):>6,}  {first.severity:<8}  {first.rule:<{width}}  "
        yield row + _fitted(f"{first.file}:{first.line}", WIDTH - len(row))


def _fitted(place: str, room: int) -> str:
    """A place whose beginning is cut if it is too long: the line number is at its end."""
    return place if len(place) <= room else f"…{place[len(place) - room + 1 :]}"


def _block(finding: Finding, first: bool) -> Iterator[str]:
    """A finding; the first one of a rule says how to fix it."""
    yield f"{finding.file}:{finding.line}:{finding.column} {finding.severity} {finding.rule}"
    yield from _wrapped(_clean(finding.message), "  ")
    if finding.source.strip():
        line, caret = _window(_clean(finding.source).replace("\t", " "), finding.column - 1)
        yield f"  | {line}"
        yield f"  | {_blank(line[:caret])}^"
    if finding.pointer:
        yield from _wrapped(f"at {_clean(finding.pointer)}", "  ")
    if finding.remedy and first:
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


def _sum(findings: list[Finding], files: int, most: int) -> Iterator[str]:
    counts = {name: sum(each.severity == name for each in findings) for name in ("error", "warning", "info")}
    listed = ", ".join(_count(count, name) for name, count in counts.items() if count)
    yield f"{_count(files, 'file')}: {listed or 'clean'}"
    if len(findings) > most:
        rest = f"{len(findings) - most:,} more are not shown"
        yield f"{rest}; --all shows them, --rule NAME those of one rule"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 or word == 'info' else 's'}"
