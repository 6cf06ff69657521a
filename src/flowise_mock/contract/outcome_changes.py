"""How the outcomes of an operation are answered in two contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flowise_mock.contract import messages, reachable, responses
from flowise_mock.contract.document import Document, Operation
from flowise_mock.state import outcomes

SHOWN_ELSEWHERE = {"Unauthorized", "Forbidden"}
"""Outcomes whose presence follows from the key and the permission of an operation."""


class _Answered(NamedTuple):
    status: int
    media: str
    body: Any
    message: str


def outcome_changes(
    first: Document, second: Document, one: Operation, other: Operation
) -> Iterator[tuple[str, str]]:
    """The severity and the text of each change."""
    before, now = _answers(first, one), _answers(second, other)
    for name in sorted(before.keys() | now.keys()):
        a, b = before.get(name), now.get(name)
        if a is None and b is not None and name not in SHOWN_ELSEWHERE:
            yield "writer", f"{name}: ignored → {b.status}"
        elif b is None and a is not None and name not in SHOWN_ELSEWHERE:
            yield "harmless", f"{name}: {a.status} → ignored"
        elif a is not None and b is not None:
            yield from _answer(name, a, b)


def _answer(name: str, a: _Answered, b: _Answered) -> Iterator[tuple[str, str]]:
    if a.status != b.status:
        refused = a.status < 400 <= b.status
        yield "writer" if refused else "reader", f"{name}: {a.status} → {b.status}"
    elif a.media != b.media:
        yield "reader", f"{name}: {b.status} {a.media or 'without content'} → {b.media or 'without content'}"
    elif a.body != b.body:
        yield "reader", f"{name}: {b.status} with another body"
    elif a.message != b.message:
        yield "harmless", f"{name}: {b.status} `{a.message}` → `{b.message}`"


def _answers(document: Document, operation: Operation) -> dict[str, _Answered]:
    """How each outcome is answered that an operation can have and does not ignore."""
    definition, found = operation.definition, {}
    for name in reachable.outcomes_of(document, operation):
        kind = outcomes.all_outcomes()[name]
        entry = responses.entry(document["x-outcomes"], definition.get("x-outcomes", {}), kind)
        if entry is None or "status" not in entry:
            continue
        text = messages.template(document, definition, entry, kind).replace(
            "{message}", str(entry.get("message", ""))
        )
        body = document.get("x-bodies", {}).get(entry.get("body"), entry.get("body"))
        media = entry.get("media", "application/json")
        found[name] = _Answered(int(entry["status"]), media, body, text)
    return found
