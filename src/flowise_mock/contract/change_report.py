"""Shows the changes between two contracts: for a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from flowise_mock.contract.changes import Change, Severity

Found = Sequence[tuple[str, list[Change]]]
"""Operations and their changes."""
WORDS = {
    Severity.READER: "breaks readers",
    Severity.WRITER: "breaks writers",
    Severity.HARMLESS: "harmless",
}


def report(found: Found, one: str, other: str, form: str) -> list[str]:
    """The lines of a report; `form` is text, md or json."""
    if form == "json":
        return [json.dumps(data(found, one, other), indent=2, ensure_ascii=False)]
    return list(markdown(found, one, other) if form == "md" else text(found, one, other))


def text(found: Found, one: str, other: str) -> Iterator[str]:
    """The operations with their changes, what breaks first, and a line that sums up."""
    for label, changes in found:
        yield label
        yield from (f"  {WORDS[each.severity]}: {each.text}" for each in ordered(changes))
    yield summary(found, one, other)


def markdown(found: Found, one: str, other: str) -> Iterator[str]:
    """The changes as a table, one row for each operation and severity."""
    yield f"# {other} after {one}"
    yield ""
    yield f"What a client sees change from `{one}` to `{other}`."
    yield "A *reader* uses the answer, a *writer* makes the request."
    yield f"Made by `flowise-mock changes {one} {other} --format md`."
    yield ""
    yield "| operation | severity | changes |"
    yield "|---|---|---|"
    for label, changes in found:
        for severity, word in WORDS.items():
            cells = [escaped(each.text) for each in changes if each.severity is severity]
            if cells:
                yield f"| `{label}` | {word} | {'<br>'.join(cells)} |"
    yield ""
    yield f"{summary(found, one, other)}."


def data(found: Found, one: str, other: str) -> dict[str, object]:
    """The changes as data, with the number of operations that break."""
    return {
        "from": one,
        "to": other,
        "breaks": counts(found),
        "operations": {label: rows(changes) for label, changes in found},
    }


def counts(found: Found) -> dict[str, int]:
    """The number of operations that break, by severity."""
    return {
        str(severity): sum(any(each.severity is severity for each in changes) for _, changes in found)
        for severity in (Severity.READER, Severity.WRITER)
    }


def summary(found: Found, one: str, other: str) -> str:
    if not found:
        return f"nothing changes from {one} to {other}"
    number = counts(found)
    return (
        f"{len(found)} operations change from {one} to {other}: {number['reader']} break readers, "
        f"{number['writer']} break writers"
    )


def rows(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"severity": str(each.severity), "text": each.text} for each in ordered(changes)]


def ordered(changes: Sequence[Change]) -> list[Change]:
    """The changes, what breaks first."""
    ranks = list(WORDS)
    return sorted(changes, key=lambda each: ranks.index(each.severity))


def escaped(text: str) -> str:
    """A text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
