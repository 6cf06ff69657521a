"""The judge of a step: what a walk knows of a response, besides what the contract says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.conform import streams
from flowise_mock.conform.client import Request, Response
from flowise_mock.conform.expectations import EXPECTATIONS
from flowise_mock.conform.judge import Failure, is_page, refusal
from flowise_mock.conform.requests import fill
from flowise_mock.conform.schema_errors import has_place
from flowise_mock.conform.session import Session
from flowise_mock.contract import document

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


class StepJudge:
    """Judges the responses to the steps of a walk. `progress` is that of the walk, which it corrects."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self._progress = progress
        self._session = session
        self._contract = session.contract
        self._values = session.values

    def judge(self, step: StepData, sent: Request, response: Response) -> Iterator[Failure]:
        """What is wrong with the response to a request of a step."""
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
                filled = [each for each in filled if not self.hides(step, each)]
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

    def hides(self, step: StepData, field: str) -> bool:
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
        responses = self._contract.responses(operation).values()
        documented = {media for each in responses for media in each.schemas}
        if response.media == "application/json" and response.media in documented:
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
