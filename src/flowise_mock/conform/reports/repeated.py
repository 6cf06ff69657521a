"""The report of a run that repeats one deviation: the steps, the exchange, and whether it was seen again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.conform.reports import script, terminal

Run = dict[str, Any]
REPEATED, NOT_REPEATED = 1, 0


def find(run: Run, id: str) -> dict[str, Any] | None:
    """The deviation with this ID, if the run saw it, as a note too."""
    found = [
        each for each in [*run["new"], *run["expired"], *run["known"], *run["notes"]] if each["id"] == id
    ]
    return found[0] if found else None


def status(run: Run, id: str) -> int:
    return NOT_REPEATED if find(run, id) is None else REPEATED


def text(run: Run, id: str) -> str:
    found = find(run, id)
    lines = _not_found(run, id) if found is None else _found(run, found)
    return "\n".join([*lines, "", terminal.summary(run["records"])])


def _not_found(run: Run, id: str) -> Iterator[str]:
    operation = id.rpartition("-")[0]
    requests = sum(run["cases"].get(operation, {}).values())
    yield f"not repeated: {requests} requests to {operation} did not show {id}"
    others = [each for each in [*run["new"], *run["expired"]] if each["operation"] == operation]
    for each in others:
        yield f"  but {each['id']} {each['check']}: {each['what']}"


def _found(run: Run, found: dict[str, Any]) -> Iterator[str]:
    yield f"repeated: {found['operation']} {found['check']}: {found['what']}"
    yield f"  expected  {found['expected']}"
    yield f"  request   {found['request']}"
    for number, line in enumerate(found["got"].splitlines()):
        yield f"  {'got     ' if not number else '        '}  {line}"
    yield ""
    yield script.text(run, found).rstrip()
