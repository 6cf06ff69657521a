"""Shows which of an application's requests two contracts answer in another way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flowise_mock.contract.change_report import WORDS, ordered, rows
from flowise_mock.replay.exchanges import Exchange
from flowise_mock.replay.transport import Answer
from flowise_mock.replay.upgrade import Changed

SHOWN = 400
"""Characters that are shown of a body."""


def report(found: Sequence[Changed], total: int, one: str, other: str, form: str) -> list[str]:
    """The lines of a report; `form` is text, md or json. Requests with the same changes are shown once."""
    if form == "json":
        return [json.dumps(data(found, total, one, other), indent=2, ensure_ascii=False)]
    lines = [line for each, more in _grouped(found) for line in _lines(each, more, one, other, form == "md")]
    return [*lines, summary(found, total, one, other)]


def summary(found: Sequence[Changed], total: int, one: str, other: str) -> str:
    broken = sum(each.breaks for each in found)
    return (
        f"{total} requests: {broken} break from {one} to {other}, {len(found) - broken} have other answers "
        "that are harmless"
    )


def data(found: Sequence[Changed], total: int, one: str, other: str) -> dict[str, object]:
    """Each request whose answer changes, with both answers."""
    return {
        "from": one,
        "to": other,
        "requests": total,
        "breaks": sum(each.breaks for each in found),
        "exchanges": [
            {
                "number": each.number,
                "operation": each.operation,
                "request": {
                    name: each.exchange.request[name] for name in ("method", "path", "query", "body")
                },
                "changes": rows(each.changes),
                "before": _answer(each.before),
                "after": _answer(each.after),
            }
            for each in found
        ],
    }


def _grouped(found: Sequence[Changed]) -> list[tuple[Changed, int]]:
    """The first exchange of each operation with the same changes, and how many more there are."""
    groups: dict[Any, list[Changed]] = {}
    for each in found:
        groups.setdefault((each.operation, tuple(each.changes)), []).append(each)
    return [(each[0], len(each) - 1) for each in groups.values()]


def _lines(each: Changed, more: int, one: str, other: str, markdown: bool) -> Iterator[str]:
    yield f"{'## ' if markdown else ''}{each.operation}"
    if markdown:
        yield ""
    bullet = "- " if markdown else "  "
    yield from (f"{bullet}{WORDS[change.severity]}: {change.text}" for change in ordered(each.changes))
    yield from ["", "```http"] if markdown else []
    indent = "" if markdown else "  "
    again = f" (and {more} more like it)" if more else ""
    yield f"{indent}# request {each.number}{again}"
    yield f"{indent}{_request(each.exchange)}"
    yield f"{indent}# {one}: {_shown(each.before)}"
    yield f"{indent}# {other}: {_shown(each.after)}"
    yield from ["```", ""] if markdown else []


def _request(exchange: Exchange) -> str:
    request = exchange.request
    query = "&".join(f"{name}={value}" for name, value in request["query"].items())
    body = request.get("body")
    text = "" if body is None else " " + _cut(json.dumps(body, ensure_ascii=False))
    return f"{request['method']} {request['path']}{'?' + query if query else ''}{text}"


def _shown(answer: Answer) -> str:
    text = " ".join(answer.body.decode(errors="replace").split())
    return f"{answer.status or 'no answer'} {_cut(text)}".rstrip()


def _answer(answer: Answer) -> dict[str, object]:
    return {"status": answer.status, "body": _cut(answer.body.decode(errors="replace"), 10 * SHOWN)}


def _cut(text: str, most: int = SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
