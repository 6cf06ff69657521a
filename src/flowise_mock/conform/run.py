"""A conformance run: reach the server, walk, probe, generate, clean up, say the verdict."""

from __future__ import annotations

import datetime
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowise_mock import __version__
from flowise_mock.conform import baseline, generated, ledger, probes, safety, target, verdict, walks
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.deviations import Deviation
from flowise_mock.conform.evidence import MASK, Record
from flowise_mock.conform.judge import Judge
from flowise_mock.conform.ledger import Ledger, Made
from flowise_mock.conform.safety import Rules
from flowise_mock.conform.target import Target
from flowise_mock.conform.verdict import Verdict

Progress = Callable[[str, str], None]
Run = dict[str, Any]


@dataclass
class Options:
    """What a run is asked for."""

    url: str
    contract: Contract
    key: str | None = None
    allow_writes: bool = False
    allowed: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    phases: tuple[str, ...] = ("walks", "probes", "generated")
    seed: int = 1
    max_examples: int = 3
    max_time: int | None = None
    seconds: float = 15.0
    rate: float | None = None
    verify: bool = True
    ledger: Path | None = None
    keep: bool = False
    baseline: Path | None = None
    passed: tuple[str, ...] = ()
    """Options for Schemathesis itself."""
    filters: tuple[str, ...] = ()
    """Those of them that the user gave: they may leave something out."""


class Interrupted(Exception):
    """The user or the system ended the run."""


def run(options: Options, progress: Progress = lambda *_: None) -> Run:
    """A whole run, as data that every report is made of. Raises TargetError, LedgerError, BaselineError."""
    entries = baseline.load(options.baseline) if options.baseline and options.baseline.exists() else []
    local = safety.is_loopback(target.address(options.url)[0])
    rate = options.rate if options.rate is not None else (0.0 if local else 10.0)
    found = target.reach(options.url, options.key, seconds=options.seconds, rate=rate, verify=options.verify)
    rules = safety.rules(found.wire.url, options.allow_writes, options.allowed)
    started = datetime.datetime.now(datetime.UTC)
    clock = time.monotonic()
    record = Record(options.contract, found.wire)
    book = Ledger(options.ledger or _place())
    mark = f"conform-{secrets.token_hex(4)}"
    if rules.writes:
        book.open(found.wire.url, mark)
    phases: dict[str, dict[str, Any]] = {}
    left: list[Made] = []
    interrupted = False
    try:
        for name in options.phases:
            with _phase(phases, record, name):
                _PHASES[name](options, found, record, book, rules, mark, progress)
    except (KeyboardInterrupt, Interrupted):
        interrupted = True
    finally:
        if rules.writes:
            progress("clean-up", "")
            left = book.left() if options.keep else ledger.clean(book, found.wire, walks.bundled())
        found.wire.close()
    if rules.writes and not left and options.ledger is None:
        book.path.unlink(missing_ok=True)
    told = _told(options, found, rules, record, phases, entries, left, interrupted)
    return {
        **told, "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "mark": mark, "ledger": str(book.path) if rules.writes and (left or options.ledger) else "",
    }  # fmt: skip


def _place() -> Path:
    folder = Path(tempfile.gettempdir()) / "flowise-mock"
    return folder / f"ledger-{secrets.token_hex(4)}.jsonl"


@contextmanager
def _phase(phases: dict[str, dict[str, Any]], record: Record, name: str) -> Iterator[None]:
    """Counts what a phase did; a server that is lost in it is a doubt, and the run goes on to its report."""
    phases[name] = {"cases": 0, "successes": 0, "seconds": 0.0, "floor": 1}
    clock = time.monotonic()
    try:
        yield
    except Lost as error:
        phases[name]["doubt"] = str(error)
    except (KeyboardInterrupt, Interrupted):
        phases[name]["doubt"] = "it was interrupted"
        raise
    finally:
        phases[name]["seconds"] = round(time.monotonic() - clock, 1)
        within = [key for key in record.cases if phase_of(key[1]) == name]
        phases[name]["cases"] = sum(record.cases[key] for key in within)
        phases[name]["successes"] = sum(record.successes[key] for key in within)


class Lost(Exception):
    """The server is gone."""


def phase_of(name: str) -> str:
    return name if name in ("walks", "probes") else "generated"


def _alive(found: Target) -> None:
    from flowise_mock.conform.wire import Request

    answer = found.wire.send(Request("ping", "GET", "/ping", key=False))
    if answer.trouble:
        raise Lost(f"the server answers no more: {answer.trouble}")


