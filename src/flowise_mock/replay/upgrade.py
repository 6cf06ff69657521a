"""The same requests, answered by two servers: what a client that sends them sees change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flowise_mock.contract.changes import Change, Severity, schema_changes
from flowise_mock.replay.compare import json_type, stream_differences
from flowise_mock.replay.exchanges import API_KEY, Exchange, json_or_text, media_of
from flowise_mock.replay.player import Player
from flowise_mock.replay.transport import Answer


class Changed(NamedTuple):
    """An exchange of which the answer changes. `number` is its place among the requests, from 1."""

    number: int
    operation: str
    exchange: Exchange
    before: Answer
    after: Answer
    changes: list[Change]

    @property
    def breaks(self) -> bool:
        return any(each.breaks for each in self.changes)


def upgrade(
    exchanges: Sequence[Exchange], first: Player, second: Player, existing: Iterable[str]
) -> Iterator[Changed]:
    """The exchanges that two servers answer in another way. `existing` are ids that both servers have."""
    for player in (first, second):
        for id in existing:
            player.ids.add(id, id)
    for number, exchange in enumerate(exchanges, start=1):
        exchange, before = _with_key(exchange, first, first.send(exchange))
        after = second.send(exchange)
        for player, answer in ((first, before), (second, after)):
            _learn(player, exchange, answer)
        if found := list(answer_changes(before, after)):
            label = exchange.operation or f"{exchange.request['method']} {exchange.request['path']}"
            yield Changed(number, label, exchange, before, after, found)


def _with_key(exchange: Exchange, player: Player, answer: Answer) -> tuple[Exchange, Answer]:
    """The exchange with a key if the file lacks it: browsers leave it out of a HAR."""
    headers = exchange.request["headers"]
    if answer.status != 401 or exchange.status == 401 or "authorization" in headers:
        return exchange, answer
    request = {**exchange.request, "headers": {**headers, "authorization": f"Bearer {API_KEY}"}}
    exchange = replace(exchange, request=request)
    return exchange, player.send(exchange)


def _learn(player: Player, exchange: Exchange, answer: Answer) -> None:
    """Map the ids that a server created; one that the client chose stays as it is."""
    body, sent = exchange.body, exchange.request.get("body")
    if isinstance(body, dict) and isinstance(sent, dict) and "id" in sent and body.get("id") == sent["id"]:
        player.ids.add(str(sent["id"]), str(sent["id"]))
    if answer.status is not None and answer.status < 300:
        player.ids.learn(body, json_or_text(_text(answer)))


# --- answers ---------------------------------------------------------------------------------------


def answer_changes(before: Answer, after: Answer) -> Iterator[Change]:
    """What changes from one answer to another, for a client that gets the second one instead."""
    if before.status != after.status:
        refused = (after.status or 500) >= 400 > (before.status or 0)
        severity = Severity.WRITER if refused else Severity.READER
        yield Change(severity, f"status: {before.status or 'no answer'} → {after.status or 'no answer'}")
        return
    old, new = media_of(before.headers), media_of(after.headers)
    if old != new:
        yield Change(Severity.READER, f"media type: {old or 'none'} → {new or 'none'}")
    elif old == "text/event-stream":
        yield from map(_stream_change, stream_differences(_text(before), _text(after)))
    elif old == "application/json":
        one, two = json_or_text(_text(before)), json_or_text(_text(after))
        yield from schema_changes(schema_of(one), schema_of(two), "body")
        yield from _messages(one, two)


def _stream_change(difference: str) -> Change:
    """A difference of two streams. Parsers of events ignore what differs in the frame around the data."""
    severity = Severity.HARMLESS if difference.startswith("frame of ") else Severity.READER
    return Change(severity, re.sub("expected (.*), got (.*)", r"\1 → \2", difference))


def _messages(one: Any, two: Any) -> Iterator[Change]:
    """The text of a failure, which no program should read."""
    texts = [each.get("message") for each in (one, two) if isinstance(each, dict) and "statusCode" in each]
    if len(set(map(str, texts))) == 2:
        yield Change(Severity.HARMLESS, f"message: {texts[0]} → {texts[1]}")


def schema_of(value: Any) -> dict[str, Any]:
    """The schema that just this value and others of its shape match."""
    if isinstance(value, dict):
        properties = {name: schema_of(child) for name, child in value.items()}
        return {"type": "object", "properties": properties, "required": list(value)}
    if isinstance(value, list):
        return {"type": "array", **({"items": _merged([schema_of(each) for each in value])} if value else {})}
    return {"type": json_type(value)}


def _merged(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One schema for all items of a list."""
    if not all(each.get("type") == "object" for each in schemas):
        kinds = {part["type"]: part for each in schemas for part in each.get("anyOf", [each])}
        return next(iter(kinds.values())) if len(kinds) == 1 else {"anyOf": list(kinds.values())}
    names = dict.fromkeys(name for each in schemas for name in each["properties"])
    found = {
        name: _merged([each["properties"][name] for each in schemas if name in each["properties"]])
        for name in names
    }
    return {
        "type": "object",
        "properties": found,
        "required": [name for name in names if all(name in each["properties"] for each in schemas)],
    }


def _text(answer: Answer) -> str:
    return answer.body.decode(errors="replace")
