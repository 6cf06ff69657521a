"""What a run saw: how often each operation was called and succeeded, and deviations with their evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from flowise_mock.conform import records
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.curl import KEY
from flowise_mock.conform.deviations import Deviation, Findings, Key
from flowise_mock.conform.journal import Journal
from flowise_mock.conform.judge import Failure, message

PERMISSION = "permission"
DENIED = f"needs {PERMISSION}"
"""Why an operation was not seen: the key of the run has no permission for it."""
SECRETS = re.compile(r'("(?:apiKey|apiSecret|webhookSecret)"\s*:\s*")(?!\$)[^"]*("|$)')
Counts = dict[str, dict[str, int]]


class Observations:
    """Findings, and per operation and phase how many requests and how many 2xx."""

    def __init__(
        self, contract: Contract, key: str | None, journal: Journal, makes: Mapping[str, str]
    ) -> None:
        self.findings = Findings()
        self.cases: Counter[tuple[str, str]] = Counter()
        self.successes: Counter[tuple[str, str]] = Counter()
        self.statuses: dict[str, Counter[int]] = {}
        self.unseen: dict[str, str] = {}
        """Why an operation could not be called, by its ID."""
        self._contract = contract
        self._key = key
        self._journal = journal
        self._makes = makes
        """The kind of record that an operation makes."""

    def saw(self, phase: str, operation: str, response: Response) -> None:
        self.cases[operation, phase] += 1
        self.statuses.setdefault(operation, Counter())[response.status] += 1
        if response.success:
            self.successes[operation, phase] += 1

    def add(
        self, phase: str, request: Request, response: Response, found: Failure,
        *, scope: str = "", outside: str = "",
    ) -> None:  # fmt: skip
        """Add a failure. In a contract that describes a version, a documented 5xx is a fact."""
        note = found.note or (self._contract.describes_version and is_fact(found, request))
        operation = found.operation or request.operation
        what = self.masked(found.what)
        if not self.findings.evidence_is_needed(Key(operation, found.check, what), note):
            self.findings.add(Deviation(operation, found.check, what, note=note))
            return
        steps = self._journal.needed(request, scope)
        deviation = Deviation(
            operation, found.check, what,
            expected=self.masked(found.expected),
            got=self.masked(response.summary()),
            request=self.masked(f"{request.method} {request.url}"),
            curl=self.masked(self._journal.command(request)),
            steps=tuple(steps),
            undo=tuple(undo(self._makes.get(request.operation, ""), "${id}")) if request.writes else (),
            phase=phase,
            status=response.status,
            message=self.masked(message(response.json()))[:300],
            subject=found.subject,
            outside=outside,
            note=note,
        )  # fmt: skip
        self.findings.add(deviation)

    def is_denied(self, request: Request, response: Response) -> bool:
        """Whether the key may not call an operation: that says nothing about the server."""
        denied = response.status == 403 and request.key and not self.succeeded(request.operation)
        if denied:
            self.unseen.setdefault(request.operation, DENIED)
        return denied

    def masked(self, text: str) -> str:
        """A text for a report: without the key of the run, and without those that a list of keys shows."""
        return SECRETS.sub(r'\1***"', text.replace(self._key, KEY) if self._key else text)

    def totals(self, counted: Counter[tuple[str, str]]) -> Counts:
        """Counts by operation, then phase."""
        made: Counts = {}
        for (operation, phase), number in sorted(counted.items()):
            made.setdefault(operation, {})[phase] = number
        return made

    def succeeded(self, operation: str) -> bool:
        return any(number for (name, _), number in self.successes.items() if name == operation)

    def was_called(self, operation: str) -> bool:
        return any(name == operation for name, _ in self.cases)


def undo(kind: str, id: str) -> list[str]:
    """The commands that delete a record."""
    known = records.kinds().get(kind)
    steps = [line.split(" ", 1) for line in known.delete] if known else []
    return [
        f'curl -s -X {method} -H "Authorization: Bearer {KEY}" "$URL{path.replace("{id}", id)}" >/dev/null'
        for method, path in steps
    ]


def is_fact(found: Failure, request: Request) -> bool:
    """Whether a failure is one that the contract of a version takes for granted.

    Those servers never answer a request for a stream that cannot begin.
    """
    return found.check in WELL_MADE or (found.check == "answers_in_time" and request.streams)


WELL_MADE = {
    "not_a_server_error", "negative_data_rejection", "positive_data_acceptance", "unsupported_method",
    "invalid_is_refused",
    "allow_header_conformance", "stream_frame", "parameter_has_effect",
}  # fmt: skip
"""Checks that ask whether a server is well made, not whether it does what its contract says."""
