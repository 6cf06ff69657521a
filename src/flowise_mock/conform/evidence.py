"""Turns a fault of an answer into a deviation with its evidence: expected, got, a curl line; never a key."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.deviations import Deviation, Findings
from flowise_mock.conform.judge import Fault
from flowise_mock.conform.wire import Answer, Request, Wire, curl

MASK = "$FLOWISE_API_KEY"


class Record:
    """What a run saw: findings, and per operation and phase how many cases and how many 2xx."""

    def __init__(self, contract: Contract, wire: Wire) -> None:
        self.findings = Findings()
        self.cases: Counter[tuple[str, str]] = Counter()
        self.successes: Counter[tuple[str, str]] = Counter()
        self.unasked: dict[str, str] = {}
        self.statuses: dict[str, Counter[int]] = {}
        self._contract = contract
        self._wire = wire

    def saw(self, phase: str, operation: str, answer: Answer) -> None:
        self.cases[operation, phase] += 1
        self.statuses.setdefault(operation, Counter())[answer.status] += 1
        if answer.success:
            self.successes[operation, phase] += 1

    def fault(self, phase: str, request: Request, answer: Answer, found: Fault) -> None:
        """Note a fault. In a contract that tells what a version does, a 5xx is a fact."""
        self.findings.add(
            Deviation(
                found.operation or request.operation,
                found.check,
                self.masked(found.what),
                self.masked(found.expected),
                self.masked(answer.told()),
                self.masked(curl(self._wire.url, request)),
                phase,
                found.note or (self._contract.lenient and is_fact(found, request)),
            )
        )

    def masked(self, text: str) -> str:
        key = self._wire.key
        return text.replace(key, MASK) if key else text

    def totals(self, counted: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
        """Counts by operation, then phase."""
        made: dict[str, dict[str, int]] = {}
        for (operation, phase), number in sorted(counted.items()):
            made.setdefault(operation, {})[phase] = number
        return made

    def any_success(self, operation: str) -> bool:
        return any(number for (name, _), number in self.successes.items() if name == operation)

    def as_json(self) -> dict[str, Any]:
        return {
            "cases": self.totals(self.cases),
            "successes": self.totals(self.successes),
            "unasked": self.unasked,
            "deviations": [each.as_json() for each in self.findings],
        }


def is_fact(found: Fault, request: Request) -> bool:
    """Whether a fault is one that the contract of a real version takes for granted.

    Those servers never answer a stream that cannot begin.
    """
    streams = b"streaming" in (request.content or b"") or "streaming" in str(request.json)
    return found.check in WELL_MADE or (found.check == "answers_in_time" and streams)


WELL_MADE = {
    "not_a_server_error", "negative_data_rejection", "positive_data_acceptance", "unsupported_method",
    "invalid_is_refused",
    "allow_header_conformance", "missing_required_header", "stream_frame", "parameter_has_effect",
    "ignored_auth", "use_after_free", "ensure_resource_availability", "operation_exists",
}  # fmt: skip
"""Checks that ask whether a server is well made, not whether it does what is written."""
