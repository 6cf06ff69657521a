"""The report that the terminal shows: a matrix of operations and checks, then each deviation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

Run = dict[str, Any]


def text(run: Run, most: int = 200) -> str:
    return "\n".join(lines(run, most))


def lines(run: Run, most: int) -> Iterator[str]:
    yield from head(run)
    yield ""
    yield from matrix(run)
    told = [*run["new"], *run["expired"]]
    for deviation in told[:most]:
        yield ""
        yield from _deviation(deviation, run["seed"])
    if len(told) > most:
        yield f"\n… and {len(told) - most} more: --report json=FILE has all"
    yield ""
    yield from tail(run)


def head(run: Run) -> Iterator[str]:
    server = f"Flowise {run['server']}" if run["server"] else "a server"
    yield f"{server} at {run['url']}, contract {run['contract']}" + ("" if run["writes"] else ", read-only")
    for name, phase in run["phases"].items():
        yield f"  {name:<10} {phase['cases']:>6} cases {phase['successes']:>6} 2xx {phase['seconds']:>7} s"


def matrix(run: Run) -> Iterator[str]:
    """Operations by checks, with the number of cases that failed; only what failed has a row."""
    found = [*run["new"], *run["expired"], *run["known"]]
    counts: Counter[tuple[str, str]] = Counter()
    for each in found:
        counts[each["operation"], each["check"]] += each["count"]
    checks = sorted({check for _, check in counts})
    letters = {
        check: chr(ord("A") + n) if n < 26 else f"A{chr(ord('A') + n - 26)}" for n, check in enumerate(checks)
    }
    rows = [id for id in run["operations"] if any((id, check) in counts for check in checks)]
    others = sorted({operation for operation, _ in counts} - set(rows))
    yield f"{'operation':<42} {'cases':>6} {'2xx':>5}  " + " ".join(
        f"{letters[check]:>4}" for check in checks
    )
    for id in [*rows, *others]:
        cells = " ".join(f"{counts[id, check] or '.':>4}" for check in checks)
        yield f"{id:<42} {total(run['cases'], id):>6} {total(run['successes'], id):>5}  {cells}"
    quiet = len(run["operations"]) - len(rows)
    yield f"{quiet} operations without a deviation" if rows else "no operation deviates"
    for check in checks:
        yield f"  {letters[check]} {check}"


def total(counts: dict[str, dict[str, int]], id: str) -> int:
    return sum(counts.get(id, {}).values())


def _deviation(deviation: dict[str, Any], seed: int) -> Iterator[str]:
    state = "EXPIRED " if "baseline" in deviation else ""
    yield f"✗ {state}{deviation['operation']}  {deviation['check']}: {deviation['what']}"
    yield f"    expected  {deviation['expected']}"
    got = deviation["got"].splitlines() or [""]
    yield f"    got       {got[0]}"
    for line in got[1:4]:
        yield f"              {line[:200]}"
    yield f"    curl      {deviation['curl'][:2000]}"
    yield f"    seen      {deviation['count']} times, first in {deviation['phase']}, seed {seed}"


def tail(run: Run) -> Iterator[str]:
    documented = len(run["operations"])
    answered = sum(1 for id in run["operations"] if total(run["successes"], id))
    yield f"{answered}/{documented} operations answered 2xx, {sum(p['cases'] for p in run['phases'].values())} cases, {run['seconds']} s"
    if run["notes"]:
        yield f"{len(run['notes'])} notes: what is true and breaks nothing; --report json=FILE has them"
    if run["known"]:
        yield f"{len(run['known'])} known deviations"
    for entry in run["vanished"]:
        yield f"now fixed, remove line {entry['line']}: {entry['operation']} {entry['check']}: {entry['what']}"
    for each in run["left"]:
        yield f"left on the server: {each['kind']} {each['id']}"
    if run["ledger"] and run["left"]:
        yield f"ledger: {run['ledger']}"
    for reason in run["doubts"]:
        yield f"doubt: {reason}"
    yield f"verdict: {run['verdict']}" + (f" ({'; '.join(run['reasons'][:3])})" if run["reasons"] else "")
