"""The report that CI systems read: JUnit XML, a suite for each operation, a test for each deviation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.conform.reports import script
from flowise_mock.reports import junit

Run = dict[str, Any]


def text(run: Run) -> str:
    """New and expired deviations are failures, known ones are skipped, doubts are errors."""
    suites = [junit.Suite(id, list(_cases(run, id))) for id in run["operations"]]
    if run["doubts"]:
        suites.append(junit.Suite("run", [junit.Case(doubt, error=doubt) for doubt in run["doubts"]]))
    return junit.text(run["tool"], suites, run["seconds"]) + "\n"


def _cases(run: Run, id: str) -> Iterator[junit.Case]:
    failed = [each for each in [*run["new"], *run["expired"]] if each["operation"] == id]
    for each in failed:
        yield junit.Case(_name(each), failure=_name(each), text=_evidence(run, each))
    for each in run["known"]:
        if each["operation"] == id:
            yield junit.Case(_name(each), skipped=f"known: {each['baseline']['reason']}")
    if id in run["unseen"]:
        yield junit.Case("is seen", skipped=run["unseen"][id])
    elif not failed:
        yield junit.Case("keeps the contract")


def _name(deviation: dict[str, Any]) -> str:
    return f"{deviation['check']}: {deviation['what']}"


def _evidence(run: Run, each: dict[str, Any]) -> str:
    return (
        f"expected: {each['expected']}\ngot: {each['got']}\nrequest: {each['request']}\n"
        f"repeat: {script.command(run, each)}\nor by this script:\n\n{script.text(run, each)}"
    )