def _walk(
    options: Options, found: Target, record: Record, book: Ledger, rules: Rules, mark: str, progress: Progress
) -> None:
    held = walks.bundled()
    values = {**held["values"], **options.values, "mark": mark, "key": found.wire.key}
    judge = Judge(options.contract, found.absent)
    walker = walks.Walker(
        options.contract, found.wire, judge, record, book, rules, held, values, frozenset(options.values)
    )
    walker.run(lambda name: progress("walks", name))
    _alive(found)


def _probe(
    options: Options, found: Target, record: Record, book: Ledger, rules: Rules, mark: str, progress: Progress
) -> None:
    judge = Judge(options.contract, found.absent)
    held = walks.bundled()
    values = {**held["values"], **options.values, "mark": mark}
    prober = probes.Prober(options.contract, found.wire, judge, record, book, rules, held, values)
    prober.run(lambda name: progress("probes", name))
    _alive(found)


def _generate(
    options: Options, found: Target, record: Record, book: Ledger, rules: Rules, mark: str, progress: Progress
) -> None:
    judge = Judge(options.contract, found.absent)
    asked = generated.Asked(
        options.seed, options.max_examples, options.max_time, options.verify, options.rate, options.passed
    )
    generated.run(
        options.contract, found.wire, judge, record, book, rules, mark, walks.bundled(), asked,
        lambda name: progress("generated", name),
    )  # fmt: skip
    _alive(found)


_PHASES = {"walks": _walk, "probes": _probe, "generated": _generate}


def _told(
    options: Options, found: Target, rules: Rules, record: Record, phases: dict[str, dict[str, Any]],
    entries: list[baseline.Entry], left: list[Made], interrupted: bool,
) -> Run:  # fmt: skip
    contract = options.contract
    deviations = [each for each in record.findings if not each.note]
    notes = [each for each in record.findings if each.note]
    judged = whole(options, phases, {operation for operation, _ in record.cases})
    sorted_ = baseline.sort(deviations, entries, found.version, datetime.date.today(), judged)
    why = verdict.doubts(contract, record, rules, phases)
    if interrupted:
        why.insert(0, "the run was interrupted")
    final = _verdict(sorted_, why)
    return {
        "tool": f"flowise-mock {__version__}",
        "url": found.wire.url,
        "server": found.version,
        "contract": contract.name,
        "title": contract.title,
        "seed": options.seed,
        "writes": rules.writes,
        "verdict": final.word,
        "status": final.status,
        "reasons": final.reasons,
        "doubts": why,
        "interrupted": interrupted,
        "phases": phases,
        "operations": {
            id: {"method": each.method.upper(), "path": each.path, "tag": each.tag}
            for id, each in contract.operations.items()
        },
        "cases": record.totals(record.cases),
        "successes": record.totals(record.successes),
        "unasked": record.unasked,
        "new": [each.as_json() for each in sorted_.new],
        "known": [_known(*pair) for pair in sorted_.known],
        "expired": [_known(*pair) for pair in sorted_.expired],
        "vanished": [entry._asdict() for entry in sorted_.vanished],
        "notes": [each.as_json() for each in notes],
        "left": [{"kind": each.kind, "id": each.id} for each in left],
        "key": MASK if found.wire.key else "",
    }


def _known(deviation: Deviation, entry: baseline.Entry) -> dict[str, Any]:
    return {**deviation.as_json(), "baseline": entry._asdict()}


def _verdict(sorted_: baseline.Sorted, why: list[str]) -> Verdict:
    reasons = []
    if sorted_.new:
        reasons.append(f"{len(sorted_.new)} deviations")
    if sorted_.expired:
        reasons.append(f"{len(sorted_.expired)} known deviations whose baseline entry has expired")
    if reasons:
        return Verdict(verdict.DEVIATES, [*reasons, *why])
    return Verdict(verdict.INCONCLUSIVE if why else verdict.CONFORMS, why)


def update_baseline(options: Options, run: Run) -> int:
    """Write what a run found into its baseline; how many entries that has."""
    assert options.baseline is not None
    found = [Deviation(**{k: v for k, v in each.items() if k != "baseline"}) for each in every(run)]
    judged = whole(options, run["phases"], set(run["cases"]))
    return baseline.update(options.baseline, found, run["server"], run["contract"], judged)


def whole(options: Options, phases: dict[str, dict[str, Any]], judged: set[str]) -> set[str]:
    """The operations of which a run saw all that there is to see: none, where it left something out."""
    full = set(phases) == set(_PHASES) and not any(phase.get("doubt") for phase in phases.values())
    return judged if full and not any(each.startswith("--") for each in options.filters) else set()


def every(run: Run) -> list[dict[str, Any]]:
    """All deviations of a run, known or not."""
    return [*run["new"], *run["expired"], *run["known"]]
