"""Probes of the pages of lists: each page is answered, and pages hold different records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.conform import records
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.judge import Failure
from flowise_mock.conform.requests import request
from flowise_mock.conform.session import Session

PHASE = "probes"
FAR = 1000


def probe(session: Session, operation: str) -> None:
    """Request the first pages of a list and one beyond its end. An undocumented page may not be an error."""
    if not _is_list(session, operation):
        return
    documented = session.contract.parameter(operation, "page") is not None
    first: list[Any] = []
    for page in (1, 2, 3, FAR):
        sent = request(session.contract, operation, {"page": page, "limit": 1})
        response = session.send(sent)
        if response is None or session.observations.is_denied(sent, response):
            return
        found = [*_judged(session, sent, response, page, documented)]
        if documented and response.success:
            ids = [row.get("id") for row in records.rows(response.json())]
            found += _compared(page, ids, first, _total(response))
            first = first or ids
        for failure in found:
            session.observations.add(PHASE, sent, response, failure)


def _is_list(session: Session, operation: str) -> bool:
    definition = session.contract.operations[operation]
    if definition.method != "get" or "{" in definition.path:
        return False
    paged = session.contract.parameter(operation, "page") is not None
    return paged or records.is_record_list(definition.path)


def _judged(
    session: Session, sent: Request, response: Response, page: int, documented: bool
) -> Iterator[Failure]:
    if documented:
        session.observations.saw(PHASE, sent.operation, response)
    if documented or response.error:
        yield from session.judge.judge(sent.operation, response)
    if session.judge.is_absent(response):
        return
    if response.status >= 500 or (documented and not response.success and not response.error):
        yield Failure("page_is_served", f"{response.status} for {_name(page)}", "the page")


def _compared(page: int, ids: list[Any], first: list[Any], total: int | None) -> Iterator[Failure]:
    if len(ids) > 1:
        yield Failure("parameter_has_effect", "limit has no effect", "one record on a page")
    elif page > 1 and ids and ids == first:
        yield Failure("parameter_has_effect", "page has no effect", "other records on page 2")
    elif page == FAR and ids and total is not None and total < FAR:
        yield Failure("parameter_has_effect", "page has no effect", "no record beyond the end")


def _total(response: Response) -> int | None:
    body = response.json()
    total = body.get("total") if isinstance(body, dict) else None
    return total if isinstance(total, int) else None


def _name(page: int) -> str:
    """A page in words that do not depend on how many records there are."""
    return "page 1" if page == 1 else "a page after the first"
