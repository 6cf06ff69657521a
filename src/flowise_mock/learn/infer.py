"""Infers proposals from single observations: statuses, messages, bodies, keys, permissions, columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract import responses
from flowise_mock.contract.document import Document, Operation
from flowise_mock.learn import columns, entries, wire
from flowise_mock.learn.observation import Met, Observation
from flowise_mock.learn.proposal import Action, Proposal, target_of
from flowise_mock.replay.exchanges import LOW_KEY
from flowise_mock.state.outcomes import Condition, all_outcomes

KINDS = all_outcomes()
SUCCESS = ("Ok", "Page", "EventStream", "FileDownload")


def infer(document: Document, seen: Observation) -> Iterator[Proposal]:
    """What may explain one observation, the most likely first."""
    status, answered = seen.result.exchange.status, seen.answered
    if status is None:
        return
    if seen.operation is not None and _is_interface(seen):
        if answered is None or answered.name not in ("UnknownPath", "MethodNotAllowed"):
            yield _without(document, seen, seen.operation)
        return
    if status == 200 and answered is not None and answered.name == "Unauthorized":
        yield from _public(seen)
    if status == 401 and (answered is None or answered.name in SUCCESS):
        yield from _private(document, seen)
    yield from _permissions(seen)
    yield from wire.infer(document, seen)
    if answered is not None and answered.name not in SUCCESS:
        yield from _restated(document, seen, answered)
        if status < 300 and issubclass(KINDS[answered.name], Condition):
            yield _proceeding(seen, answered)
    if status >= 400 and (answered is None or answered.name in SUCCESS):
        for met in seen.met:
            if met.ignored:
                yield from _restated(document, seen, met)
    if status == 200 and answered is not None and answered.name in SUCCESS and seen.operation is not None:
        yield from columns.infer(document, seen)
    if status == 200 and seen.operation is not None and _has_another_form(seen):
        yield from _unread(seen, seen.operation)


def place(operation: Operation | None) -> tuple[str, ...]:
    """The steps to an operation, or to the root if there is none."""
    return ("paths", operation.path, operation.method) if operation else ()


def _restated(document: Document, seen: Observation, met: Met) -> Iterator[Proposal]:
    """An outcome that is answered in another way."""
    definition = seen.operation.definition if seen.operation else {}
    kind = KINDS[met.name]
    current = responses.entry(document["x-outcomes"], definition.get("x-outcomes", {}), kind) or {}
    for entry in entries.entries(document, definition, kind, current, seen, met):
        text = entries.describe(met.name, entry)
        yield _proposal(seen, met.name, {"x-outcomes": {met.name: entry}}, text)
    service = entries.service(document, definition, kind, current, seen)
    if service:
        yield _proposal(seen, "x-service", {"x-service": service}, f"Messages name {service}.")


def _proceeding(seen: Observation, met: Met) -> Proposal:
    update = {"x-outcomes": {met.name: responses.PROCEED}}
    return _proposal(seen, met.name, update, f"{met.name} is no error.")


def _proposal(seen: Observation, slot: str, update: Any, text: str) -> Proposal:
    target = target_of(*place(seen.operation))
    scope = seen.operation.id if seen.operation else ""
    return Proposal((Action(target, update, text),), scope, f"{target} {slot}", seen.evidence)


def _without(document: Document, seen: Observation, operation: Operation) -> Proposal:
    places = [place(operation)]
    if operation.id in document.get("x-permissions", {}):
        places.append(("x-permissions", operation.id))
    actions = [Action(target_of(*each), None, "There is no such operation.") for each in places]
    return Proposal(tuple(actions), operation.id, actions[0].target, seen.evidence)


def _has_another_form(seen: Observation) -> bool:
    """Whether the answers differ as a whole, and not only in a part."""
    return any(each.startswith(("status:", "body: ")) for each in seen.result.differences)


def _unread(seen: Observation, operation: Operation) -> Iterator[Proposal]:
    """The server may not read the query that was sent."""
    sent = seen.result.exchange.request.get("query") or {}
    declared = operation.definition.get("parameters", [])
    names = [each["name"] for each in declared if each["name"] in sent and each.get("in") == "query"]
    parameters = target_of(*place(operation), "parameters")
    actions = [
        Action(f"{parameters}[?@.name=='{name}']", None, f"There is no parameter {name}.") for name in names
    ]
    if actions:
        yield Proposal(tuple(actions), operation.id, f"parameters {operation.id}", seen.evidence)


def _is_interface(seen: Observation) -> bool:
    """Whether the server answered an unknown path, which is the page of its web interface."""
    body = seen.result.exchange.body
    return isinstance(body, str) and '<div id="root">' in body


# --- keys and permissions --------------------------------------------------------------------------


def _public(seen: Observation) -> Iterator[Proposal]:
    if seen.operation is not None:
        prefix = seen.operation.path.partition("{")[0]
        action = Action("$['x-server']", {"public-paths": [prefix]}, f"{prefix} needs no key.")
        yield Proposal((action,), "", f"public {prefix}", seen.evidence)


def _private(document: Document, seen: Observation) -> Iterator[Proposal]:
    if seen.operation is None:
        return
    for prefix in document.get("x-server", {}).get("public-paths", []):
        if seen.operation.path.startswith(prefix):
            target = f"$['x-server']['public-paths'][?@=='{prefix}']"
            action = Action(target, None, f"{prefix} needs a key.")
            yield Proposal((action,), "", f"public {prefix}", seen.evidence)


def _permissions(seen: Observation) -> Iterator[Proposal]:
    """A key with one permission alone shows whether an operation needs another one."""
    headers = " ".join(map(str, seen.result.exchange.request["headers"].values()))
    if LOW_KEY not in headers or seen.operation is None:
        return
    status, operation = seen.result.exchange.status, seen.operation
    forbidden = seen.answered is not None and seen.answered.name == "Forbidden"
    if status == 403 and not forbidden:
        needed = f"{operation.path.split('/')[1]}:{operation.method}"
        action = Action("$['x-permissions']", {operation.id: needed}, "A key needs a permission.")
        yield Proposal((action,), operation.id, f"permission {operation.id}", seen.evidence)
    if status != 403 and forbidden:
        target = target_of("x-permissions", operation.id)
        removal = Action(target, None, "A key needs no permission.")
        yield Proposal((removal,), operation.id, f"permission {operation.id}", seen.evidence)
