"""docs/versions.md, all operations in all versions: `python -m contract.versions_page` (in `make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from flowise_mock.contract import contracts
from flowise_mock.contract.change_report import escaped
from flowise_mock.contract.changes import EVERY, Change, Severity, changes, labelled

PAGE = Path(__file__).parents[2] / "docs" / "versions.md"
HEAD = """# Versions of Flowise

What each version changes for a client, beside the version to its left: **r** breaks code that reads answers, **w**
breaks code that makes requests, **h** is harmless, each with the number of changes. `+` is a new operation, `=` an
operation without a change, and an empty cell is an operation that the version does not have.
`flowise-mock changes OLD NEW` prints the changes of any two versions; [changes.md](changes.md) explains it.
"""
LETTERS = {Severity.READER: "**r**", Severity.WRITER: "**w**", Severity.HARMLESS: "h"}


def lines() -> Iterator[str]:
    """The page: the table, and what breaks from each version to the next."""
    versions = contracts.versions()
    documents = [contracts.load(each) for each in versions]
    steps = [dict(changes(one, other)) for one, other in pairwise(documents)]
    operations = [labelled(each) for each in documents]
    yield HEAD
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
