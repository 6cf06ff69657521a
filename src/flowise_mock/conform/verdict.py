"""The verdict: does the server conform, and did the run see enough to say so?"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.conform.observations import DENIED
from flowise_mock.conform.safety import SAFE
from flowise_mock.conform.session import Session
from flowise_mock.conform.walks import SERVICES

CONFORMS, DEVIATES, UNUSABLE, INCONCLUSIVE = 0, 1, 2, 3
WORDS = {CONFORMS: "conforms", DEVIATES: "deviates", UNUSABLE: "unusable", INCONCLUSIVE: "inconclusive"}
READ_ONLY = "read-only"
COSTLY = "may cost money"
Phases = dict[str, dict[str, Any]]


class Coverage(NamedTuple):
    """Which operations a run saw work, and why it did not see the others."""

    seen: list[str]
    unseen: dict[str, str]

    @property
    def total(self) -> int:
        return len(self.seen) + len(self.unseen)


class Verdict(NamedTuple):
    """The exit status, and the line that says why."""

    status: int
    headline: str

    @property
    def word(self) -> str:
        return WORDS[self.status]


def coverage(session: Session) -> Coverage:
    """The operations that were seen: answered 2xx, or known to fail for a reason that was found."""
    ids = [session.only] if session.only else list(session.contract.operations)
    unseen = {id: _why_unseen(session, id) for id in ids if not _is_seen(session, id)}
    return Coverage([id for id in ids if id not in unseen], unseen)


def _is_seen(session: Session, operation: str) -> bool:
    observations = session.observations
    if observations.succeeded(operation):
        return True
    if session.contract.never_succeeds(operation):
        return observations.was_called(operation)
    explains = ("valid_request_succeeds", "operation_exists")
    return any(not each.note or each.check in explains for each in observations.findings.of(operation))


def _why_unseen(session: Session, operation: str) -> str:
    rules, contract, observations = session.rules, session.contract, session.observations
    reads = contract.operations[operation].method in SAFE
    takes_id = any(each.get("required") for each in contract.parameters(operation))
    if not rules.writes and (not reads or takes_id):
        return READ_ONLY
    if (operation, "walks") not in observations.cases and not rules.generates(contract, operation):
        return COSTLY
    return observations.unseen.get(operation, "no request succeeded")


def doubts(found: Coverage, phases: Phases, expected: int | None, interrupted: bool) -> list[str]:
    """Why a run proves nothing: it was cut short, or did not see all operations in scope."""
    why = ["the run was interrupted"] if interrupted else []
    why += [
        f"the phase {name} did not end: {phase['doubt']}"
        for name, phase in phases.items()
        if phase.get("doubt") and not interrupted
    ]
    why += [f"the phase {name} sent no request" for name, phase in phases.items() if not phase["cases"]]
    if expected is not None and len(found.seen) >= expected:
        return why
    if expected is not None:
        why.append(f"{len(found.seen)} of {found.total} operations seen, fewer than the {expected} expected")
    return [*why, *_unseen(found)]


def _unseen(found: Coverage) -> list[str]:
    """One sentence for each reason, with what to do about it."""
    reasons: dict[str, list[str]] = {}
    for operation, why in found.unseen.items():
        reasons.setdefault(why, []).append(operation)
    return [_sentence(why, operations, len(found.seen)) for why, operations in reasons.items()]


def _sentence(why: str, operations: list[str], seen: int) -> str:
    number = f"{len(operations)} operation{'s' * (len(operations) > 1)} unseen"
    expect = f"--expect-coverage {seen}"
    if why == READ_ONLY:
        return f"{number}, since read-only; pass --allow-writes or {expect}"
    if why == COSTLY:
        allow = " ".join(f"--allow {each}" for each in operations)
        return f"{number}, since it may cost money; pass {allow} or {expect}"
    if why == DENIED:
        return f"{number}, since the key has no permission (403); pass a key that has all, or {expect}"
    service = why.removeprefix("needs ")
    if service in SERVICES:
        noun, options = SERVICES[service]
        return f"{number}, since there is no {noun} behind the server; pass {options} or {expect}"
    listed = ", ".join(operations[:3]) + (" …" if len(operations) > 3 else "")
    return f"{number} ({listed}): {why}"


def verdict(found: Coverage, new: int, expired: int, known: int, causes: int, why: list[str]) -> Verdict:
    """The verdict and its headline."""
    coverage = f"{len(found.seen)} of {found.total} operations"
    if new or expired:
        several = f"{new} deviation{'s' * (new != 1)}" + (f", {expired} expired" if expired else "")
        known_too = f", {known} known" if known else ""
        return Verdict(
            DEVIATES, f"deviates: {causes} cause{'s' * (causes != 1)}, {several}{known_too} ({coverage})"
        )
    if why:
        return Verdict(INCONCLUSIVE, f"inconclusive: {why[0]}")
    if known:
        return Verdict(CONFORMS, f"conforms to its baseline ({known} known, {coverage})")
    return Verdict(CONFORMS, f"conforms ({coverage})")
