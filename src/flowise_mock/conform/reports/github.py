"""Annotations for GitHub Actions, at the lines of the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowise_mock.conform.reports.positions import Place, places, sources

Run = dict[str, Any]
MOST = 50
"""GitHub shows no more in one step."""


def text(run: Run, file: Path | None = None) -> str:
    known = places(sources(run["contract"], file))
    lines = [_line("error", run, each, known) for each in [*run["new"], *run["expired"]][:MOST]]
    lines += [f"::warning title=inconclusive::{_escaped(doubt)}" for doubt in run["doubts"]]
    lines += [
        f"::notice title=fixed::{_escaped(e['operation'] + ' ' + e['check'])}: remove line {e['line']} of the baseline"
        for e in run["vanished"]
    ]
    return "\n".join(lines)


def _line(level: str, run: Run, each: dict[str, Any], known: dict[str, Place]) -> str:
    operation = run["operations"].get(each["operation"], {})
    place = known.get(f"{operation.get('method')} {operation.get('path')}", Place("openapi.yaml", 1))
    title = _property(f"{each['operation']} {each['check']}")
    message = f"{each['what']}. Expected {each['expected']}.\n{each['curl']}"
    return f"::{level} file={_property(place.file)},line={place.line},title={title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
