"""The report that code scanning reads: SARIF 2.1.0, each deviation at its operation's line of the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowise_mock.conform.checks import CHECKS
from flowise_mock.conform.positions import Place, places, sources
from flowise_mock.reports import sarif

Run = dict[str, Any]


def text(run: Run, file: Path | None = None) -> str:
    """The run as SARIF: new deviations are errors, known ones suppressed, notes are notes."""
    known = places(sources(run["contract"], file))
    told = [(each, "error") for each in [*run["new"], *run["expired"]]]
    told += [(each, "error") for each in run["known"]] + [(each, "note") for each in run["notes"]]
    rules = [sarif.Rule(id, CHECKS.get(id, id)) for id in sorted({each["check"] for each, _ in told})]
    results = [_result(run, each, level, known) for each, level in told]
    return sarif.text(
        "flowise-mock", run["tool"].split()[-1], rules, results, run["status"], fingerprint="deviation/v1"
    )


def _result(run: Run, each: dict[str, Any], level: str, known: dict[str, Place]) -> sarif.Result:
    operation = run["operations"].get(each["operation"], {})
    place = known.get(f"{operation.get('method')} {operation.get('path')}", Place("openapi.yaml", 1))
    message = f"{each['operation']}: {each['what']}. Expected {each['expected']}.\n{each['curl']}"
    identity = "\0".join((each["operation"], each["check"], each["what"]))
    reason = each["baseline"]["reason"] or "in the baseline" if each in run["known"] else ""
    return sarif.Result(each["check"], level, message, place.file, place.line, identity, known=reason)
