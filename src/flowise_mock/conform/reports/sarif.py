"""The report that code scanning reads: SARIF 2.1.0, each deviation at a line of the user's repository."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flowise_mock.conform.checks import CHECKS
from flowise_mock.conform.reports import script
from flowise_mock.conform.reports.locations import Locations

Run = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"security": "error", "data": "error", "failure": "error", "contract": "warning", "minor": "note"}


def text(run: Run, locations: Locations) -> str:
    """The run as SARIF: new deviations by their severity, known ones suppressed, notes as notes."""
    severities = {
        id: cause["severity"]
        for cause in [*run["causes"], *run["known_causes"]]
        for id in cause["deviations"]
    }
    found = [*run["new"], *run["expired"], *run["known"]]
    leveled = [(each, LEVELS[severities[each["id"]]]) for each in found]
    leveled += [(each, "note") for each in run["notes"]]
    rules = sorted({each["check"] for each, _ in leveled})
    results = [_result(run, each, level, locations, rules) for each, level in leveled]
    tool = {
        "name": "flowise-mock", "version": run["tool"].split()[-1],
        "rules": [{"id": rule, "shortDescription": {"text": CHECKS.get(rule, rule)}} for rule in rules],
    }  # fmt: skip
    done = {"executionSuccessful": run["status"] in (0, 1), "exitCode": run["status"]}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": tool}, "invocations": [done], "results": results, "columnKind": "unicodeCodePoints"}],
    }  # fmt: skip
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _result(
    run: Run, each: dict[str, Any], level: str, locations: Locations, rules: list[str]
) -> dict[str, Any]:  # fmt: skip
    message = f"{each['operation']}: {each['what']}. Expected {each['expected']}.\nRepeat: {script.command(run, each)}"
    made: dict[str, Any] = {
        "ruleId": each["check"],
        "ruleIndex": rules.index(each["check"]),
        "level": level,
        "message": {"text": message},
        "partialFingerprints": {"deviation/v1": _fingerprint(each)},
        "properties": {"id": each["id"], "operation": each["operation"]},
    }
    place = locations.of(each)
    if place is not None:
        artifact, region = {"uri": place.file}, {"startLine": place.line}
        made["locations"] = [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    if not each["note"]:
        made["properties"]["script"] = script.text(run, each)
    if "baseline" in each and each in run["known"]:
        reason = each["baseline"]["reason"] or "in the baseline"
        made["suppressions"] = [{"kind": "external", "justification": reason}]
    return made


def _fingerprint(each: dict[str, Any]) -> str:
    key = "\0".join((each["operation"], each["check"], each["what"]))
    return hashlib.sha256(key.encode()).hexdigest()[:32]
