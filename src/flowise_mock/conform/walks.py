"""Guided walks: what random data cannot do. They are data in walks.yaml; every response is judged."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator
from typing import Any

from flowise_mock.conform import bundled, records, streams
from flowise_mock.conform.client import Request, Response, without_key
from flowise_mock.conform.expectations import MISSING, dig
from flowise_mock.conform.judge import Failure, is_page
from flowise_mock.conform.observations import PERMISSION
from flowise_mock.conform.requests import MissingValueError, files, fill, request
from flowise_mock.conform.session import Session
from flowise_mock.conform.step_judge import Progress, StepData, StepJudge

PHASE = "walks"
Walk = dict[str, Any]


class Walker:
    """Takes walks: sends requests, judges the responses, remembers what later steps need."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contract = session.contract
        self._values = session.values
        self._begin(Progress())

    def _begin(self, progress: Progress) -> None:
        self._progress = progress
        self._judge = StepJudge(self._session, progress)

    def run(self) -> None:
        session = self._session
        if session.rules.writes:
            for step in bundled.walks()["setup"]:
                self._set_up(step)
        due = self._due()
        for number, walk in enumerate(due):
            session.report(PHASE, walk["name"], number / len(due))
            self._begin(Progress(walk["name"], left_out=self._left_out(walk["steps"])))
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
            failures = list(self._judge.judge(step, sent, response))
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
                if self._judge.hides(step, path.partition("/")[0]):
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


SERVICES = {
    "model": ("model", "--set model_url=URL, for a vector store --set vector_store=NAME too,"),
    "vectors": ("vector store", "--set vector_store=NAME and --set vector_config=JSON,"),
}
"""What an outside service is called, and the options that name one."""
