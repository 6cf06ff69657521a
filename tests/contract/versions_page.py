"""docs/versions.md, all operations in all versions: `python -m contract.versions_page` (in `make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from flowise_mock.contract import contracts
from flowise_mock.contract.change_report import escaped
from flowise_mock.contract.changes import EVERY, Change, Severity, changes, labelled
from flowise_mock.contract.document import read

PAGE = Path(__file__).parents[2] / "docs" / "versions.md"
HEAD = """# Versions of Flowise

What each version changes for a client, beside the version to its left: **r** breaks code that reads answers, **w**
breaks code that makes requests, **h** is harmless, each with the number of changes. `+` is a new operation, `=` an
operation without a change, and an empty cell is an operation that the version does not have.
`flowise-mock changes OLD NEW` prints the changes of any two versions; [changes.md](changes.md) explains it.
"""
KNOWN = """## How well each contract is known

The share of the recorded exchanges that a mock of the version answers alike: status, media type and shape.
`tests/replay/test_replay.py` plays them. `learn` went from the first share to the second without a hand and without
other versions, in the time that it says, on a busy machine; its recordings count probes too. Of the actions of an
overlay, those by hand do something that no learned action does.

| version | extends | agree | before → after `learn` | time | actions | by hand | lines |
|---|---|---|---|---|---|---|---|
"""
FIGURES = {
    "3.1.2": ("99.5 % of 605", "85.5 → 98.4 %", "8 s", 13),
    "3.1.0": ("99.3 % of 605", "96.0 → 99.0 %", "23 s", 5),
    "3.0.13": ("99.0 % of 601", "95.6 → 98.3 %", "52 s", 8),
    "3.0.8": ("99.5 % of 598", "93.4 → 95.8 %", "23 s", 13),
    "3.0.0": ("98.9 % of 570", "67.9 → 97.6 %", "50 s", 20),
    "2.2.8": ("99.1 % of 570", "94.6 → 97.2 %", "25 s", 5),
    "3.1.4": ("99.3 % of 597", "", "", 0),
    "3.0.5": ("99.2 % of 592", "", "", 0),
}
"""What was measured: the share that agrees, what learning did, and the actions by hand; 3.0.5 and 3.1.4 are by hand."""
WHY = """
Each overlay extends that of its nearest neighbour, with only what is different between the two, so what came when is
one action in one place. 3.0.5 lies on what all versions share: to undo what came since would take as many actions.
"""
CONFORM = """## What real servers do by their own contracts

`flowise-mock conform URL --flowise VERSION`, with a model and a vector store, judged a real server of each version, on which
somebody else had 20 records. No run found a deviation; each ended with exit status 0, and left these records as they were.

| version | operations that conform | requests |
|---|---|---|
"""
JUDGED = {
    "2.2.8": ("87 of 87", 3392),
    "3.0.0": ("93 of 93", 3712),
    "3.0.5": ("95 of 95", 3801),
    "3.0.8": ("97 of 97", 3908),
    "3.0.13": ("96 of 96", 3854),
    "3.1.0": ("96 of 96", 3861),
    "3.1.2": ("96 of 96", 3862),
    "3.1.4": ("110 of 110", 4250),
}
"""What runs of `conform` saw: the operations that conform, and the requests that they sent."""
LETTERS = {Severity.READER: "**r**", Severity.WRITER: "**w**", Severity.HARMLESS: "h"}


def lines() -> Iterator[str]:
    """The page: the table, and what breaks from each version to the next."""
    versions = contracts.versions()
    documents = [contracts.load(each) for each in versions]
    steps = [dict(changes(one, other)) for one, other in pairwise(documents)]
    operations = [labelled(each) for each in documents]
    yield HEAD
    yield KNOWN + "\n".join(map(_figures, versions)) + "\n" + WHY
    yield (
        CONFORM + "\n".join(f"| {each} | {' | '.join(map(str, JUDGED[each]))} |" for each in versions) + "\n"
    )
    yield "## All operations\n"
    yield f"| operation | {' | '.join(versions)} |"
    yield "|---|" + "---|" * len(versions)
    for label in dict.fromkeys(label for each in reversed(operations) for label in each):
        has = [label in each for each in operations]
        cells = [
            "=" if has[0] else "",
            *(_cell(*each) for each in zip(has, has[1:], steps, [label] * 99, strict=False)),
        ]
        yield f"| `{label}` | {' | '.join(cells)} |"
    yield f"| {EVERY} | | {' | '.join(_counted(each.get(EVERY, [])) for each in steps)} |"
    for (old, new), step in zip(pairwise(versions), steps, strict=True):
        yield from _breaking(old, new, step)


def _figures(version: str) -> str:
    file = PAGE.parents[1] / "overlays" / f"flowise-{version}.yaml"
    overlay = read(file)
    base = (
        overlay["extends"].removesuffix(".yaml").removeprefix("flowise-").replace("flowise", "all versions")
    )
    agree, learned, time, by_hand = FIGURES[version]
    actions = len(overlay["actions"])
    lines = len(file.read_text().splitlines())
    return f"| {version} | {base} | {agree} | {learned or '-'} | {time or '-'} | {actions} | {by_hand or 'all'} | {lines} |"


def _cell(before: bool, now: bool, step: dict[str, list[Change]], label: str) -> str:
    if not now:
        return ""
    return _counted(step.get(label, [])) if before else "+"


def _counted(found: list[Change]) -> str:
    counts = {
        letter: sum(each.severity is severity for each in found) for severity, letter in LETTERS.items()
    }
    return " ".join(f"{letter} {count}" for letter, count in counts.items() if count) or "="


def _breaking(old: str, new: str, step: dict[str, list[Change]]) -> Iterator[str]:
    yield ""
    yield f"## What breaks from {old} to {new}"
    yield ""
    for label, found in step.items():
        broken = [escaped(each.text) for each in found if each.breaks]
        if broken:
            yield f"- `{label}`: {'; '.join(broken)}"


if __name__ == "__main__":
    PAGE.write_text("\n".join(lines()) + "\n")
