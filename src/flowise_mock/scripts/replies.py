"""Scripted answers. Their templates are compiled when the script is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.faults import spec
from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import recorded, templates, timing
from flowise_mock.scripts.patterns import Pattern
from flowise_mock.scripts.question import VARIABLES, Question
from flowise_mock.scripts.recorded import BadEvent, Played, Recorded
from flowise_mock.scripts.templates import Render, TemplateError
from flowise_mock.scripts.timing import Timing
from flowise_mock.state.table import Record

_DELIMITERS = ("{{", "{%", "{#")
_NO_TEMPLATES = ("timing", "fault", "events", "response", "ms")


@dataclass(frozen=True)
class Reply:
    """The scripted reply to one question. `text` is None if the default model should answer.

    `json` is structured output, and `text` then its JSON text. `parts` has the answer's other keys. `pauses`
    are the seconds before the first token and after each token, None if the script has no timing. `recorded`
    makes a recorded answer of the ids that the mock has stored; None if the flow makes one of the parts.
    """

    text: str | None
    json: Any
    parts: Record
    pauses: Iterator[float] | None
    recorded: Callable[[Record], Played] | None = None


@dataclass(frozen=True)
class Answer:
    """One answer of a rule, with its fault if it has one."""

    render: Render
    timing: Timing | None
    fault: Fault | None
    regex: Pattern | None = None
    recorded: Recorded | None = None

    def reply(self, question: Question) -> Reply:
        """The reply to a question. Raises TemplateError."""
        variables = question.variables()
        if self.regex is not None:
            with question.request.search_time:
                found = self.regex.search(question.question)
            variables["groups"] = found.groupdict("") if found else {}
        if self.recorded is not None:
            return _recorded_reply(self.recorded, variables, question.streaming)
        parts: Record = self.render(variables)
        json = parts.pop("json", None)
        text = parts.pop("text", None) if json is None else jsontext.dumps(json)
        pauses = None
        if self.timing is not None:
            key = f"{question.flow.get('id')} {question.turn} {question.question}"
            pauses = timing.pauses(self.timing, key)
        return Reply(text, json, parts, pauses)


def _recorded_reply(found: Recorded, variables: Record, streaming: bool) -> Reply:
    """A recorded answer. If a stream is requested and none is recorded, the flow makes it of the response."""
    if found.answers_streams() or not streaming:
        return Reply(None, None, {}, None, lambda ids: found.play({**variables, **ids}))
    response = found.play({**variables, **dict.fromkeys(recorded.IDS, "")}).answer()
    parts = {name: response[name] for name in recorded.PARTS if response.get(name)}
    json = response.get("json")
    return Reply(str(response.get("text") or "") if json is None else jsontext.dumps(json), json, parts, None)


class BadAnswer(Exception):
    """A part of an answer cannot be used: the steps to it, and why."""

    def __init__(self, steps: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.steps = steps


def compile_answer(given: Any, file_timing: Any, regex: Pattern | None = None) -> Answer:
    """Compile an answer of a script. `file_timing` is the timing of its file.

    Raises BadAnswer or ValueError.
    """
    parts: Record = {"text": given} if isinstance(given, str) else given
    variables = {*VARIABLES, "groups"} if regex is not None else set(VARIABLES)
    content = {key: value for key, value in parts.items() if key not in _NO_TEMPLATES}
    steps = () if isinstance(given, dict) else None
    fault = spec.read(parts["fault"]) if "fault" in parts else None
    render = _compile_value(content, variables, steps)
    try:
        compile_value = partial(_compile_recorded, variables | set(recorded.IDS))
        found = recorded.compile_recorded(parts, compile_value)
    except BadEvent as error:
        raise BadAnswer(("events", error.number), str(error)) from None
    return Answer(render, timing.read(parts.get("timing", file_timing)), fault, regex, found)


def _compile_recorded(variables: set[str], value: Any, steps: tuple[str | int, ...]) -> Render:
    return _compile_value(value, variables, steps)


def _compile_value(value: Any, variables: set[str], steps: tuple[str | int, ...] | None) -> Render:
    """Compile a value with its templates to a function of the variables; each call makes a new value."""
    if isinstance(value, dict):
        members = {key: _compile_value(each, variables, _append(steps, key)) for key, each in value.items()}
        return lambda values: {key: render(values) for key, render in members.items()}
    if isinstance(value, list):
        items = [_compile_value(each, variables, _append(steps, n)) for n, each in enumerate(value)]
        return lambda values: [render(values) for render in items]
    if isinstance(value, str) and any(delimiter in value for delimiter in _DELIMITERS):
        try:
            return templates.compile_template(value, variables)
        except TemplateError as error:
            raise BadAnswer(steps or (), str(error)) from None
    return lambda values: value


def _append(steps: tuple[str | int, ...] | None, step: str | int) -> tuple[str | int, ...] | None:
    return None if steps is None else (*steps, step)
