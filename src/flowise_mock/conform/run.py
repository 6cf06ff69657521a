"""A conformance run: list what is there, walk, probe, generate, clean up, list again, give the verdict."""

from __future__ import annotations

import contextlib
import datetime
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowise_mock.conform import (
    baseline,
    bundled,
    cleanup,
    generated,
    inventory,
    probes,
    records,
    result,
    safety,
    target,
    walks,
)
from flowise_mock.conform.cleanup import Cleaned
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.inventory import Inventory
from flowise_mock.conform.journal import Journal
from flowise_mock.conform.judge import Failure, Judge
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.observations import Observations
from flowise_mock.conform.options import Options
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.progress import Event
from flowise_mock.conform.requests import fill
from flowise_mock.conform.session import Session
from flowise_mock.conform.target import Target

Notify = Callable[[Event], None]
Run = dict[str, Any]


class LostError(Exception):
    """The server does not answer any more."""


def run(options: Options, notify: Notify = lambda event: None) -> Run:
    """A whole run, as data that every report is made of. Raises TargetError, LedgerError, BaselineError."""
    entries = []
    if options.baseline and options.baseline.exists():
        entries = baseline.load(options.baseline, options.contract.name)
    local = safety.is_loopback(target.address(options.url))
    rate = options.rate if options.rate is not None else (0.0 if local else 10.0)
    found = target.reach(options.url, options.key, seconds=options.seconds, rate=rate, verify=options.verify)
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    try:
        return _run(options, found, entries, notify, rate, started, clock)
    finally:
        found.client.close()


def _run(
    options: Options, found: Target, entries: list[baseline.Entry], notify: Notify, rate: float,
    started: datetime.datetime, clock: float,
) -> Run:  # fmt: skip
    rules = safety.rules(found.client.url, options.allow_writes, options.allowed)
    before = Inventory()
    if rules.writes:
        notify(Event("before", "what is there"))
        before = inventory.take(found.client)
    session = _session(options, found, rules, before, notify)
    phases, interrupted = _phases(session, options, rate)
    cleaned = _clean(session, before) if rules.writes else Cleaned([], [], [], Inventory(), 0)
    if rules.writes:
        _judge_others(session, before, cleaned)
        if not cleaned.left and options.ledger is None:
            session.ledger.path.unlink(missing_ok=True)
    outcome = result.Outcome(
        options, session, found.version, phases, entries, before, cleaned, interrupted,
        started.isoformat(timespec="seconds"), round(time.monotonic() - clock, 1),
    )  # fmt: skip
    return result.as_json(outcome)


def _session(
    options: Options, found: Target, rules: safety.Rules, before: Inventory, notify: Notify
) -> Session:
    ownership = Ownership(f"conform-{secrets.token_hex(4)}", before.ids())
    found.client.forbids = ownership.forbids
    journal = Journal()
    ledger = Ledger(options.ledger or _place())
    if rules.writes:
        ledger.open(found.client.url, ownership.mark, ownership.before)
    own_rows = ownership.own_rows if rules.writes else lambda path, value: value
    defaults = fill(bundled.walks()["values"], {"mark": ownership.mark})
    values = {**defaults, **options.values, "mark": ownership.mark, "key": found.client.key}
    return Session(
        options.contract, found.client, Judge(options.contract, found.absent, own_rows),
        Observations(options.contract, found.client.key, journal, _kinds()), journal, ledger, rules,
        ownership, values, frozenset(options.values), options.only_operation, notify=notify,
    )  # fmt: skip


def _kinds() -> dict[str, str]:
    """The kind of record that each operation makes."""
    return {operation: kind for operation, (kind, _) in probes.makers().items()}


def _place() -> Path:
    folder = Path(tempfile.gettempdir()) / "flowise-mock"
    return folder / f"ledger-{secrets.token_hex(4)}.jsonl"


# --- phases ------------------------------------------------------------------------------------------


