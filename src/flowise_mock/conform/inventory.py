"""Lists the records of a server: before and after a run, to show that it changed none of others."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowise_mock.conform import records
from flowise_mock.conform.client import Client, Request, Response
from flowise_mock.conform.records import Kind

PAGE_SIZE = 100
MOST_PAGES = 20
SECONDS = 20.0
"""How long the records within chatflows are listed: a server may have thousands of flows."""


class Found(NamedTuple):
    """A record that a list showed."""

    kind: str
    id: str
    row: dict[str, Any]

    def __str__(self) -> str:
        name = self.row.get("name")
        return f"{self.kind} {self.id}" + (f" ({name})" if isinstance(name, str) and name else "")


@dataclass
class Inventory:
    """The records of a server by their IDs, and which lists could not be read."""

    found: dict[str, Found] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    """Why a kind of record, or those of one flow, could not be listed."""
    flows: list[str] = field(default_factory=list)
    """The chatflows whose messages, feedback, leads and history were listed."""

    def ids(self) -> dict[str, str]:
        return {each.id: each.kind for each in self.found.values()}


class Difference(NamedTuple):
    """What differs between two inventories."""

    changed: list[Found]
    vanished: list[Found]
    appeared: list[Found]


def take(client: Client, flows: list[str] | None = None) -> Inventory:
    """All records of a server. `flows` are the chatflows to look into; the default is what time allows."""
    made = Inventory()
    known = records.kinds().values()
    for kind in known:
        if not kind.of_chatflow:
            _add(made, kind, client, kind.list)
    without_flows = made.unread.get(records.kinds()["chatflow"].list)
    if without_flows:
        made.unread |= {kind.list: without_flows for kind in known if kind.of_chatflow}
    started = time.monotonic()
    chatflows = [each.id for each in made.found.values() if each.kind == "chatflow"]
    for flow in chatflows if flows is None else [each for each in flows if each in chatflows]:
        if flows is None and time.monotonic() - started > SECONDS:
            break
        made.flows.append(flow)
        for kind in known:
            if kind.of_chatflow:
                _add(made, kind, client, kind.list.replace("{chatflow}", flow))
    return made


def _add(made: Inventory, kind: Kind, client: Client, path: str) -> None:
    for number in range(1, MOST_PAGES + 1 if kind.paged else 2):
        query = [("page", str(number)), ("limit", str(PAGE_SIZE))] if kind.paged else []
        response = client.send(Request("list", "GET", path, query))
        listed = records.rows(response.json()) if response.success else []
        for row in listed:
            if isinstance(row.get("id"), str):
                made.found[row["id"]] = Found(kind.name, row["id"], row)
        why = _unread(response)
        if why:
            made.unread[path] = why
        if len(listed) < PAGE_SIZE:
            return


def _unread(response: Response) -> str:
    """Why a list is none; a server that does not have it, or refuses it to keys, has nothing to show."""
    if response.error:
        return response.error
    if response.status in (401, 403, 404, 405, 501) or response.media == "text/html":
        return ""
    return "" if response.success else f"{response.status}"


def compare(before: Inventory, after: Inventory) -> Difference:
    """What changed between two inventories; what could not be listed is not compared."""
    changed = [
        each for id, each in after.found.items() if id in before.found and _differs(before.found[id], each)
    ]
    unread = set(after.unread)
    vanished = [each for id, each in before.found.items() if id not in after.found and not _in(each, unread)]
    appeared = [each for id, each in after.found.items() if id not in before.found]
    return Difference(changed, vanished, appeared)


def _in(found: Found, unread: set[str]) -> bool:
    kind = records.kinds()[found.kind]
    return any(path.startswith(kind.list.partition("{")[0]) for path in unread)


def _differs(one: Found, other: Found) -> bool:
    return _text(one.row) != _text(other.row)


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
