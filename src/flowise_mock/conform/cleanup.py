"""Deletes what a run made, finds what it made without learning an ID, and looks whether all of it is gone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flowise_mock.conform import inventory, records
from flowise_mock.conform.client import Client, Request, Response
from flowise_mock.conform.inventory import Found, Inventory
from flowise_mock.conform.ledger import Ledger, Made
from flowise_mock.conform.ownership import Ownership


class Lie(NamedTuple):
    """A record that is still there, though the server answered its deletion with success."""

    record: Made
    request: Request
    response: Response


class Cleaned(NamedTuple):
    """What is left of a run."""

    left: list[Made]
    lasting: list[Made]
    """Records that no operation deletes."""
    lies: list[Lie]
    after: Inventory
    read: int
    """How many records of the run were looked for again."""


def clean(
    client: Client, ledger: Ledger, ownership: Ownership, flows: list[str] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Cleaned:  # fmt: skip
    """Delete all records of a run. What is written down goes first: it may break the lists it is in."""
    answers: dict[str, tuple[Request, Response]] = {}
    for made in ledger.all():
        ownership.adopt(made.kind, made.id)  # what was made within these is of the run too
    for made in ledger.left():
        notify(str(made))
        _delete(made, client, ledger, answers)
    after = inventory.take(client, flows)
    known, sent = {made.id for made in ledger.all()}, ledger.sent_values()
    found = [each for each in after.found.values() if _is_of_run(each, known, sent, ownership)]
    for each in found:
        ownership.adopt(each.kind, each.id)
        if each.id not in known:
            ledger.made(each.kind, each.id)
        notify(str(each))
        _delete(Made(each.kind, each.id), client, ledger, answers)
    if found:
        after = inventory.take(client, flows)
    own = [each for each in ledger.all() if records.kinds()[each.kind].delete]
    unsure = _undeleted(ledger, after)
    left = [each for each in own if each in unsure or _is_there(each, client, after)]
    lasting = [each for each in ledger.all() if not records.kinds()[each.kind].delete]
    lies = [
        Lie(each, *answers[each.id]) for each in left if each.id in answers and answers[each.id][1].success
    ]
    return Cleaned(left, lasting, lies, after, len(own))


def _undeleted(ledger: Ledger, after: Inventory) -> list[Made]:
    """Records whose deletion failed, if no list can say whether they are there."""
    return [each for each in ledger.left() if records.kinds()[each.kind].list in after.unread]


def _delete(made: Made, client: Client, ledger: Ledger, answers: dict[str, tuple[Request, Response]]) -> None:
    """Send the requests that delete a record; the last one counts."""
    response = Response(error="no operation deletes it")
    for step in records.kinds()[made.kind].delete:
        method, path = step.split(" ", 1)
        request = Request("clean-up", method, path.replace("{id}", made.id))
        response = client.send(request)
        answers[made.id] = request, response
    if response.success or response.status == 404 or b"not found" in response.body:
        ledger.gone(made.id)


def _is_of_run(found: Found, known: set[str], sent: set[str], ownership: Ownership) -> bool:
    """Whether a record that is there now is of the run: by its ID, its mark, or what this run alone sent."""
    if found.id in ownership.before or not records.kinds()[found.kind].delete:
        return False
    if found.id in known or ownership.is_own(found.row):
        return True
    return bool(sent) and any(value in sent for value in _texts(found.row))


def _texts(node: Any) -> Iterator[str]:
    """Every text in a record, within texts that hold JSON too."""
    if isinstance(node, str):
        yield node
        if node[:1] in ("{", "["):
            with contextlib.suppress(ValueError, RecursionError):
                yield from _texts(json.loads(node))
    elif isinstance(node, (dict, list)):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _texts(value)


def _is_there(made: Made, client: Client, after: Inventory) -> bool:
    """Whether a record is still listed, or can still be read."""
    if made.id in after.found:
        return True
    path = records.kinds()[made.kind].read
    if not path:
        return False
    response = client.send(Request("clean-up", "GET", path.replace("{id}", made.id)))
    body = response.json() if response.success else None
    return isinstance(body, dict) and body.get("id") == made.id
