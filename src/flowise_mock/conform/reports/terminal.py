"""The report on the terminal: the verdict and the causes first, then what shows each cause."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from flowise_mock.conform.reports import script

Run = dict[str, Any]
WIDTH = 80
LINES = 200
"""How long the report may be, if it does not show all."""
LEAST = 7
"""The least lines for one cause."""


def text(run: Run, verbose: bool = False) -> str:
    return "\n".join(lines(run, verbose))


def lines(run: Run, verbose: bool = False) -> Iterator[str]:
    yield from head(run)
    yield from causes(run)
    yield from tail(run)
    held = {each["id"]: each for each in [*run["new"], *run["expired"]]}
    number = len(run["causes"])
    shown = number if verbose else min(number, (LINES - 40 - number) // LEAST)
    room = 1 + (LINES - 40 - number - LEAST * shown) // max(1, shown)
    for index, cause in enumerate(run["causes"][:shown], 1):
        yield ""
        members = [held[id] for id in cause["deviations"]]
        yield from _details(run, index, cause, members, min(room, 12), verbose)
    if shown < number:
        yield f"\n… {number - shown} more causes: --verbose shows all"
    if number:
        yield ""
        yield run["headline"]


def head(run: Run) -> Iterator[str]:
    server = f"Flowise {run['server']}" if run["server"] else "A server"
    read_only = ", read-only" if run["command"] and not run["writes"] else ""
    yield f"{server} at {run['url']}, contract {run['contract']}{read_only}"
    yield from textwrap.wrap(run["headline"], WIDTH)
    if (run["new"] or run["expired"]) and run["command"]:
        yield f"repeat one: {run['command']} --only ID"
    for doubt in run["doubts"] if run["verdict"] != "inconclusive" else run["doubts"][1:]:
        yield from textwrap.wrap(doubt, WIDTH, subsequent_indent="  ")


def causes(run: Run) -> Iterator[str]:
    """A line for each cause, under what it puts at risk."""
    severity = ""
    for number, cause in enumerate(run["causes"], 1):
        if cause["severity"] != severity:
            severity = cause["severity"]
            yield f"{severity}:"
        yield _short(f"{number:3} {cause['title']}", where(cause))


def where(cause: dict[str, Any]) -> str:
    names = cause["operations"]
    return str(names[0]) if len(names) == 1 else f"{len(names)} operations"


def _short(left: str, right: str) -> str:
    """Two texts in one line of the terminal, at its left and its right edge."""
    right = right if len(right) <= 32 else f"{right[:31]}…"
    room = WIDTH - len(right) - 2
    left = left if len(left) <= room else left[: room - 1] + "…"
    return f"{left.ljust(room)}  {right}"


def tail(run: Run) -> Iterator[str]:
    counts = ", ".join(f"{name} {phase['cases']}" for name, phase in run["phases"].items())
    if run["writes"]:
        yield from _records(run["records"])
    yield f"{sum(p['cases'] for p in run['phases'].values())} requests in {run['seconds']} s ({counts})"
    if run["notes"]:
        yield f"{len(run['notes'])} notes, which break nothing: --report json=FILE has them"
    for entry in run["vanished"]:
        line = (
            f"now fixed, remove line {entry['line']} of the baseline: {entry['operation']} {entry['check']}"
        )
        yield f"{line}: {entry['what']}"
    if run["ledger"] and run["records"]["left"]:
        yield f"delete what is left: flowise-mock conform --clean {run['ledger']}"


def summary(records: dict[str, Any]) -> str:
    """One line: what became of the records that were there, and of those of the run."""
    changed = len(records["changed"]) + len(records["vanished"])
    lasting = ", ".join(f"{each['kind']} {each['id']}" for each in records["lasting"])
    more = f"; no operation deletes {lasting}" if lasting else ""
    return f"{changed} records changed, {len(records['left'])} left (checked: {records['checked']}{more})"


def _records(records: dict[str, Any]) -> Iterator[str]:
    yield from textwrap.wrap(summary(records), WIDTH, subsequent_indent="  ")
    for name, verb in (("changed", "changed during the run"), ("vanished", "vanished during the run"),
                       ("appeared", "appeared during the run")):  # fmt: skip
        for each in records[name][:20]:
            yield f"{verb}: {each}"
    for each in records["left"]:
        yield f"left on the server: {each['kind']} {each['id']}"
    for path, why in records["unread"].items():
        yield f"could not be listed: {path}: {why}"


# --- details -----------------------------------------------------------------------------------------


def _details(
    run: Run, number: int, cause: dict[str, Any], members: list[dict[str, Any]], room: int, verbose: bool
) -> Iterator[str]:
    yield f"{number}. {cause['title']}"
    if verbose:
        for each in members:
            yield from _deviation(run, each)
        return
    if cause["subjects"]:
        yield _row(", ".join(cause["subjects"]))
    rows = grouped(members)
    for what, operations in list(rows.items())[:room]:
        more = f" and {len(operations) - 4} more" if len(operations) > 4 else ""
        yield _row(f"{what}: {', '.join(operations[:4])}{more}")
    if len(rows) > room:
        yield f"   … {len(rows) - room} more: --verbose shows all"
    first = members[0]
    yield _row(f"expected {first['expected']}, got {' '.join(first['got'].splitlines()[:2])}")
    yield _row(f"--only {first['id']}" if run["command"] else script.command(run, first))


def _row(text: str) -> str:
    """A row, in two lines of the terminal at most."""
    most = 2 * WIDTH - 3
    return f"   {text if len(text) <= most else text[: most - 1] + '…'}"


def grouped(members: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The operations of deviations by what they show."""
    rows: dict[str, list[str]] = {}
    for each in members:
        state = "EXPIRED " if "baseline" in each else ""
        rows.setdefault(f"{state}{each['check']} {each['what']}", []).append(each["operation"])
    return rows


def _deviation(run: Run, each: dict[str, Any]) -> Iterator[str]:
    state = "EXPIRED " if "baseline" in each else ""
    yield f"  ✗ {state}{each['operation']} {each['check']}: {each['what']}"
    yield f"      expected  {each['expected']}"
    got = each["got"].splitlines() or [""]
    yield f"      got       {got[0]}"
    yield from (f"                {line[:200]}" for line in got[1:4])
    yield f"      request   {each['request'][:200]}"
    yield f"      repeat    {script.command(run, each)}"
    yield f"      seen      {each['count']} times, first in {each['phase']}"


def total(counts: dict[str, dict[str, int]], id: str) -> int:
    return sum(counts.get(id, {}).values())
