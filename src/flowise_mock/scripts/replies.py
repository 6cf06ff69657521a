"""Scripted answers. Their templates are compiled when the script is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.faults import spec
from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import templates, timing
from flowise_mock.scripts.patterns import Pattern
from flowise_mock.scripts.question import VARIABLES, Question
from flowise_mock.scripts.templates import TemplateError
from flowise_mock.scripts.timing import Timing
from flowise_mock.state.table import Record

_DELIMITERS = ("{{", "{%", "{#")
_NO_TEMPLATES = ("timing", "fault")
Render = Callable[[Record], Any]


@dataclass(frozen=True)
class Reply:
    """The scripted reply to one question. `text` is None if the default model should answer.

    `json` is structured output, and `text` then its JSON text. `parts` has the answer's other keys. `pauses`
    are the seconds before the first token and after each token, None if the script has no timing.
    """

    text: str | None
    json: Any
    parts: Record
    pauses: Iterator[float] | None


@dataclass(frozen=True)
class Answer:
    """One answer of a rule, with its fault if it has one."""

    render: Render
    timing: Timing | None
    fault: Fault | None
    regex: Pattern | None = None

    def reply(self, question: Question) -> Reply:
        """The reply to a question. Raises TemplateError."""
        variables = question.variables()
        if self.regex is not None:
            with question.request.search_time:
                found = self.regex.search(question.question)
            variables["groups"] = found.groupdict("") if found else {}
        parts: Record = self.render(variables)
        json = parts.pop("json", None)
        text = parts.pop("text", None) if json is None else jsontext.dumps(json)
        pauses = None
        if self.timing is not None:
            key = f"{question.flow.get('id')} {question.turn} {question.question}"
            pauses = timing.pauses(self.timing, key)
        return Reply(text, json, parts, pauses)


class BadTemplate(Exception):
    """A text of an answer is not a valid template: the steps to it, and why."""

    def __init__(self, steps: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.steps = steps


def compile_answer(given: Any, file_timing: Any, regex: Pattern | None = None) -> Answer:
    """Compile an answer of a script. `file_timing` is the timing of its file.

    Raises BadTemplate or ValueError.
    """
    parts: Record = {"text": given} if isinstance(given, str) else given
    variables = {*VARIABLES, "groups"} if regex is not None else set(VARIABLES)
    content = {key: value for key, value in parts.items() if key not in _NO_TEMPLATES}
    steps = () if isinstance(given, dict) else None
    fault = spec.read(parts["fault"]) if "fault" in parts else None
    render = _compile_value(content, variables, steps)
    return Answer(render, timing.read(parts.get("timing", file_timing)), fault, regex)


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
            raise BadTemplate(steps or (), str(error)) from None
    return lambda values: value


def _append(steps: tuple[str | int, ...] | None, step: str | int) -> tuple[str | int, ...] | None:
    return None if steps is None else (*steps, step)