def _phases(session: Session, options: Options, rate: float) -> tuple[dict[str, dict[str, Any]], bool]:
    """Run the phases; what each did, and whether the run was interrupted."""
    generation = generated.Generation(
        options.seed,
        options.max_examples,
        options.max_time,
        options.verify,
        rate,
        options.passed,
        options.events,
    )
    steps: dict[str, Callable[[], None]] = {
        "walks": lambda: walks.Walker(session).run(),
        "probes": lambda: probes.Prober(session).run(),
        "generated": lambda: generated.run(session, generation),
    }
    phases: dict[str, dict[str, Any]] = {}
    try:
        for name in options.phases:
            with _phase(phases, session, name):
                steps[name]()
                _check_alive(session)
            if options.only and is_found(session, options.only):
                break
    except KeyboardInterrupt:
        return phases, True
    return phases, False


def is_found(session: Session, id: str) -> bool:
    """Whether the deviation that the run is to repeat was seen."""
    return any(each.key.id == id and each.curl for each in session.observations.findings)


@contextlib.contextmanager
def _phase(phases: dict[str, dict[str, Any]], session: Session, name: str) -> Iterator[None]:
    """Count what a phase did; a server that is lost is a doubt, and the run goes on to its report."""
    phases[name] = {"cases": 0, "successes": 0, "seconds": 0.0}
    clock = time.monotonic()
    try:
        yield
    except LostError as error:
        phases[name]["doubt"] = str(error)
    except KeyboardInterrupt:
        phases[name]["doubt"] = "it was interrupted"
        raise
    finally:
        observations = session.observations
        phases[name]["seconds"] = round(time.monotonic() - clock, 1)
        within = [key for key in observations.cases if phase_of(key[1]) == name]
        phases[name]["cases"] = sum(observations.cases[key] for key in within)
        phases[name]["successes"] = sum(observations.successes[key] for key in within)


def phase_of(name: str) -> str:
    return name if name in ("walks", "probes") else "generated"


def _check_alive(session: Session) -> None:
    response = session.client.send(Request("ping", "GET", "/ping", key=False))
    if response.error:
        raise LostError(f"the server answers no more: {response.error}")


# --- what is left ------------------------------------------------------------------------------------


def _clean(session: Session, before: Inventory) -> Cleaned:
    """Delete what the run made. A deletion that is answered with success and does nothing is a deviation."""
    session.report("clean-up", "")
    cleaned = cleanup.clean(
        session.client, session.ledger, session.ownership, before.flows,
        lambda what: session.report("clean-up", what, 0.5),
    )  # fmt: skip
    for lie in cleaned.lies:
        operation = _operation(session.contract, lie.request, lie.record.kind)
        failure = Failure("deleted_is_gone", "2xx, and the record is still there", "the record is gone")
        if operation:
            session.observations.add("clean-up", _renamed(lie.request, operation), lie.response, failure)
    return cleaned


def _renamed(request: Request, operation: str) -> Request:
    return Request(operation, request.method, request.path)


def _operation(contract: Contract, request: Request, kind: str) -> str | None:
    """The operation of the contract that deletes a kind of record."""
    path = records.kinds()[kind].delete[-1].partition(" ")[2]
    return next(
        (id for id, each in contract.operations.items() if (each.method, each.path) == ("delete", path)), None
    )


def _judge_others(session: Session, before: Inventory, cleaned: Cleaned) -> None:
    """A record of others that carries the mark of the run was changed by it, though no request named it."""
    for each in inventory.compare(before, cleaned.after).changed:
        operation = _update_of(session.contract, each.kind)
        if operation and session.mark in str(each.row):
            what = f"a {each.kind} that no request names has what the run sent"
            failure = Failure("others_are_untouched", what, "no change")
            sent = Request(operation, "GET", records.kinds()[each.kind].list)
            session.observations.add("clean-up", sent, Response(200), failure)


def _update_of(contract: Contract, kind: str) -> str | None:
    path = records.kinds()[kind].delete[-1].partition(" ")[2] if records.kinds()[kind].delete else ""
    return next(
        (id for id, each in contract.operations.items() if (each.method, each.path) == ("put", path)), None
    )
