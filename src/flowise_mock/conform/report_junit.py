"""The report that CI systems read: JUnit XML, a test per operation and check."""

from __future__ import annotations

from typing import Any

from flowise_mock.reports import junit

Run = dict[str, Any]


def text(run: Run) -> str:
    """A suite per operation; new and expired deviations are failures, known ones are skipped."""
    suites = [junit.Suite(id, _cases(run, id)) for id in run["operations"]]
    if run["doubts"]:
        suites.append(junit.Suite("run", [junit.Case(doubt, error=doubt) for doubt in run["doubts"]]))
    return junit.text(run["tool"], suites, run["seconds"]) + "\n"


def _cases(run: Run, id: str) -> list[junit.Case]:
    failed = [each for each in [*run["new"], *run["expired"]] if each["operation"] == id]
    known = [each for each in run["known"] if each["operation"] == id]
    cases = [junit.Case(_name(each), failure=_name(each), text=_evidence(each)) for each in failed]
    cases += [junit.Case(_name(each), skipped=f"known: {each['baseline']['reason']}") for each in known]
    return cases if failed else [*cases, junit.Case("keeps the contract")]


def _name(deviation: dict[str, Any]) -> str:
    return f"{deviation['check']}: {deviation['what']}"


def _evidence(each: dict[str, Any]) -> str:
    return f"expected: {each['expected']}\ngot: {each['got']}\n{each['curl']}"
