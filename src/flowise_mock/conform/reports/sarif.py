"""The report that code scanning reads: SARIF 2.1.0, each deviation at a line of the user's repository."""

from __future__ import annotations

from typing import Any

from flowise_mock.conform.checks import CHECKS
from flowise_mock.conform.reports import script
from flowise_mock.conform.reports.locations import Locations
from flowise_mock.reports import sarif

Run = dict[str, Any]
LEVELS = {"security": "error", "data": "error", "failure": "error", "contract": "warning", "minor": "note"}


def text(run: Run, locations: Locations) -> str:
    """The run as SARIF: new deviations by their severity, known ones suppressed, notes as notes."""
    causes = [*run["causes"], *run["known_causes"]]
    levels = {id: LEVELS[cause["severity"]] for cause in causes for id in cause["deviations"]}
    found = [*run["new"], *run["expired"], *run["known"], *run["notes"]]
    rules = [sarif.Rule(id, CHECKS.get(id, id)) for id in sorted({each["check"] for each in found})]
    results = [_result(run, each, levels.get(each["id"], "note"), locations) for each in found]
    version = run["tool"].split()[-1]
    return sarif.text("flowise-mock", version, rules, results, run["status"], fingerprint="deviation/v1")


def _result(run: Run, each: dict[str, Any], level: str, locations: Locations) -> sarif.Result:
    repeat = script.command(run, each)
    message = f"{each['operation']}: {each['what']}. Expected {each['expected']}.\nRepeat: {repeat}"
    identity = "\0".join((each["operation"], each["check"], each["what"]))
    properties = {"id": each["id"], "operation": each["operation"]}
    if not each["note"]:
        properties["script"] = script.text(run, each)
    file, line = locations.of(each) or ("", 0)
    known = (each["baseline"]["reason"] or "in the baseline") if each in run["known"] else ""
    return sarif.Result(
        each["check"], level, message, file, line, identity, known=known, properties=properties
    )
