"""Probes of methods that no operation documents: 404 or 405 is right, 2xx and 5xx are not."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from flowise_mock.conform.client import SAFE_METHODS, Request, Response
from flowise_mock.conform.judge import Failure
from flowise_mock.conform.session import Session

PHASE = "probes"
OF_ONE = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_ALL = ("GET", "PATCH")
"""Methods for a path without an ID: PUT and DELETE could replace or delete all records, POST make one."""


def probe(session: Session) -> None:
    """Send undocumented methods to each path; they name nothing that is there."""
    contract = session.contract
    known = contract.methods()
    for number, operation in enumerate(_first_of_paths(session)):
        path = contract.operations[operation].path
        session.report(PHASE, f"methods of {path}", 0.7 + 0.3 * number / len(known))
        for method in OF_ONE if "{" in path else OF_ALL:
            if method not in known[path] and (session.rules.writes or method in SAFE_METHODS):
                _probe(session, operation, method, path)


def _first_of_paths(session: Session) -> Iterator[str]:
    """The first operation of each path: a method is reported once, under this one."""
    seen = set()
    for id, operation in session.contract.operations.items():
        if operation.path not in seen:
            seen.add(operation.path)
            if session.only in ("", id):
                yield id


def _probe(session: Session, operation: str, method: str, path: str) -> None:
    unknown = re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), path)
    if session.contract.is_documented(method, unknown):
        return
    request = Request(operation, method, unknown)
    response = session.send(request)
    if response is None:
        return
    failure = judge(session, method, response)
    if failure:
        session.observations.add(PHASE, request, response, failure)


def judge(session: Session, method: str, response: Response) -> Failure | None:
    """What is wrong with the response to an undocumented method."""
    expected = f"404 or 405 for {method}"
    if response.error:
        return Failure("unsupported_method", "no answer to an undocumented method", expected)
    if session.contract.describes_version and session.judge.is_absent(response):
        return None
    if response.status >= 500 or response.success:
        what = f"{response.status} for an undocumented method"
        return Failure("unsupported_method", what, expected)
    return None
