"""JUnit XML, which CI systems read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """A test: it passes, or has a failure, or a reason why it is skipped, or an error."""

    name: str
    failure: str | None = None
    text: str = ""
    kind: str = ""
    skipped: str | None = None
    error: str | None = None


class Suite(NamedTuple):
    """The tests of one thing."""

    name: str
    cases: list[Case]


def text(name: str, suites: Iterable[Suite], seconds: float = 0) -> str:
    """The suites as XML."""
    listed = list(suites)
    cases = [case for suite in listed for case in suite.cases]
    head = f"<testsuites name={attribute(name)} {_counts(cases)} time={attribute(str(seconds))}>"
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *map(_suite, listed), "</testsuites>"])


def _counts(cases: list[Case]) -> str:
    failures = sum(case.failure is not None for case in cases)
    errors = sum(case.error is not None for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" errors="{errors}"'


def _suite(suite: Suite) -> str:
    skipped = sum(case.skipped is not None for case in suite.cases)
    head = f'<testsuite name={attribute(suite.name)} {_counts(suite.cases)} skipped="{skipped}" time="0">'
    return "\n".join([head, *(_case(suite.name, case) for case in suite.cases), "</testsuite>"])


def _case(suite: str, case: Case) -> str:
    inner = ""
    if case.failure is not None:
        kind = f" type={attribute(case.kind)}" if case.kind else ""
        inner = f"<failure{kind} message={attribute(case.failure)}>{escape(_clean(case.text))}</failure>"
    elif case.skipped is not None:
        inner = f"<skipped message={attribute(case.skipped)}/>"
    elif case.error is not None:
        inner = f"<error message={attribute(case.error)}/>"
    return f'<testcase name={attribute(case.name)} classname={attribute(suite)} time="0">{inner}</testcase>'


def attribute(value: str) -> str:
    """A value in quotes, without characters that XML does not have."""
    return quoteattr(_clean(value))


def _clean(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
