"""Annotations for GitHub Actions, at the lines of the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowise_mock.conform.positions import Place, places, sources
from flowise_mock.reports import github

Run = dict[str, Any]
MOST = 50
"""GitHub shows no more in one step."""


def text(run: Run, file: Path | None = None) -> str:
    known = places(sources(run["contract"], file))
    lines = [_line("error", run, each, known) for each in [*run["new"], *run["expired"]][:MOST]]
    lines += [github.command("warning", doubt, "inconclusive") for doubt in run["doubts"]]
    lines += [github.command("notice", _fixed(each), "fixed") for each in run["vanished"]]
    return "\n".join(lines)


def _fixed(each: dict[str, Any]) -> str:
    return f"{each['operation']} {each['check']}: remove line {each['line']} of the baseline"


def _line(level: str, run: Run, each: dict[str, Any], known: dict[str, Place]) -> str:
    operation = run["operations"].get(each["operation"], {})
    place = known.get(f"{operation.get('method')} {operation.get('path')}", Place("openapi.yaml", 1))
    message = f"{each['what']}. Expected {each['expected']}.\n{each['curl']}"
    return github.command(level, message, f"{each['operation']} {each['check']}", place.file, place.line)
