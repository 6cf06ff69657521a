"""Annotations for GitHub Actions: one for each cause, at a line of the user's repository if there is one."""

from __future__ import annotations

from typing import Any

from flowise_mock.conform.reports import script, terminal
from flowise_mock.conform.reports.locations import Locations

Run = dict[str, Any]
MOST = 40
"""GitHub shows no more than fifty in one step."""


def text(run: Run, locations: Locations) -> str:
    held = {each["id"]: each for each in [*run["new"], *run["expired"]]}
    lines = [_line(run, cause, held[cause["deviations"][0]], locations) for cause in run["causes"][:MOST]]
    lines += [f"::warning title=inconclusive::{_escaped(doubt)}" for doubt in run["doubts"][:5]]
    lines += [
        f"::notice title=fixed::{_escaped(e['operation'] + ' ' + e['check'])}: remove line {e['line']} of the baseline"
        for e in run["vanished"][:5]
    ]
    return "\n".join(lines)


def _line(run: Run, cause: dict[str, Any], first: dict[str, Any], locations: Locations) -> str:
    level = "notice" if cause["severity"] == "minor" else "error"
    place = locations.of(first)
    where = f"file={_property(place.file)},line={place.line}," if place else ""
    number = len(cause["deviations"])
    several = f"{number} deviation{'s' * (number != 1)} in {terminal.where(cause)}"
    message = f"{several}, such as {first['operation']} {first['check']}: {first['what']}\n{script.command(run, first)}"
    return f"::{level} {where}title={_property(cause['title'])}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
