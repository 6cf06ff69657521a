"""The result of a run as data: every report is made of it."""

from __future__ import annotations

import datetime
import shlex
from typing import Any, NamedTuple

from flowise_mock import __version__
from flowise_mock.conform import baseline, causes, inventory, records, verdict, walks
from flowise_mock.conform.cleanup import Cleaned
from flowise_mock.conform.curl import KEY
from flowise_mock.conform.deviations import Deviation
from flowise_mock.conform.inventory import Found, Inventory
from flowise_mock.conform.observations import undo
from flowise_mock.conform.options import PHASES, Options
from flowise_mock.conform.session import Session

Run = dict[str, Any]
Phases = dict[str, dict[str, Any]]


class Outcome(NamedTuple):
    """What a run did and saw."""

    options: Options
    session: Session
    version: str
    phases: Phases
    entries: list[baseline.Entry]
    before: Inventory
    cleaned: Cleaned
    interrupted: bool
    started: str
    seconds: float


def as_json(outcome: Outcome) -> Run:
    options, session = outcome.options, outcome.session
    contract, observations = session.contract, session.observations
    findings = list(observations.findings)
    called = {operation for operation, _ in observations.cases}
    judged = complete(options, outcome.phases, called - _limited(session))
    today = datetime.date.today()
    sorted_ = baseline.sort(
        [each for each in findings if not each.note], outcome.entries, outcome.version, today, judged
    )
    failing = [*sorted_.new, *(each for each, _ in sorted_.expired)]
    known = [each for each, _ in sorted_.known]
    groups, known_groups = causes.grouped(failing), causes.grouped(known)
    coverage = verdict.coverage(session)
    why = verdict.doubts(coverage, outcome.phases, options.expect_coverage, outcome.interrupted)
    final = verdict.verdict(coverage, len(sorted_.new), len(sorted_.expired), len(known), len(groups), why)
    return {
        "tool": f"flowise-mock {__version__}",
        "url": session.client.url,
        "server": outcome.version,
        "contract": contract.name,
        "title": contract.title,
        "command": command(options),
        "baseline": str(options.baseline or ""),
        "seed": options.seed,
        "writes": session.rules.writes,
        "verdict": final.word,
        "status": final.status,
        "headline": final.headline,
        "doubts": why,
        "interrupted": outcome.interrupted,
        "phases": outcome.phases,
        "operations": {
            id: {"method": each.method.upper(), "path": each.path, "tag": each.tag}
            for id, each in contract.operations.items()
        },
        "judged": sorted(judged),
        "seen": coverage.seen,
        "unseen": coverage.unseen,
        "cases": observations.totals(observations.cases),
        "successes": observations.totals(observations.successes),
        "causes": groups,
        "known_causes": known_groups,
        "new": [each.as_json() for each in sorted_.new],
        "known": [_known(*pair) for pair in sorted_.known],
        "expired": [_known(*pair) for pair in sorted_.expired],
        "vanished": [entry._asdict() for entry in sorted_.vanished],
        "notes": [each.as_json() for each in findings if each.note],
        "steps": _steps(session, findings),
        "undo": _undo(session),
        "records": _records(outcome),
        "key": KEY if session.client.key else "",
        "started": outcome.started,
        "seconds": outcome.seconds,
        "mark": session.mark,
        "ledger": str(session.ledger.path) if session.rules.writes and session.ledger.path.exists() else "",
    }  # fmt: skip


def _limited(session: Session) -> set[str]:
    """The operations of which a run did not see all, since an outside service is missing."""
    return walks.operations_of_services(session.missing) | {*session.observations.unseen}


def _known(deviation: Deviation, entry: baseline.Entry) -> dict[str, Any]:
    return {**deviation.as_json(), "baseline": entry._asdict()}


def command(options: Options) -> str:
    """The command of the run without what only affects its reports; `--only ID` repeats a deviation."""
    words = ["flowise-mock", "conform", options.url]
    if options.contract.file:
        words += ["--document", str(options.contract.file)]
    elif options.contract.name != "clients":
        words += ["--contract", options.contract.name]
    if options.allow_writes:
        words.append("--allow-writes")
    for name, value in options.values.items():
        words += ["--set", f"{name}={value if isinstance(value, str) else _json(value)}"]
    if options.seed != 1:
        words += ["--seed", str(options.seed)]
    if options.max_examples != 3:
        words += ["--max-examples", str(options.max_examples)]
    return shlex.join([*words, *options.filters])


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


# --- scripts -----------------------------------------------------------------------------------------


def _steps(session: Session, findings: list[Deviation]) -> dict[str, str]:
    """The lines of scripts, by the index of their step."""
    used = sorted({index for each in findings if not each.note for index in each.steps})
    return {str(index): session.observations.masked(session.journal.line(index)) for index in used}


def _undo(session: Session) -> dict[str, list[str]]:
    """The lines that delete what a step makes, by its index."""
    found: dict[str, list[str]] = {}
    for index, step in enumerate(session.journal.steps):
        for id in step.saves:
            kind = session.journal.kinds.get(id, "")
            if session.journal.is_origin(id, index):
                lines = undo(kind, f"${{{session.journal.variable(id)}}}")
                found[str(index)] = [*found.get(str(index), []), *lines]
    return {index: lines for index, lines in found.items() if lines}


# --- records -----------------------------------------------------------------------------------------


def _records(outcome: Outcome) -> dict[str, Any]:
    """What the run left, and what became of the records that were there before it."""
    cleaned, before = outcome.cleaned, outcome.before
    difference = inventory.compare(before, cleaned.after)
    own = {*outcome.session.ownership.own, *(each.id for each in cleaned.lasting)}
    appeared = [each for each in difference.appeared if each.id not in own and _is_reported(each)]
    return {
        "checked": cleaned.read + len(before.found),
        "before": len(before.found),
        "made": cleaned.read + len(cleaned.lasting),
        "changed": [str(each) for each in difference.changed],
        "vanished": [str(each) for each in difference.vanished],
        "appeared": [str(each) for each in appeared],
        "left": [{"kind": each.kind, "id": each.id} for each in cleaned.left],
        "lasting": [{"kind": each.kind, "id": each.id} for each in cleaned.lasting],
        "unread": {**before.unread, **cleaned.after.unread},
    }


def _is_reported(found: Found) -> bool:
    """Whether a new record is worth a line: what belongs to a flow comes with each message to it."""
    return not records.kinds()[found.kind].of_chatflow


# --- baselines ---------------------------------------------------------------------------------------


def update_baseline(options: Options, run: Run) -> int:
    """Write what a run found into its baseline; how many entries that has."""
    assert options.baseline is not None
    found = [Deviation.from_json(each) for each in every(run)]
    return baseline.update(options.baseline, found, run["server"], run["contract"], set(run["judged"]))


def complete(options: Options, phases: Phases, judged: set[str]) -> set[str]:
    """The operations of which a run saw all that there is to see: none, if it left something out."""
    full = set(phases) == set(PHASES) and not any(phase.get("doubt") for phase in phases.values())
    limited = options.only or any(each.startswith("--") for each in options.filters)
    return judged if full and not limited else set()


def every(run: Run) -> list[dict[str, Any]]:
    """All deviations of a run, known or not."""
    return [*run["new"], *run["expired"], *run["known"]]
