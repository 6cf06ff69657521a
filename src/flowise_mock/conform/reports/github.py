"""Annotations for GitHub Actions: one for each cause, at a line of the user's repository if there is one."""

from __future__ import annotations

from typing import Any

from flowise_mock.conform.reports import script, terminal
from flowise_mock.conform.reports.locations import Locations
from flowise_mock.reports import github

Run = dict[str, Any]
MOST = 40
"""GitHub shows no more than fifty in one step."""


def text(run: Run, locations: Locations) -> str:
    held = {each["id"]: each for each in [*run["new"], *run["expired"]]}
    lines = [_line(run, cause, held[cause["deviations"][0]], locations) for cause in run["causes"][:MOST]]
    lines += [github.command("warning", doubt, "inconclusive") for doubt in run["doubts"][:5]]
    lines += [github.command("notice", _fixed(each), "fixed") for each in run["vanished"][:5]]
    return "\n".join(lines)


def _fixed(each: dict[str, Any]) -> str:
    return f"{each['operation']} {each['check']}: remove line {each['line']} of the baseline"


def _line(run: Run, cause: dict[str, Any], first: dict[str, Any], locations: Locations) -> str:
    level = "notice" if cause["severity"] == "minor" else "error"
    number = len(cause["deviations"])
    several = f"{number} deviation{'s' * (number != 1)} in {terminal.where(cause)}"
    message = f"{several}, such as {first['operation']} {first['check']}: {first['what']}\n{script.command(run, first)}"
    file, line = locations.of(first) or ("", 0)
    return github.command(level, message, cause["title"], file, line)
