"""The findings of runs against real servers beside the tables of what is known of them.

python tests/conform/drift.py RUN.json... > docs/conform-drift.md
"""

from __future__ import annotations

import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from flowise_mock.conform.reports import terminal

CHECKS = {
    "unknown": "unknown_is_refused",
    "malformed": "malformed_id_is_refused",
    "wrong key": "ignored_auth",
}
DOCUMENTED = {"unknown": {404}, "malformed": {400, 404, 422}, "wrong key": {401}, "empty": {400, 422}}


class Row(NamedTuple):
    row: str
    fact: str
    version: str
    state: str
    why: str


def table() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("drift.yaml").read_text())
    return held


def findings(run: dict[str, Any]) -> list[tuple[str, str, str]]:
    every = [*run["new"], *run["known"], *run["expired"], *run["notes"]]
    return [(each["operation"], each["check"], each["what"]) for each in every]


def matching(found: list[tuple[str, str, str]], wanted: list[str]) -> str:
    """The first finding that is one of those wanted, in words."""
    operation, check, what = wanted
    for each in found:
        if each[:2] == (operation, check) and fnmatch.fnmatchcase(each[2], what.replace("[", "[[]")):
            return f"`{each[0]}` {each[1]}: {each[2]}"
    return ""


def rows(run: dict[str, Any]) -> Iterator[Row]:
    found = findings(run)
    version = run["server"]
    for number, row in table()["rows"].items():
        if version not in map(str, row.get("only", [version])):
            yield Row(number, row["fact"], version, "not in this version", "")
        elif "unseen" in row:
            yield Row(number, row["fact"], version, "cannot be seen", row["unseen"])
        else:
            shown = next(filter(None, (matching(found, each) for each in row["finds"])), "")
            yield Row(number, row["fact"], version, "found" if shown else "missed", shown)


def cells(run: dict[str, Any]) -> Iterator[Row]:
    """Each cell. If the real status is documented, nothing may be found."""
    found = findings(run)
    version = run["server"]
    for operation, kinds in table()["cells"].items():
        for kind, known in kinds.items():
            status = known[version] if isinstance(known, dict) else known
            yield cell(found, version, operation, kind, status)


def cell(found: list[tuple[str, str, str]], version: str, operation: str, kind: str, status: Any) -> Row:
    label = f"{operation}: {kind}"
    if kind == "text":
        shown = matching(found, [operation, "content_type_conformance", f"* as {status}"])
        return Row(label, str(status), version, "found" if shown else "missed", shown)
    check = CHECKS.get(kind, "not_a_server_error")
    shown = matching(found, [operation, check, f"{status}*"])
    if status in DOCUMENTED[kind]:
        state = "reported though it is documented" if shown else "agrees"
        return Row(label, str(status), version, state, shown)
    return Row(label, str(status), version, "found" if shown else "missed", shown)


def share(rows: list[Row]) -> str:
    count = Counter(each.state for each in rows)
    seen = count["found"] + count["missed"]
    percent = 100 * count["found"] / seen if seen else 0.0
    rest = ", ".join(
        f"{number} {state}" for state, number in count.items() if state not in ("found", "missed")
    )
    return f"{count['found']} of {seen} that can be seen are found ({percent:.0f} %)" + (
        f"; {rest}" if rest else ""
    )


def main() -> None:
    runs = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    print("# What is known of real servers, and what a run finds\n")
    for run in runs:
        cases = sum(phase["cases"] for phase in run["phases"].values())
        print(
            f"Flowise {run['server']}: {run['seconds']} s, {cases} requests, {terminal.summary(run['records'])}.\n"
        )
    for title, make in (
        ("Operations, parameters, bodies and schemas (tables 1a and 1b)", rows),
        ("Statuses (table 1c)", cells),
    ):
        print(f"## {title}\n")
        for run in runs:
            print(f"- Flowise {run['server']}: {share(list(make(run)))}")
        print("\n| row | what is known | version | | finding, or why not |\n|---|---|---|---|---|")
        for pair in zip(*(make(run) for run in runs), strict=True):
            for each in pair:
                print(
                    f"| {each.row} | {each.fact} | {each.version} | {each.state} | {each.why.replace('|', chr(92) + '|')} |"
                )
        print()


if __name__ == "__main__":
    main()
