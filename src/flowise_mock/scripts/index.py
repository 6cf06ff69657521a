"""Rules filed under one thing that a question must have to match them, so that few of many are tried.

That is a value that one of its conditions wants, three characters of a text that the question must contain,
or the flow. Rules that need no such thing are always tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from flowise_mock.scripts.question import Question, text
from flowise_mock.scripts.rules import Rule

SIZE = 3


class Index:
    """The rules of a script that answer questions, by what they need."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._always: list[int] = []
        self._by_part: defaultdict[str, list[int]] = defaultdict(list)
        self._by_flow: defaultdict[str, list[int]] = defaultdict(list)
        self._by_value: dict[str, defaultdict[str, list[int]]] = {}
        self._values: dict[str, Callable[[Question], Any]] = {}
        for number, rule in enumerate(rules):
            self._file(number, rule)

    def _file(self, number: int, rule: Rule) -> None:
        exact = next((each for each in rule.conditions if each.exact is not None), None)
        needed = _parts(rule.needle)
        if needed and (exact is None or exact.name != "question"):
            part = min(needed, key=lambda each: (len(self._by_part.get(each, ())), each))
            self._by_part[part].append(number)
        elif exact is not None and exact.exact is not None:
            self._values[exact.name] = exact.value
            self._by_value.setdefault(exact.name, defaultdict(list))[exact.exact].append(number)
        elif rule.flows:
            for flow in rule.flows:
                self._by_flow[flow].append(number)
        else:
            self._always.append(number)

    def rules(self, asked: Question) -> list[Rule]:
        """The rules that may match, in their order."""
        numbers = set(self._always)
        for name, value in self._values.items():
            numbers.update(self._by_value[name].get(text(value(asked)), ()))
        for part in self._by_part.keys() & _parts(asked.question):
            numbers.update(self._by_part[part])
        for flow in (asked.flow.get("id"), asked.flow.get("name")):
            numbers.update(self._by_flow.get(text(flow), ()))
        return [self._rules[number] for number in sorted(numbers)]


def _parts(text: str) -> set[str]:
    """All runs of three characters in a text, without regard to case."""
    text = text.replace("\u0130", "i").casefold()  # a regex takes it for an i
    return {text[start : start + SIZE] for start in range(len(text) - SIZE + 1)}
