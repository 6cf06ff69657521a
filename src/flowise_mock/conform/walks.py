"""Guided walks: what random data cannot do. They are data in walks.yaml; every response is judged."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.conform import bundled, records, streams
from flowise_mock.conform.client import Request, Response, without_key
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.expectations import EXPECTATIONS, MISSING, dig
from flowise_mock.conform.judge import Failure, is_page
from flowise_mock.conform.observations import PERMISSION
from flowise_mock.conform.refusals import refusal
from flowise_mock.conform.requests import MissingValueError, files, fill, request
from flowise_mock.conform.schema_errors import has_place
from flowise_mock.conform.session import Session
from flowise_mock.contract import document

PHASE = "walks"
Walk = dict[str, Any]
StepData = dict[str, Any]


@dataclass
class Progress:
    """What a walk has achieved: nothing is expected of what was not done."""

    name: str = ""
    operations: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    changed: bool = False
    repeats_ids: bool = False
    broken: set[str] = field(default_factory=set)
    """Lists that turned out to be wrong."""
    left_out: set[str] = field(default_factory=set)
    """Names that no step saves, as those that would do not apply."""
    lost: str = ""
    """The outside service for whose lack a step was left out."""


class Walker:
    """Takes walks: sends requests, judges the responses, remembers what later steps need."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contract = session.contract
        self._values = session.values
        self._progress = Progress()

    def run(self) -> None:
        session = self._session
        if session.rules.writes:
            for step in bundled.walks()["setup"]:
                self._set_up(step)
        due = self._due()
        for number, walk in enumerate(due):
            session.report(PHASE, walk["name"], number / len(due))
            self._progress = Progress(walk["name"], left_out=self._left_out(walk["steps"]))
            for step in walk["steps"]:
                self._step(step)

    def _due(self) -> list[Walk]:
        """The walks that the rules allow, and that call the operation that the run is limited to."""
        rules, only = self._session.rules, self._session.only
        walks: list[Walk] = [each for each in bundled.walks()["walks"] if each.get("reads") or rules.writes]
        return [each for each in walks if not only or only in operations(each)]

    def _set_up(self, step: StepData) -> None:
        """A request that walks need and no contract names: it is not judged."""
        method, path = step["send"].split(" ")
        body = fill(step["json"], self._values) if "json" in step else None
        sent = Request("set-up", method, path, json=body)
        response = self._session.client.send(sent)
        if response.success and "find" in step:
            _, row = records.located(response.json(), fill(step["find"], self._values))
            if row is not None:
                self._values |= {name: dig(row, path) for name, path in step["saves"].items()}
        elif response.success:
            self._save(step, sent, response.json())
        for name, value in step.get("else", {}).items():
            if self._values.get(name) is None:
                self._values[name] = fill(value, {})

    # --- one step ---

    def _step(self, step: StepData) -> None:
        if "pause" in step:
            self._pause(step)
            return
        operation = step["call"]
        if not self._applies(step):
            return
        if not self._session.rules.calls(self._contract, operation):
            return
        if not self._session.has_outside(step.get("outside")):
            self._lose(step)
            return
        try:
            fill(step.get("needs", []), self._values)
            if self._is_due(step):
                self._send(step, list(self._requests(step)))
        except MissingValueError as error:
            if self._progress.lost:
                self._lose(step)
            elif str(error) in self._progress.left_out:
                self._progress.left_out |= {*step.get("saves", {})}
            else:
                self._unseen(operation, f"needs {error}, which no response gave")

    def _lose(self, step: StepData) -> None:
        """Leave out a step whose outside service is not there, or that needs what such a step would give."""
        model = "model" if "model" in self._session.missing else ""
        self._progress.lost = model or self._progress.lost or step["outside"]
        self._unseen(step["call"], f"needs {self._progress.lost}")

    def _unseen(self, operation: str, why: str) -> None:
        self._session.observations.unseen.setdefault(operation, why)

    def _is_due(self, step: StepData) -> bool:
        """Whether a refusal may be expected: of what was deleted, or of a body that is not valid."""
        if step.get("refused") == "invalid" and "json" in step:
            return not self._contract.accepts(step["call"], fill(step["json"], self._values))
        if "ignored" in step and self._contract.ignores(step["call"], step["ignored"]):
            return False
        if step.get("refused") not in ("unknown", "gone"):
            return True
        ids = {str(value) for value in fill(step.get("with", {}), self._values).values()}
        named = [name for name in step.get("with", {}).values() if name != "$uuid"]
        return not named or bool(ids & self._progress.deleted)

    def _pause(self, step: StepData) -> None:
        """Wait until two records cannot have the same date, if the walk has a record to wait for."""
        date = self._values.get(step["unless_fine"][1:])
        if date is not None and not re.search(r"\.0*[1-9]", str(date)):
            time.sleep(step["pause"])

    def _left_out(self, steps: list[StepData]) -> set[str]:
        """The names that only steps save that do not apply."""
        saved: dict[bool, set[str]] = {True: set(), False: set()}
        for step in steps:
            if "saves" in step:
                saved[self._applies(step)] |= step["saves"].keys()
        return saved[False] - saved[True]

    def _applies(self, step: StepData) -> bool:
        """Whether a step is for versions such as this one, and its operation is in the contract."""
        return self._is_for_version(step) and self._is_in_contract(step)

    def _is_for_version(self, step: StepData) -> bool:
        """Whether a step is for versions that behave as this contract says."""
        behaves = self._contract.behaves_as
        if behaves(step.get("not_with", {})):
            return False
        return "only_with" not in step or behaves(step["only_with"])

    def _is_in_contract(self, step: StepData) -> bool:
        """Whether the contract has the operation of a step, and its parameters."""
        if not {step["call"], step.get("when", step["call"])} <= self._contract.operations.keys():
            return False
        known = {parameter["name"] for parameter in self._contract.parameters(step["call"])}
        path = self._contract.operations[step["call"]].path
        if f"{{{step.get('without')}}}" in path:
            return False
        return all(name in known or f"{{{name}}}" in path for name in step.get("with", {}))

    def _requests(self, step: StepData) -> Iterator[Request]:
        """The request of a step, and those to try while it is refused: bodies that are valid come first."""
        arguments = fill(step.get("with", {}), self._values)
        headers = fill(step.get("headers", {}), self._values)
        if "json" not in step:
            form = fill(step["form"], self._values) if "form" in step else None
            sent = files(step.get("files", []))
            yield request(self._contract, step["call"], arguments, headers=headers, form=form, files=sent)
            return
        bodies = [fill(body, self._values) for body in [step["json"], *step.get("or", [])]]
        bodies.sort(key=lambda body: not self._contract.accepts(step["call"], body))
        for body in bodies:
            yield request(self._contract, step["call"], arguments, headers=headers, json=body)

    def _send(self, step: StepData, requests: list[Request]) -> None:
        observations = self._session.observations
        for number, each in enumerate(requests):
            sent = each if step.get("key", True) else without_key(each)
            response = self._session.send(sent, step.get("seconds"))
            if response is None:
                return
            if step.get("refused") not in ("private", "key") and observations.is_denied(sent, response):
                self._progress.lost = PERMISSION
                return
            failures = list(self._judged(step, sent, response))
            if self._shows_missing(step, response):
                self._lose(step)
                return
            observations.saw(PHASE, sent.operation, response)
            for failure in failures:
                observations.add(
                    PHASE, sent, response, failure,
                    scope=self._progress.name, outside=step.get("outside", ""),
                )  # fmt: skip
            if response.success or "refused" in step or number == len(requests) - 1:
                self._keep(step, sent, response)
                return

    # --- judging ---

    def _judged(self, step: StepData, sent: Request, response: Response) -> Iterator[Failure]:
        operation, judge = sent.operation, self._session.judge
        if "refused" in step:
            yield from self._refused(step["refused"], sent, response)
            return
        if step.get("stream") and response.status < 300 and not response.error.startswith("no answer"):
            yield from self._streamed(step, operation, response)
            return
        failures = list(judge.judge(operation, response))
        if response.error or judge.is_absent(response) or is_page(response):
            yield from failures
        elif not response.success:
            yield from (each for each in failures if each.check != "error_body")
            yield from self._failed(step, sent, response)
        else:
            yield from failures
            if not any(is_unreadable(each, response.status) for each in failures):
                broken = {each.what.split(" ")[1] for each in failures if each.what.count(" ") > 1}
                broken |= {field.rpartition("/*")[2] for field in broken}
                yield from (
                    each for each in self._expected(step, sent, response)
                    if not any(each.what.startswith(f"{field} ") for field in broken)
                )  # fmt: skip

    def _expected(self, step: StepData, sent: Request, response: Response) -> Iterator[Failure]:
        """What the walk knows, as far as the contract gives the response such fields."""
        known = self._contract.response(sent.operation, response.status)
        schema = next(iter(known.schemas.values()), {}) if known else {}
        value = response.json() if "json" in response.media else response.body.decode(errors="replace")
        broken = self._progress.broken
        for name, wanted in step.get("expect", {}).items():
            filled = fill(wanted, self._values)
            if name == "has":
                filled = [each for each in filled if not self._hides(step, each)]
            if not self._follows(name, filled) or (name in OF_LISTS and sent.operation in broken):
                continue
            if name in ("is", "has", "holds_change"):
                filled = self._documented(schema, filled)
            body = self._documented(schema, sent.json) if isinstance(sent.json, dict) else sent.json
            found = list(EXPECTATIONS[name](value, filled, body))
            yield from found
            if found and name in OF_LISTS and not (isinstance(filled, dict) and "of" in filled):
                broken.add(sent.operation)  # what else is wrong with this list follows
            if found and name == "lacks":
                self._progress.deleted.discard(str(filled))

    def _hides(self, step: StepData, field: str) -> bool:
        """Whether a version is known not to show a field."""
        return self._contract.behaves_as(step.get("hides", {}).get(field, {}))

    def _follows(self, name: str, wanted: Any) -> bool:
        """Whether what an expectation builds on was done."""
        if name in ("holds_change", "item_changed"):
            return self._progress.changed
        if name in ("lists_once", "item"):
            return not self._progress.repeats_ids
        if name == "lacks":
            return str(wanted) in self._progress.deleted
        return not (isinstance(wanted, dict) and "of" in wanted) or wanted["of"] in self._progress.operations

    def _documented(self, schema: document.Document, paths: Any) -> Any:
        """Those of some paths that a schema has a place for."""
        kept = [path for path in paths if has_place(self._contract.document, schema, path)]
        return {path: paths[path] for path in kept} if isinstance(paths, dict) else kept

    def _refused(self, kind: str, sent: Request, response: Response) -> Iterator[Failure]:
        judge = self._session.judge
        for failure in judge.judge(sent.operation, response):
            unanswered = failure.check == "answers_in_time" and self._contract.describes_version
            yield failure._replace(note=failure.note or unanswered)
        if not response.error and not judge.is_absent(response):
            yield from refusal(self._contract, sent, kind, response)

    def _streamed(self, step: StepData, operation: str, response: Response) -> Iterator[Failure]:
        if response.media == "application/json" and response.media in _media(self._contract, operation):
            yield Failure("stream_is_sent", "JSON instead of a stream", "text/event-stream")
            yield from self._session.judge.judge(operation, response)
            return
        yield from streams.judge(response, step.get("tokens", False))

    def _failed(self, step: StepData, sent: Request, response: Response) -> Iterator[Failure]:
        """A request that should succeed did not."""
        if "json" in step and not self._contract.accepts(sent.operation, sent.json):
            return
        fails = self._contract.behaves_as(step.get("fails_with", {}))
        known = self._contract.describes_version and (response.status < 500 or fails)
        what = f"{response.status} for a valid request"
        yield Failure("valid_request_succeeds", what, "2xx", known)

    def _shows_missing(self, step: StepData, response: Response) -> bool:
        """Whether a response shows that an outside service is missing, which the user did not promise."""
        service = step.get("outside")
        if not service or self._is_promised(service):
            return False
        failed = response.status >= 500 or bool(response.error)
        if step.get("stream"):
            failed = failed or any(event.name == "error" for event in streams.events(response))
        if failed:
            self._session.missing.setdefault(service, response.error or str(response.status))
        return failed

    def _is_promised(self, service: str) -> bool:
        given = self._session.given
        return "model_url" in given and (service != "vectors" or "vector_store" in given)

    # --- remembering ---

    def _keep(self, step: StepData, sent: Request, response: Response) -> None:
        judge, progress = self._session.judge, self._progress
        if step.get("refused") == "gone" and response.success:
            progress.deleted -= set(fill(list(step.get("with", {}).values()), self._values))
        if not response.success or "refused" in step or is_page(response) or judge.is_absent(response):
            return
        progress.operations.add(sent.operation)
        progress.changed = progress.changed or bool(
            {"changes", "changes_item"} & step.get("expect", {}).keys()
        )
        gone = [*step.get("gone", []), *step.get("deletes", [])]
        progress.deleted |= {str(self._values[name]) for name in gone if name in self._values}
        self._values |= dict.fromkeys(step.get("marks", []), True)
        if step.get("stream"):
            metadata = [event.data for event in streams.events(response) if event.name == "metadata"]
            self._save(step, sent, metadata[0] if metadata else response.json())
        else:
            self._save(step, sent, response.json())

    def _save(self, step: StepData, sent: Request, value: Any) -> None:
        session, saves = self._session, {}
        prefix, value = (
            records.located(value, fill(step["find"], self._values)) if "find" in step else ("", value)
        )
        made = {name: kind for kind, name in step.get("makes", {}).items()}
        for name, path in step.get("saves", {}).items():
            found = dig(value, path)
            if found is MISSING or found is None:
                if self._hides(step, path.partition("/")[0]):
                    self._progress.left_out.add(name)
                continue
            if str(found) in session.ownership.before:
                self._values.pop(name, None)
                if name in made:
                    kind = session.ownership.before[str(found)]
                    self._report_old_id(step, sent, f"the ID of a {kind} that was there before")
                continue
            if name in made and str(found) in session.ownership.own:
                self._report_old_id(step, sent, f"the ID of a {made[name]} that was made before")
            self._values[name] = found
            saves[str(found)] = prefix + path
            if name in made:
                session.made(made[name], str(found))
        session.keep(sent, saves, self._progress.name)

    def _report_old_id(self, step: StepData, sent: Request, what: str) -> None:
        """A creation has to return a new ID; what was there before gets no request of the run."""
        if "call" in step:
            self._progress.repeats_ids = True
            failure = Failure("made_is_new", what, "a new ID")
            self._session.observations.add(PHASE, sent, Response(200), failure, scope=self._progress.name)


