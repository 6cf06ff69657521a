"""Infers what a server does beside its operations: frames without a colon, ids that clients set."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowise_mock.contract.document import Document
from flowise_mock.learn.observation import Observation
from flowise_mock.learn.proposal import Action, Proposal, target_of
from flowise_mock.replay.compare import FRAME

_NO_ID = re.compile(r"constraint failed: (\w+)\.id\b")
"""What the database says of a record whose id is null, which a client must have set."""


def infer(document: Document, seen: Observation) -> Iterator[Proposal]:
    """What an observation suggests about streams and tables."""
    for difference in seen.result.differences:
        found = FRAME.match(difference)
        if found:
            yield _bare(document, found["event"], found["expected"], seen.evidence)
    entity = _NO_ID.search(str(seen.result.exchange.body))
    if entity and seen.result.answer.status == 200:
        yield from _ids(document, entity[1], seen.evidence)


def _bare(document: Document, event: str, expected: str, evidence: str) -> Proposal:
    """The frame of an event begins with `message`, or with `message:`."""
    if expected.startswith("message:"):
        target = f"$['x-server']['bare-events'][?@=='{event}']"
        action = Action(target, None, f"The frame of {event} has a colon.")
    else:
        action = Action("$['x-server']", {"bare-events": [event]}, f"The frame of {event} lacks a colon.")
    return Proposal((action,), "", f"frame {event}", evidence)


def _ids(document: Document, entity: str, evidence: str) -> Iterator[Proposal]:
    """A client may set the id of a record, and perhaps change it."""
    for name, schema in document["components"]["schemas"].items():
        record = schema.get("x-record", {})
        if record.get("entity") == entity:
            for ids in ("mutable", "accepted"):
                action = Action(
                    target_of("components", "schemas", name, "x-record"), {"ids": ids}, "Clients may set ids."
                )
                yield Proposal((action,), "", f"ids {name}", evidence)
