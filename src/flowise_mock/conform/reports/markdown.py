"""The report that fits into a pull-request comment: Markdown, short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.conform.reports.terminal import total

Run = dict[str, Any]
LIMIT = 60_000
"""GitHub takes comments of 65,536 characters."""
MARKS = {"conforms": "✅", "deviates": "❌", "inconclusive": "⚠️"}


def text(run: Run) -> str:
    told = ""
    for part in _parts(run):
        if len(told) + len(part) > LIMIT:
            return told + "\n… the rest is in the JSON report.\n"
        told += part + "\n"
    return told


def _parts(run: Run) -> Iterator[str]:
    server = f"Flowise {run['server']}" if run["server"] else "The server"
    yield f"### {MARKS[run['verdict']]} {server} {run['verdict']} (contract `{run['contract']}`)\n"
    answered = sum(1 for id in run["operations"] if total(run["successes"], id))
    cases = sum(phase["cases"] for phase in run["phases"].values())
    yield f"{answered} of {len(run['operations'])} operations answered 2xx · {cases} cases · {run['seconds']} s · {len(run['new'])} new, {len(run['known'])} known, {len(run['expired'])} expired, {len(run['vanished'])} fixed · {len(run['notes'])} notes\n"
    for doubt in run["doubts"]:
        yield f"- ⚠️ {_safe(doubt)}"
    if run["new"] or run["expired"]:
        yield "\n| operation | check | what | expected |\n|---|---|---|---|"
        for each in [*run["new"], *run["expired"]]:
            yield f"| `{each['operation']}` | {each['check']} | {_safe(each['what'])} | {_safe(each['expected'])[:120]} |"
    for entry in run["vanished"]:
        yield f"- now fixed, remove line {entry['line']} of the baseline: `{entry['operation']}` {entry['check']}: {_safe(entry['what'])}"
    if run["new"]:
        first = run["new"][0]
        yield f"\n<details><summary>Repeat the first</summary>\n\n```sh\n{first['curl']}\n```\n</details>"


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
