"""Scripted answers: what a rule says, its templates compiled when the script is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.faults import spec
from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import templates, timing
from flowise_mock.scripts.patterns import Pattern
from flowise_mock.scripts.question import WORDS, Question
from flowise_mock.scripts.templates import TemplateError
from flowise_mock.scripts.timing import Timing
from flowise_mock.state.table import Record

_MARKS = ("{{", "{%", "{#")
_PLAIN = ("timing", "fault")
Made = Callable[[Record], Any]


@dataclass(frozen=True)
class Reply:
    """What is said to one question. `text` is None where the script leaves it to what answers without it.

    `json` is structured output, of which `text` is the writing; `parts` are the answer's further keys, by
    their names; `pauses` are seconds before the first token and after each, None where nothing is said.
    """

    text: str | None
    json: Any
    parts: Record
    pauses: Iterator[float] | None


@dataclass(frozen=True)
class Answer:
    """One answer of a rule. `fault` is None where there is none."""

    make: Made
    timing: Timing | None
    fault: Fault | None
    regex: Pattern | None = None

    def reply(self, asked: Question) -> Reply:
        """The answer to what is asked. Raises TemplateError."""
        words = asked.words()
        if self.regex is not None:
            found = self.regex.search(asked.question)
            words["groups"] = found.groupdict("") if found else {}
        made: Record = self.make(words)
        json = made.pop("json", None)
        text = made.pop("text", None) if json is None else jsontext.dumps(json)
        pauses = None
        if self.timing is not None:
            pauses = timing.pauses(self.timing, f"{asked.flow.get('id')} {asked.turn} {asked.question}")
        return Reply(text, json, made, pauses)


class BadTemplate(Exception):
    """A text of an answer that is no template: the steps to it, and why."""

    def __init__(self, steps: tuple[str | int, ...], told: str) -> None:
        super().__init__(told)
        self.steps = steps


def compiled(given: Any, common: Any, regex: Pattern | None = None) -> Answer:
    """An answer as a script has it; `common` is the timing of its file. Raises BadTemplate or ValueError."""
    parts: Record = {"text": given} if isinstance(given, str) else given
    words = {*WORDS, "groups"} if regex is not None else set(WORDS)
    said = {key: value for key, value in parts.items() if key not in _PLAIN}
    steps = () if isinstance(given, dict) else None
    fault = spec.read(parts["fault"]) if "fault" in parts else None
    return Answer(_maker(said, words, steps), timing.read(parts.get("timing", common)), fault, regex)


def _maker(value: Any, words: set[str], steps: tuple[str | int, ...] | None) -> Made:
    """A value with its templates as a function of the words; each call makes a new value."""
    if isinstance(value, dict):
        members = {key: _maker(each, words, _step(steps, key)) for key, each in value.items()}
        return lambda given: {key: make(given) for key, make in members.items()}
    if isinstance(value, list):
        items = [_maker(each, words, _step(steps, number)) for number, each in enumerate(value)]
        return lambda given: [make(given) for make in items]
    if isinstance(value, str) and any(mark in value for mark in _MARKS):
        try:
            return templates.compiled(value, words)
        except TemplateError as error:
            raise BadTemplate(steps or (), str(error)) from None
    return lambda given: value


def _step(steps: tuple[str | int, ...] | None, step: str | int) -> tuple[str | int, ...] | None:
    return None if steps is None else (*steps, step)
