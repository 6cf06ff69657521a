"""Guided walks: what random data cannot do. Told as data in walks.yaml; every answer is judged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowise_mock.conform import streams
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.evidence import Record
from flowise_mock.conform.expectations import EXPECTATIONS, MISSING, dig, rows
from flowise_mock.conform.judge import Fault, Judge, has_place, is_page
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.refusals import refusal
from flowise_mock.conform.requests import Unknown, Values, files, fill, request
from flowise_mock.conform.safety import Rules
from flowise_mock.conform.wire import Answer, Request, Wire, without_key
from flowise_mock.contract import document

PHASE = "walks"
Step = dict[str, Any]


def bundled() -> dict[str, Any]:
    """The walks that come with the judge."""
    loaded: dict[str, Any] = document.read(Path(__file__).with_name("walks.yaml"))
    return loaded


@dataclass
class Done:
    """What a walk has achieved so far: nothing is expected of what was not done."""

    operations: set[str]
    deleted: set[str]
    changed: bool


@dataclass
class Walker:
    """Takes walks: asks, judges what comes back, remembers what later steps need."""

    contract: Contract
    wire: Wire
    judge: Judge
    record: Record
    ledger: Ledger
    rules: Rules
    walks: dict[str, Any]
    values: Values
    given: frozenset[str]
    """Names that the user set: an outside service that is there."""

    def run(self, progress: Callable[[str], None] = lambda _: None) -> None:
        if self.rules.writes:
            for step in self.walks.get("setup", []):
                self._set_up(step)
        for walk in self.walks["walks"]:
            if walk.get("reads") or self.rules.writes:
                progress(walk["name"])
                self._done = Done(set(), set(), False)
                for step in walk["steps"]:
                    self._step(step)

    def _set_up(self, step: Step) -> None:
        """A request that walks need and no contract names: it is not judged."""
        method, path = step["send"].split(" ")
        body = fill(step["json"], self.values) if "json" in step else None
        answer = self.wire.send(Request("set-up", method, path, json=body))
        if answer.success and "find" in step:
            wanted = fill(step["find"], self.values)
            for each in rows(answer.json()):
                if wanted.items() <= each.items():
                    self._save(step, each)
        elif answer.success:
            self._save(step, answer.json())
        for name, value in step.get("else", {}).items():
            if self.values.get(name) is None:
                self.values[name] = fill(value, {})

    def _step(self, step: Step) -> None:
        if "pause" in step:
            self._pause(step)
            return
        operation = step["call"]
        if not self._is_in_contract(step) or not self.rules.walks(self.contract, operation):
            return
        try:
            fill(step.get("needs", []), self.values)
            if self._is_due(step):
                self._ask(step, list(self._requests(step)))
        except Unknown as name:
            self.record.unasked.setdefault(operation, f"needs {name}, which no answer gave")

    def _is_due(self, step: Step) -> bool:
        """Whether a refusal may be expected: what should be gone was deleted, what must not fit does not."""
        if step.get("refused") == "invalid" and "json" in step:
            return not self.contract.takes(step["call"], fill(step["json"], self.values))
        if step.get("refused") not in ("unknown", "gone"):
            return True
        ids = {str(value) for value in fill(step.get("with", {}), self.values).values()}
        named = [name for name in step.get("with", {}).values() if name != "$uuid"]
        return not named or bool(ids & self._done.deleted)

    def _pause(self, step: Step) -> None:
        """Wait until two records cannot have the same date; not where the walk has no record to wait for."""
        date = self.values.get(step["unless_fine"][1:])
        if date is not None and not re.search(r"\.0*[1-9]", str(date)):
            time.sleep(step["pause"])

    def _is_in_contract(self, step: Step) -> bool:
        """Whether the contract has the operation of a step, and its parameters."""
        if not {step["call"], step.get("when", step["call"])} <= self.contract.operations.keys():
            return False
        known = {parameter["name"] for parameter in self.contract.parameters(step["call"])}
        path = self.contract.operations[step["call"]].path
        if f"{{{step.get('without')}}}" in path:
            return False
        return all(name in known or f"{{{name}}}" in path for name in step.get("with", {}))

    def _requests(self, step: Step) -> Iterator[Request]:
        """The request of a step, and those to try while it is refused: what the contract allows first."""
        arguments = fill(step.get("with", {}), self.values)
        streams = step.get("stream", False)
        if "json" not in step:
            form = fill(step["form"], self.values) if "form" in step else None
            sent = files(step.get("files", []))
            yield request(self.contract, step["call"], arguments, form=form, files=sent)
            return
        bodies = [fill(body, self.values) for body in [step["json"], *step.get("or", [])]]
        bodies.sort(key=lambda body: not self.contract.takes(step["call"], body))
        for body in bodies:
            yield request(self.contract, step["call"], arguments, json=body, streams=streams)

    def _ask(self, step: Step, asked: list[Request]) -> None:
        for number, each in enumerate(asked):
            each = each if step.get("key", True) else without_key(each)
            answer = self.wire.send(each, step.get("seconds"))
            self.record.saw(PHASE, each.operation, answer)
            faults = list(self._judged(step, each, answer))
            for fault in faults:
                self.record.fault(PHASE, each, answer, fault)
            if answer.success or "refused" in step or number == len(asked) - 1:
                self._keep(step, each, answer)
                return

    def _judged(self, step: Step, asked: Request, answer: Answer) -> Iterator[Fault]:
        operation = asked.operation
        if "refused" in step:
            yield from self._refused(step["refused"], operation, answer)
            return
        if step.get("stream") and answer.status < 300 and not answer.trouble.startswith("no answer"):
            yield from self._streamed(step, operation, answer)
            return
        faults = list(self.judge.judge(operation, answer))
        yield from faults
        if answer.trouble or self.judge.is_absent(answer) or is_page(answer):
            return
        if not answer.success:
            yield from self._failed(step, asked, answer)
            return
        if not any(fault.what.startswith(f"{answer.status} / ") for fault in faults):
            yield from self._expected(step, asked, answer)

    def _expected(self, step: Step, asked: Request, answer: Answer) -> Iterator[Fault]:
        """What the walk knows, as far as the contract gives the answer such fields."""
        response = self.contract.response(asked.operation, answer.status)
        schema = next(iter(response.schemas.values()), {}) if response else {}
        value = answer.json() if "json" in answer.media else answer.body.decode(errors="replace")
        for name, wanted in step.get("expect", {}).items():
            filled = fill(wanted, self.values)
            if not self._follows(name, filled):
                continue
            if name in ("is", "has", "holds_change"):
                filled = self._named(schema, filled)
            sent = self._named(schema, asked.json) if isinstance(asked.json, dict) else asked.json
            yield from EXPECTATIONS[name](value, filled, sent)

    def _follows(self, name: str, wanted: Any) -> bool:
        """Whether what an expectation builds on was done."""
        if name in ("holds_change", "item_changed"):
            return self._done.changed
        if name == "lacks":
            return str(wanted) in self._done.deleted
        return not (isinstance(wanted, dict) and "of" in wanted) or wanted["of"] in self._done.operations

    def _named(self, schema: document.Document, paths: Any) -> Any:
        """Those of some paths that a schema has a place for."""
        kept = [path for path in paths if has_place(self.contract.document, schema, path)]
        return {path: paths[path] for path in kept} if isinstance(paths, dict) else kept

    def _refused(self, kind: str, operation: str, answer: Answer) -> Iterator[Fault]:
        for fault in self.judge.judge(operation, answer):
            unanswered = fault.check == "answers_in_time" and self.contract.lenient
            yield fault._replace(note=fault.note or unanswered)
        if not answer.trouble and not self.judge.is_absent(answer):
            yield from refusal(self.contract, operation, kind, answer)

    def _streamed(self, step: Step, operation: str, answer: Answer) -> Iterator[Fault]:
        if answer.media == "application/json" and "application/json" in _known(self.contract, operation):
            yield Fault("stream_is_sent", "a stream was asked, JSON came", "text/event-stream")
            yield from self.judge.judge(operation, answer)
            return
        yield from streams.judge(answer, step.get("tokens", False))

    def _failed(self, step: Step, asked: Request, answer: Answer) -> Iterator[Fault]:
        """A request that should succeed did not: the server's fault, unless an outside service is missing."""
        outside = step.get("outside")
        if outside and answer.status >= 500 and not self._is_there(outside):
            self.record.unasked[asked.operation] = f"takes {OUTSIDE[outside]}"
        elif "json" in step and not self.contract.takes(asked.operation, asked.json):
            return
        else:
            known = self.contract.lenient and answer.status < 500
            yield Fault("valid_request_succeeds", f"{answer.status} for a request that fits", "2xx", known)

    def _is_there(self, outside: str) -> bool:
        return "model_url" in self.given and (outside != "vectors" or "vector_store" in self.given)

    def _keep(self, step: Step, asked: Request, answer: Answer) -> None:
        if not answer.success or "refused" in step or is_page(answer) or self.judge.is_absent(answer):
            return
        self._done.operations.add(asked.operation)
        self._done.changed = self._done.changed or "changes" in step.get("expect", {})
        self._done.deleted |= {
            str(self.values[n]) for n in [*step.get("gone", []), *step.get("deletes", [])] if n in self.values
        }
        for name in step.get("gone", []):
            self.ledger.gone(str(self.values[name]))
        self.values.update(dict.fromkeys(step.get("marks", []), True))
        if step.get("stream"):
            metadata = [event.data for event in streams.events(answer) if event.name == "metadata"]
            self._save(step, metadata[0] if metadata else answer.json())
        else:
            self._save(step, answer.json())

    def _save(self, step: Step, value: Any) -> None:
        for name, path in step.get("saves", {}).items():
            found = dig(value, path)
            if found is not MISSING and found is not None:
                self.values[name] = found
        for kind, name in step.get("makes", {}).items():
            if self.values.get(name) is not None:
                self.ledger.made(kind, str(self.values[name]), self.walks["undo"][kind])


OUTSIDE = {
    "model": "a model behind the server: --set model_url=URL",
    "vectors": "a vector store behind the server: --set vector_store=NAME --set vector_config=JSON",
}


def _known(contract: Contract, operation: str) -> set[str]:
    return {media for response in contract.responses(operation).values() for media in response.schemas}
