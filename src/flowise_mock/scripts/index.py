"""An index of rules, so that a question is tried against few of many.

A rule is indexed by one thing that a question must have to match it: a value that a condition requires, three
characters of a text that the question must contain, or the flow. Rules without such a key are always tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from flowise_mock.scripts.question import Question, text
from flowise_mock.scripts.rules import Rule

SIZE = 3


class Index:
    """The rules of a script that answer questions, by their keys."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._always: list[int] = []
        self._by_trigram: defaultdict[str, list[int]] = defaultdict(list)
        self._by_flow: defaultdict[str, list[int]] = defaultdict(list)
        self._by_value: dict[str, defaultdict[str, list[int]]] = {}
        self._values: dict[str, Callable[[Question], Any]] = {}
        for number, rule in enumerate(rules):
            self._add(number, rule)

    def _add(self, number: int, rule: Rule) -> None:
        exact = next((each for each in rule.conditions if each.exact is not None), None)
        trigrams = _trigrams(rule.needle)
        if trigrams and (exact is None or exact.name != "question"):
            rarest = min(trigrams, key=lambda each: (len(self._by_trigram.get(each, ())), each))
            self._by_trigram[rarest].append(number)
        elif exact is not None and exact.exact is not None:
            self._values[exact.name] = exact.value
            self._by_value.setdefault(exact.name, defaultdict(list))[exact.exact].append(number)
        elif rule.flows:
            for flow in rule.flows:
                self._by_flow[flow].append(number)
        else:
            self._always.append(number)

    def candidates(self, question: Question) -> list[Rule]:
        """The rules that may match, in their order."""
        numbers = set(self._always)
        for name, value in self._values.items():
            numbers.update(self._by_value[name].get(text(value(question)), ()))
        for trigram in self._by_trigram.keys() & _trigrams(question.question):
            numbers.update(self._by_trigram[trigram])
        for flow in (question.flow.get("id"), question.flow.get("name")):
            numbers.update(self._by_flow.get(text(flow), ()))
        return [self._rules[number] for number in sorted(numbers)]


def _trigrams(text: str) -> set[str]:
    """All runs of three characters in a text, ignoring case."""
    text = text.replace("\u0130", "i").casefold()  # as a regex that ignores case does
    return {text[start : start + SIZE] for start in range(len(text) - SIZE + 1)}
