"""Recorded answers: the events of a stream, or the JSON of a response, as a real server sent them.

Their texts are templates like all texts of an answer, and know two ids more: those of the message and of the
execution that the mock stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext
from flowise_mock.scripts.templates import Compile, Render
from flowise_mock.state.table import Record

PARTS = (
    "sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning", "flowVariables",
    "action", "agentFlowExecutedData",
)  # fmt: skip
"""What an answer has besides its text: keys of a response, and names of events."""
IDS = ("chatMessageId", "executionId")
"""The variables that only recorded answers have."""
ONE_MORE = "executed"
"""An event with one more node for `agentFlowExecutedData`, which lists all nodes so far."""
END = ("end",)
"""Events that every stream has, and that a script does not name."""


class BadEvent(ValueError):
    """An event of a script is not one: its number, and what to do."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class Moment(NamedTuple):
    """An event, and the seconds before it."""

    seconds: float
    name: str
    data: Any


class Played(NamedTuple):
    """A recorded answer to one question: events, or the response after so many seconds, or both."""

    events: list[Moment]
    response: Record | None
    seconds: float

    @property
    def failure(self) -> str | None:
        """The text of an event `error`."""
        return next((str(each.data) for each in self.events if each.name == "error"), None)

    def answer(self) -> Record:
        """The response, or what the events say."""
        if self.response is not None:
            return self.response
        last = {each.name: each.data for each in self.events if each.name in PARTS and each.data}
        metadata = next((jsontext.mapping(each.data) for each in self.events if each.name == "metadata"), {})
        return {"text": self.text(), **metadata, **last}

    def text(self) -> str:
        """The text of the answer: of the response, of the last node of an agentflow, or of all tokens."""
        if self.response is not None:
            return str(self.response.get("text") or "")
        nodes = [each.data for each in self.events if each.name == "agentFlowExecutedData"]
        if nodes and isinstance(nodes[-1], list) and nodes[-1]:
            output = jsontext.mapping(jsontext.mapping(nodes[-1][-1].get("data")).get("output"))
            if isinstance(output.get("content"), str):
                return str(output["content"])
        return "".join(str(each.data) for each in self.events if each.name == "token")


@dataclass(frozen=True)
class Recorded:
    """A recorded answer, compiled. `events` are pauses, names and what renders their data."""

    events: tuple[tuple[float, str, Render], ...] = ()
    response: Render | None = None
    seconds: float = 0.0

    def answers_streams(self) -> bool:
        return bool(self.events)

    def play(self, variables: Record) -> Played:
        """The answer with these variables. Raises TemplateError."""
        events = list(_whole(Moment(pause, name, render(variables)) for pause, name, render in self.events))
        response = None if self.response is None else self.response(variables)
        return Played(events, response, self.seconds)


def _whole(moments: Iterable[Moment]) -> Iterator[Moment]:
    """Events, with all nodes so far in the place of one more."""
    executed: list[Any] = []
    for moment in moments:
        if moment.name == ONE_MORE:
            moment = Moment(moment.seconds, "agentFlowExecutedData", [*executed, moment.data])
        if moment.name == "agentFlowExecutedData" and isinstance(moment.data, list):
            executed = moment.data
        yield moment


def compile_recorded(given: Record, compile_value: Compile) -> Recorded | None:
    """The recorded parts of an answer of a script; None if it has none. Raises BadEvent."""
    if "events" not in given and "response" not in given:
        return None
    events = [
        (pause, name, compile_value(data, ("events", number)))
        for number, each in enumerate(given.get("events", ()))
        for pause, name, data in _moments(number, each)
    ]
    response = compile_value(given["response"], ("response",)) if "response" in given else None
    return Recorded(tuple(events), response, given.get("ms", 0) / 1000)


def _moments(number: int, given: Record) -> Iterator[tuple[float, str, Any]]:
    """The events of an item: one by its name, or `tokens`, which are one event each."""
    names = [name for name in given if name != "ms"]
    if len(names) != 1:
        raise BadEvent(number, "an event has one name, such as token, and perhaps ms, the pause before it")
    name, pause = names[0], given.get("ms", 0)
    if name in END:
        raise BadEvent(number, f"every stream ends with {name}; leave it out")
    if name != "tokens":
        if isinstance(pause, list):
            raise BadEvent(number, "only tokens have a list of pauses; write a number")
        yield pause / 1000, name, given[name]
        return
    tokens = given["tokens"]
    if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
        raise BadEvent(number, "tokens are a list of texts")
    pauses = pause if isinstance(pause, list) else [pause] * len(tokens)
    if len(pauses) != len(tokens):
        raise BadEvent(number, f"there are {len(tokens)} tokens and {len(pauses)} pauses; write one for each")
    for token, each in zip(tokens, pauses, strict=True):
        yield each / 1000, "token", token
