"""The report for a pull request or the summary of a job: Markdown, short, causes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.conform.reports import script, terminal

Run = dict[str, Any]
LIMIT = 60_000
"""GitHub takes comments of 65,536 characters."""
MARKS = {"conforms": "✅", "deviates": "❌", "inconclusive": "⚠️"}
ROWS = 5
"""Rows of one cause."""


def text(run: Run) -> str:
    shown = ""
    for part in _parts(run):
        if len(shown) + len(part) > LIMIT:
            return shown + "\n… the rest is in the JSON report.\n"
        shown += part + "\n"
    return shown


def _parts(run: Run) -> Iterator[str]:
    server = f"Flowise {run['server']}" if run["server"] else "The server"
    yield f"### {MARKS[run['verdict']]} {server} {_safe(run['headline'])}, contract `{run['contract']}`\n"
    for doubt in run["doubts"]:
        if not run["headline"].endswith(doubt):
            yield f"- ⚠️ {_safe(doubt)}"
    if run["causes"]:
        yield "\n| | cause | operations | deviations |\n|---|---|---|---|"
        for number, cause in enumerate(run["causes"], 1):
            yield f"| {number} | {_safe(cause['title'])} ({cause['severity']}) | {_operations(cause)} | {len(cause['deviations'])} |"
    if run["writes"]:
        yield f"\n{_safe(terminal.summary(run['records']))}"
    for entry in run["vanished"]:
        yield f"- now fixed, remove line {entry['line']} of the baseline: `{entry['operation']}` {entry['check']}: {_safe(entry['what'])}"
    held = {each["id"]: each for each in [*run["new"], *run["expired"]]}
    for number, cause in enumerate(run["causes"], 1):
        yield from _details(run, number, cause, [held[id] for id in cause["deviations"]])


def _operations(cause: dict[str, Any]) -> str:
    names = ", ".join(f"`{each}`" for each in cause["operations"][:3])
    more = len(cause["operations"]) - 3
    return f"{names} and {more} more" if more > 0 else names


def _details(run: Run, number: int, cause: dict[str, Any], members: list[dict[str, Any]]) -> Iterator[str]:
    yield f"\n<details><summary>{number}. {_safe(cause['title'])}</summary>\n"
    rows = terminal.grouped(members)
    for what, operations in list(rows.items())[:ROWS]:
        yield f"- {_safe(what)}: {', '.join(operations[:6])}{' …' if len(operations) > 6 else ''}"
    if len(rows) > ROWS:
        yield f"- … {len(rows) - ROWS} more"
    yield f"\n```sh\n{script.command(run, members[0])}\n```\n</details>"


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
