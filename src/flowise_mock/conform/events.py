"""Reads the events of Schemathesis: counts cases, judges responses, names failures."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from flowise_mock.conform import records
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.journal import Step
from flowise_mock.conform.judge import Failure
from flowise_mock.conform.session import Session

OURS = {"status_code_conformance", "content_type_conformance", "response_schema_conformance"}
"""Checks that the judge makes too; its words for what it finds are the same in every run."""
ECHOED = {"response_schema_conformance", "undocumented_field"}
"""Checks that invalid data fail if the server returns them as they are."""


class Reader:
    """Takes in events, and what the hooks made meanwhile."""

    def __init__(self, session: Session, operations: int) -> None:
        self._session = session
        self._base = urlsplit(session.client.url).path
        known = session.contract.operations
        self._ids = {(each.method.upper(), each.path): id for id, each in known.items()}
        self._steps = len(session.ledger.steps()) if session.rules.writes else 0
        self._softened: set[str] = set()
        self._scenarios, self._expected = 0, 3 * operations

    def take(self, event: dict[str, Any]) -> None:
        finished = event.get("ScenarioFinished")
        if finished is None:
            return
        self._note_made()
        recorder, phase = finished["recorder"], finished["phase"]
        self._scenarios += 1
        self._session.report("generated", recorder["label"], self._scenarios / self._expected)
        for id, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"].get(id, {}).get("value", {})
            operation = self._ids.get((case.get("method"), case.get("path")))
            if operation:
                valid = case.get("meta", {}).get("generation", {}).get("mode") != "negative"
                checks = [
                    each for each in recorder.get("checks", {}).get(id, [])
                    if not (id in self._softened and each["name"] == "negative_data_rejection")
                ]  # fmt: skip
                self._exchange(operation, phase, interaction, checks, valid)

    def _note_made(self) -> None:
        """Take over what the hooks made: its records are of this run, its requests are steps of scripts."""
        session = self._session
        if not session.rules.writes:
            return
        for made in session.ledger.all():
            session.ownership.adopt(made.kind, made.id)
            session.journal.kinds[made.id] = made.kind
        self._softened = session.ledger.softened_cases()
        steps = session.ledger.steps()
        for request, saves in steps[self._steps :]:
            session.journal.add(Step(request, saves))
        self._steps = len(steps)

    def _exchange(
        self, operation: str, phase: str, interaction: dict[str, Any], checks: list[dict[str, Any]],
        valid: bool,
    ) -> None:  # fmt: skip
        """Take in a request and its response. The response to invalid data is not judged by its schema:
        that they were accepted is the failure."""
        session = self._session
        response = _response(interaction.get("response"))
        sent = _request(operation, interaction["request"], self._base)
        session.observations.saw(phase, operation, response)
        failures = [
            each
            for each in session.judge.judge(operation, response)
            if (valid and not self._lists_all(operation)) or each.check not in ECHOED
        ]
        if not response.error and not session.judge.is_absent(response):
            failures += self._failures(operation, sent, response, checks)
        for failure in failures:
            session.observations.add(phase, sent, response, failure)

    def _lists_all(self, operation: str) -> bool:
        """Whether an operation lists what is there: that differs from run to run, so walks judge it."""
        path = self._session.contract.operations[operation].path
        return "{" not in path and records.is_record_list(path)

    def _failures(
        self, operation: str, sent: Request, response: Response, checks: list[dict[str, Any]]
    ) -> list[Failure]:
        """What Schemathesis found, as far as the judge does not find it itself."""
        found = []
        for check in checks:
            if check["status"] == "failure" and check["name"] not in OURS:
                failure = _failure(check, sent, response)
                if failure.check == "positive_data_acceptance":
                    may = self._session.judge.may_refuse(operation, response)
                    failure = failure._replace(note=may)
                if not (failure.check == "missing_required_header" and "'Authorization'" in failure.expected):
                    found.append(failure)
        return found


def _failure(check: dict[str, Any], sent: Request, response: Response) -> Failure:
    """A failure of Schemathesis, in words that are the same in every run."""
    failure = check["failure_info"]["failure"]
    name, title = check["name"], failure["title"]
    lines = [line for line in str(failure.get("message", "")).splitlines() if line.strip()]
    what = {
        "not_a_server_error": f"{response.status} for generated data",
        "negative_data_rejection": f"{response.status} for invalid data",
        "positive_data_acceptance": f"{response.status} for valid data",
        "unsupported_method": f"{response.status} for {sent.method}",
        "missing_required_header": f"{response.status} without a required header",
        "ignored_auth": f"{response.status} instead of 401",
    }.get(name, title)
    expected = EXPECTED.get(name) or (f"{title}: {' '.join(lines)}" if lines else title)
    return Failure(name, what, expected[:400])


EXPECTED = {
    "not_a_server_error": "no server error",
    "negative_data_rejection": "a refusal",
    "positive_data_acceptance": "2xx",
    "unsupported_method": "405",
    "ignored_auth": "401",
}


def _response(held: dict[str, Any] | None) -> Response:
    if held is None:
        return Response(error="no answer within the time")
    body = (held.get("content") or {}).get("$base64", "")
    headers = {name.lower(): ", ".join(values) for name, values in held["headers"].items()}
    return Response(held["status_code"], headers, base64.b64decode(body), held.get("elapsed", 0.0))


def _request(operation: str, sent: dict[str, Any], base: str) -> Request:
    """A request as it was sent. Its key is not recorded: `Request.key` says whether there was one."""
    parts = urlsplit(sent["uri"])
    body = (sent.get("body") or {}).get("$base64")
    headers = {
        name: ", ".join(values) for name, values in sent["headers"].items()
        if name.lower() in ("content-type", "accept")
    }  # fmt: skip
    path = parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
    key = any(name.lower() == "authorization" for name in sent["headers"])
    content = base64.b64decode(body) if body else None
    return Request(operation, sent["method"], path, headers=headers, content=content, key=key)
