"""The report that CI systems read: JUnit XML, a suite for each operation, a test for each deviation."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from flowise_mock.conform.reports import script

Run = dict[str, Any]
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(run: Run) -> str:
    """New and expired deviations are failures, known ones are skipped, doubts are errors."""
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
    cases = [_case(id, _name(each), _failure(run, each)) for each in failed]
    cases += [
        _case(id, _name(each), f"<skipped message={_attribute('known: ' + each['baseline']['reason'])}/>")
        for each in known
    ]
    if id in run["unseen"]:
        cases.append(_case(id, "is seen", f"<skipped message={_attribute(run['unseen'][id])}/>"))
    elif not failed:
        cases.append(_case(id, "keeps the contract", ""))
    skipped = len(known) + (id in run["unseen"])
    head = (
        f'<testsuite name={_attribute(id)} tests="{len(cases)}" failures="{len(failed)}" skipped="{skipped}">'
    )
    return head + "".join(cases) + "</testsuite>\n"


def _name(deviation: dict[str, Any]) -> str:
    return f"{deviation['check']}: {deviation['what']}"


def _case(suite: str, name: str, content: str) -> str:
    return f"<testcase classname={_attribute(suite)} name={_attribute(name)}>{content}</testcase>"


def _failure(run: Run, each: dict[str, Any]) -> str:
    shown = (
        f"expected: {each['expected']}\ngot: {each['got']}\nrequest: {each['request']}\n"
        f"repeat: {script.command(run, each)}\nor by this script:\n\n{script.text(run, each)}"
    )
    return f"<failure message={_attribute(_name(each))}>{escape(_NOT_XML.sub('?', shown))}</failure>"


def _attribute(value: str) -> str:
    return quoteattr(_NOT_XML.sub("?", value))
