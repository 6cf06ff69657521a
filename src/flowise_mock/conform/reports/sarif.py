"""The report that code scanning reads: SARIF 2.1.0, each deviation at its operation's line of the document."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from flowise_mock.conform.checks import CHECKS
from flowise_mock.conform.reports.positions import Place, places, sources

Run = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def text(run: Run, file: Path | None = None) -> str:
    """The run as SARIF: new deviations are errors, known ones suppressed, notes are notes."""
    known = places(sources(run["contract"], file))
    told = [(each, "error") for each in [*run["new"], *run["expired"]]]
    told += [(each, "error") for each in run["known"]] + [(each, "note") for each in run["notes"]]
    rules = sorted({each["check"] for each, _ in told})
    results = [_result(run, each, level, known, rules) for each, level in told]
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
    run: Run, each: dict[str, Any], level: str, known: dict[str, Place], rules: list[str]
) -> dict[str, Any]:  # fmt: skip
    operation = run["operations"].get(each["operation"], {})
    place = known.get(f"{operation.get('method')} {operation.get('path')}", Place("openapi.yaml", 1))
    message = f"{each['operation']}: {each['what']}. Expected {each['expected']}.\n{each['curl']}"
    made: dict[str, Any] = {
        "ruleId": each["check"],
        "ruleIndex": rules.index(each["check"]),
        "level": level,
        "message": {"text": message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": place.file},
                    "region": {"startLine": place.line},
                }
            }
        ],
        "partialFingerprints": {"deviation/v1": _fingerprint(each)},
    }
    if each in run["known"]:
        reason = each["baseline"]["reason"] or "in the baseline"
        made["suppressions"] = [{"kind": "external", "justification": reason}]
    return made


def _fingerprint(each: dict[str, Any]) -> str:
    return hashlib.sha256("\0".join((each["operation"], each["check"], each["what"])).encode()).hexdigest()[
        :32
    ]
