"""Probes: each operation asked for what is not there, with what cannot be read, without a key."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.evidence import Record
from flowise_mock.conform.judge import Judge
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.refusals import refusal
from flowise_mock.conform.requests import Unknown, fill, request
from flowise_mock.conform.safety import LASTING, Rules
from flowise_mock.conform.wire import Answer, Request, Wire, without_key

PHASE = "probes"
MALFORMED = "not-an-id"
KEYLIKE = {"apikey", "name"}
"""Path parameters that are no IDs."""


class Probe(NamedTuple):
    kind: str
    request: Request


def probes(contract: Contract, operation: str, bodies: dict[str, Any]) -> Iterator[Probe]:
    """What an operation is asked. `bodies` are JSON bodies that fit, by operation."""
    definition = contract.operations[operation]
    names = [name for name in re.findall(r"\{(\w+)\}", definition.path) if name not in KEYLIKE]
    fits = _body(contract, operation, bodies)
    if fits is not None and names:
        yield Probe("unknown", request(contract, operation, contract.strange(operation), **fits))
        yield Probe("malformed", request(contract, operation, dict.fromkeys(names, MALFORMED), **fits))
    if "application/json" in contract.bodies(operation):
        broken = request(contract, operation, {}, content=b'{"name": ')
        yield Probe("unreadable", broken)
        if operation not in LASTING:
            yield Probe("empty", request(contract, operation, {}, json={}))
            yield Probe("list", request(contract, operation, {}, json=[]))
    if contract.needs_key(operation):
        asked = request(contract, operation, {}, **({} if definition.method == "get" else {"json": {}}))
        yield Probe("key", without_key(asked))
        yield Probe("key", without_key(asked, {"Authorization": "Bearer no-such-key"}))


def _body(contract: Contract, operation: str, bodies: dict[str, Any]) -> dict[str, Any] | None:
    """A body that fits, for a request; None where none is known."""
    wanted = contract.bodies(operation)
    if not wanted:
        return {}
    if "application/json" in wanted:
        body = bodies.get(operation, {})
        return {"json": body} if contract.takes(operation, body) else None
    return {"files": [("files", ("probe.txt", b"probe", "text/plain"))]}


class Prober:
    """Probes all operations that the rules allow, and judges the answers."""

    def __init__(
        self, contract: Contract, wire: Wire, judge: Judge, record: Record, ledger: Ledger, rules: Rules,
        walks: dict[str, Any], values: dict[str, Any],
    ) -> None:  # fmt: skip
        self._contract, self._wire, self._judge = contract, wire, judge
        self._record, self._ledger, self._rules = record, ledger, rules
        self._undo = walks["undo"]
        self._makes = makers(walks)
        self._bodies = plain_bodies(walks, values)

    def run(self, progress: Callable[[str], None] = lambda _: None) -> None:
        for operation in self._contract.operations:
            if self._rules.probes(self._contract, operation):
                progress(operation)
                for probe in probes(self._contract, operation, self._bodies):
                    self._probe(probe)

    def _probe(self, probe: Probe) -> None:
        answer = self._wire.send(probe.request)
        self._record.saw(PHASE, probe.request.operation, answer)
        self._remember(probe.request.operation, answer)
        for fault in self._judge.judge(probe.request.operation, answer):
            self._record.fault(PHASE, probe.request, answer, fault)
        if answer.trouble or self._judge.is_absent(answer):
            return
        for fault in self._refused(probe, answer):
            self._record.fault(PHASE, probe.request, answer, fault)

    def _refused(self, probe: Probe, answer: Answer) -> Iterator[Any]:
        operation = probe.request.operation
        if probe.kind in ("empty", "list"):
            if answer.status >= 500:
                yield _server_error(probe.kind, answer)
        elif probe.kind != "malformed" or answer.status >= 500 or self._contract.documented(operation, 404):
            yield from refusal(self._contract, operation, probe.kind, answer)

    def _remember(self, operation: str, answer: Answer) -> None:
        """What a probe made by accident goes into the ledger too."""
        remember(self._ledger, self._makes, self._undo, operation, answer)


def _server_error(kind: str, answer: Answer) -> Any:
    from flowise_mock.conform.judge import Fault

    told = {"empty": "a body {}", "list": "a body []"}[kind]
    return Fault("not_a_server_error", f"{answer.status} for {told}", "no server error")


def makers(walks: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What kind of thing an operation makes, and where its answer has the ID, as the walks tell."""
    found = {}
    for walk in walks["walks"]:
        for step in walk["steps"]:
            for kind, name in step.get("makes", {}).items():
                found[step["call"]] = (kind, step["saves"][name])
    return found


def remember(
    ledger: Ledger,
    makes: dict[str, tuple[str, str]],
    undo: dict[str, list[str]],
    operation: str,
    answer: Answer,
) -> None:
    if operation in makes and answer.success:
        kind, path = makes[operation]
        body = answer.json()
        id = body.get(path) if isinstance(body, dict) else None
        if isinstance(id, str):
            ledger.made(kind, id, undo[kind])


def plain_bodies(walks: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The first body of each operation in the walks that needs no name that a walk saves."""
    found: dict[str, Any] = {}
    for walk in walks["walks"]:
        for step in walk["steps"]:
            if "json" in step and step["call"] not in found:
                with contextlib.suppress(Unknown):
                    found[step["call"]] = fill(step["json"], {"credential": str(uuid.uuid4()), **values})
    return found
