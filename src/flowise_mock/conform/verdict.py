"""The verdict: does the server conform, and did the run see enough to tell?"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.evidence import Record
from flowise_mock.conform.safety import SAFE, Rules

CONFORMS, DEVIATES, UNUSABLE, INCONCLUSIVE = 0, 1, 2, 3
WORDS = {CONFORMS: "conforms", DEVIATES: "deviates", UNUSABLE: "unusable", INCONCLUSIVE: "inconclusive"}


class Verdict(NamedTuple):
    """The exit status and why."""

    status: int
    reasons: list[str]

    @property
    def word(self) -> str:
        return WORDS[self.status]


def doubts(contract: Contract, record: Record, rules: Rules, phases: dict[str, dict[str, Any]]) -> list[str]:
    """Why a run proves nothing: phases that did not run, operations that never succeeded, too few cases."""
    found = [
        f"the phase {name} did not end: {phase['doubt']}"
        for name, phase in phases.items()
        if phase.get("doubt")
    ]
    for operation in in_scope(contract, rules):
        if not record.any_success(operation) and not is_explained(record, operation):
            why = record.unasked.get(operation)
            found.append(f"{operation} was never answered 2xx" + (f": {why}" if why else ""))
    for name, phase in phases.items():
        if phase.get("cases", 0) < phase.get("floor", 0):
            found.append(f"the phase {name} made {phase['cases']} cases, fewer than {phase['floor']}")
    return found


def is_explained(record: Record, operation: str) -> bool:
    """Whether something was found that tells why an operation never succeeds."""
    return any(
        not each.note or each.check in ("valid_request_succeeds", "operation_exists")
        for each in record.findings.of(operation)
    )


def in_scope(contract: Contract, rules: Rules) -> list[str]:
    """The operations that a run has to see succeed: without writes, those that read and take no ID."""
    if rules.writes:
        return list(contract.operations)
    return [
        id
        for id, operation in contract.operations.items()
        if operation.method in SAFE and not any(p.get("required") for p in contract.parameters(id))
    ]
