"""Probes: each operation with an ID that is not there, with JSON that cannot be read, without a key."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from flowise_mock.conform import bundled, methods, pages, records
from flowise_mock.conform.client import Request, Response, without_key
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.judge import Failure, refusal
from flowise_mock.conform.requests import MissingValueError, Values, fill, request
from flowise_mock.conform.safety import LASTING
from flowise_mock.conform.session import Session

PHASE = "probes"
MALFORMED = "not-an-id"
NOT_IDS = {"apikey", "name"}
"""Path parameters that are no IDs."""
EMPTY = {"empty": "a body {}", "list": "a body []"}


class Probe(NamedTuple):
    kind: str
    request: Request


def probes(contract: Contract, operation: str, bodies: dict[str, Any]) -> Iterator[Probe]:
    """The probes of an operation. `bodies` are valid JSON bodies, by operation."""
    definition = contract.operations[operation]
    names = [name for name in re.findall(r"\{(\w+)\}", definition.path) if name not in NOT_IDS]
    body = _body(contract, operation, bodies)
    if body is not None and names:
        yield Probe("unknown", request(contract, operation, contract.unknown_ids(operation), **body))
        yield Probe("malformed", request(contract, operation, dict.fromkeys(names, MALFORMED), **body))
    field = records.bound(definition.method, definition.path)
    if "application/json" in contract.bodies(operation) and field is None:
        yield Probe("unreadable", request(contract, operation, {}, content=b'{"name": '))
        if operation not in LASTING:
            yield Probe("empty", request(contract, operation, {}, json={}))
            yield Probe("list", request(contract, operation, {}, json=[]))
    if contract.needs_key(operation):
        unknown = {field: [str(uuid.uuid4())] if field.endswith("s") else str(uuid.uuid4())} if field else {}
        plain = request(contract, operation, {}, **({} if definition.method == "get" else {"json": unknown}))
        yield Probe("key", without_key(plain))
        yield Probe("key", without_key(plain, {"Authorization": "Bearer no-such-key"}))


def _body(contract: Contract, operation: str, bodies: dict[str, Any]) -> dict[str, Any] | None:
    """A valid body for a request; None if none is known."""
    wanted = contract.bodies(operation)
    if not wanted:
        return {}
    if "application/json" in wanted:
        body = bodies.get(operation, {})
        return {"json": body} if contract.accepts(operation, body) else None
    return {"files": [("files", ("probe.txt", b"probe", "text/plain"))]}


class Prober:
    """Probes all operations that the rules allow, and judges the responses."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contract = session.contract
        self._bodies = plain_bodies(session.values)

    def run(self) -> None:
        session = self._session
        for number, operation in enumerate(self._contract.operations):
            if session.only in ("", operation) and session.rules.calls(self._contract, operation):
                session.report(PHASE, operation, 0.7 * number / len(self._contract.operations))
                for probe in probes(self._contract, operation, self._bodies):
                    self._probe(probe)
                pages.probe(session, operation)
        methods.probe(session)

    def _probe(self, probe: Probe) -> None:
        session, operation = self._session, probe.request.operation
        response = session.send(probe.request)
        if response is None:
            return
        session.observations.saw(PHASE, operation, response)
        if session.observations.is_denied(probe.request, response):
            return
        remember(session, probe.request, response)
        for failure in [*session.judge.judge(operation, response), *self._refused(probe, response)]:
            session.observations.add(PHASE, probe.request, response, failure)

    def _refused(self, probe: Probe, response: Response) -> Iterator[Failure]:
        operation = probe.request.operation
        if response.error or self._session.judge.is_absent(response):
            return
        if probe.kind in EMPTY:
            if response.status >= 500:
                what = f"{response.status} for {EMPTY[probe.kind]}"
                yield Failure("not_a_server_error", what, "no server error")
        elif probe.kind != "malformed" or response.status >= 500 or self._contract.documented(operation, 404):
            yield from refusal(self._contract, probe.request, probe.kind, response)


def makers() -> dict[str, tuple[str, str]]:
    """The kind of record that an operation makes, and where its response has the ID, as the walks say."""
    found = {"createCredential": ("credential", "id")}
    for walk in bundled.walks()["walks"]:
        for step in walk["steps"]:
            for kind, name in step.get("makes", {}).items():
                found[step["call"]] = (kind, step["saves"][name])
    return found


def remember(session: Session, sent: Request, response: Response) -> None:
    """Write down what a request made by accident."""
    made = makers().get(sent.operation)
    body = response.json() if made and response.success else None
    id = body.get(made[1]) if made and isinstance(body, dict) else None
    if made and isinstance(id, str) and session.made(made[0], id):
        session.keep(sent, {id: made[1]})


def plain_bodies(values: Values) -> dict[str, Any]:
    """The first body of each operation in the walks that needs no name that a walk saves."""
    found: dict[str, Any] = {}
    known = {"credential": str(uuid.uuid4()), **values}
    for walk in bundled.walks()["walks"]:
        for step in walk["steps"]:
            if "json" in step and step["call"] not in found:
                with contextlib.suppress(MissingValueError):
                    found[step["call"]] = fill(step["json"], known)
    return found