OF_LISTS = {
    "lists",
    "named_once",
    "lists_once",
    "holds_stream",
    "count",
    "ordered",
    "rows",
    "item",
    "item_changed",
    "lists_by",
}
"""Expectations of a list. After one that is not met the others say nothing new."""


def is_unreadable(found: Failure, status: int) -> bool:
    """Whether a failure leaves nothing of a body to be read."""
    if found.check in ("content_type_conformance", "html_instead_of_json"):
        return True
    return found.what in (f"{status} is not JSON", f"{status} has no body") or found.what.startswith(
        f"{status} / "
    )


def operations(walk: Walk) -> set[str]:
    """The operations that a walk calls or judges."""
    found = {step["call"] for step in walk["steps"] if "call" in step}
    for step in walk["steps"]:
        for wanted in step.get("expect", {}).values():
            if isinstance(wanted, dict) and "of" in wanted:
                found.add(wanted["of"])
    return found


def operations_of_services(services: Collection[str]) -> set[str]:
    """The operations that need any of some outside services in a walk."""
    return {
        step["call"]
        for walk in bundled.walks()["walks"]
        for step in walk["steps"]
        if step.get("outside") in services
    }


def _media(contract: Contract, operation: str) -> set[str]:
    return {media for response in contract.responses(operation).values() for media in response.schemas}


SERVICES = {
    "model": ("model", "--set model_url=URL, for a vector store --set vector_store=NAME too,"),
    "vectors": ("vector store", "--set vector_store=NAME and --set vector_config=JSON,"),
}
"""What an outside service is called, and the options that name one."""
