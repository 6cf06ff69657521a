"""The report that CI systems read: JUnit XML, a test per operation and check."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Run = dict[str, Any]
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(run: Run) -> str:
    """A suite per operation; new and expired deviations are failures, known ones are skipped."""
    suites = "".join(_suite(run, id) for id in run["operations"])
    failures = len(run["new"]) + len(run["expired"])
    doubts = "".join(_case("run", doubt, f"<error message={_attribute(doubt)}/>") for doubt in run["doubts"])
    extra = f'<testsuite name="run" tests="{len(run["doubts"])}" errors="{len(run["doubts"])}">{doubts}</testsuite>\n'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(run["tool"])}'
        f' failures="{failures}" time="{run["seconds"]}">\n{suites}{extra if doubts else ""}</testsuites>\n'
    )


def _suite(run: Run, id: str) -> str:
    failed = [each for each in [*run["new"], *run["expired"]] if each["operation"] == id]
    known = [each for each in run["known"] if each["operation"] == id]
    cases = [_case(id, _name(each), _failure(each)) for each in failed]
    cases += [
        _case(id, _name(each), f"<skipped message={_attribute('known: ' + each['baseline']['reason'])}/>")
        for each in known
    ]
    if not failed:
        cases.append(_case(id, "keeps the contract", ""))
    head = f'<testsuite name={_attribute(id)} tests="{len(cases)}" failures="{len(failed)}" skipped="{len(known)}">'
    return head + "".join(cases) + "</testsuite>\n"


def _name(deviation: dict[str, Any]) -> str:
    return f"{deviation['check']}: {deviation['what']}"


def _case(suite: str, name: str, content: str) -> str:
    return f"<testcase classname={_attribute(suite)} name={_attribute(name)}>{content}</testcase>"


def _failure(each: dict[str, Any]) -> str:
    told = f"expected: {each['expected']}\ngot: {each['got']}\n{each['curl']}"
    return f"<failure message={_attribute(_name(each))}>{escape(_NOT_XML.sub('?', told))}</failure>"


def _attribute(value: str) -> str:
    return quoteattr(_NOT_XML.sub("?", value))
