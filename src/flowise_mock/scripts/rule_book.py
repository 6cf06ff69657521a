"""The rules of one namespace: added rules, the last one first, then those of the files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import rules
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.rules import Rule
from flowise_mock.scripts.script import Choice, Script, explanation, is_left, nearest, next_answer
from flowise_mock.state.counts import Counts
from flowise_mock.state.table import Record


class RuleBook:
    """Chooses the rule that answers. `script` has the rules of files; if `strict`, a rule must match."""

    def __init__(self, check: ContractCheck, script: Script | None = None, *, strict: bool = False) -> None:
        self.strict = strict
        self._check = check
        self._script = script
        self._added: dict[str, tuple[dict[str, Any], Rule]] = {}
        self._number = 0

    def __bool__(self) -> bool:
        """Whether a rule may match, or must."""
        return bool(self._added) or self._script is not None or self.strict

    # --- added rules ---

    def begin(self, texts: Sequence[tuple[str, str]] | None, strict: bool | None) -> None:
        """Use files that a client sent, by name and text, instead of the server's. Raises ScriptError.

        None keeps what there is.
        """
        if texts is not None:
            self._script = Script.of_texts(texts, self._check) if texts else None
        if strict is not None:
            self.strict = strict

    async def add(self, given: dict[str, Any], id: str | None = None) -> str:
        """Add a rule before all others, or replace the one with that id. Raises ScriptError.

        It is compiled in a thread: a large one takes seconds.
        """
        if id is None:
            self._number += 1
            id = str(self._number)
        rule = await asyncio.to_thread(rules.compile_rule, given, id, self._check)
        self._added[id] = (given, rule)
        return id

    def get(self, id: str) -> tuple[dict[str, Any], Rule] | None:
        """The source and the rule of that id."""
        return self._added.get(id)

    def remove(self, id: str) -> bool:
        return self._added.pop(id, None) is not None

    def clear(self, *, faults: bool) -> None:
        """Remove the rules that were added: those that have a fault, or those that answer."""
        self._added = {id: each for id, each in self._added.items() if ("fault" in each[0]) is not faults}

    def compiled(self, given: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], Rule]]:
        """Rules in the order of trying, compiled for `use`. Raises ScriptError."""
        first = self._number + len(given)
        return [
            (each, rules.compile_rule(each, str(first - number), self._check))
            for number, each in enumerate(given)
        ]

    def use(self, compiled: Sequence[tuple[dict[str, Any], Rule]]) -> None:
        """Replace the rules that were added by those of `compiled`."""
        self._added = {rule.id.partition("#")[2]: (given, rule) for given, rule in reversed(compiled)}
        self._number += len(compiled)

    def added(self) -> Iterator[tuple[str, dict[str, Any], Rule]]:
        """The id, the source and the rule of each added rule, in the order in which they are tried."""
        for id, (given, rule) in reversed(self._added.items()):
            yield id, given, rule

    def refresh(self, counts: Counts) -> None:
        """Read files that have changed, if they are to be read again."""
        if self._script is not None:
            self._script.refresh(counts)

    def flows(self) -> Sequence[Record]:
        """The flows that the files name."""
        return self._script.flows if self._script else ()

    def of_files(self) -> Sequence[Rule]:
        return self._script.rules if self._script else ()

    # --- choosing ---

    def choose(self, question: Question, counts: Counts) -> Choice:
        """The first rule that matches, and its next answer in this conversation.

        A fault that was added and that spoils an answer, instead of replacing it, spoils that of the rule.
        """
        spoiling: Choice | None = None
        passed: list[Rule] = []
        for _, given, rule in self.added():
            if rule.operation:
                continue
            if not (rule.matches(question) and is_left(rule, counts)):
                passed.append(rule)
            elif not _spoils(given, rule):
                answer = next_answer(rule, question, counts)
                return _spoiled(Choice(question, rule, answer, explanation(rule, passed, question)), spoiling)
            elif spoiling is None:
                answer = next_answer(rule, question, counts)
                spoiling = Choice(question, rule, answer, explanation(rule, passed, question))
        if self._script is not None:
            choice = self._script.choose(question, counts)
            if choice.rule is not None:
                return _spoiled(choice, spoiling)
            if not self.strict:
                return spoiling or choice
            passed += [rule for rule in self._script.rules if not rule.operation]
        if spoiling is not None:
            return spoiling
        closest = nearest(passed, question) if self.strict else None
        return Choice(question, None, None, explanation(None, passed, question), closest)

    def answers(self, question: Question, counts: Counts) -> bool:
        """Whether a rule answers a question; nothing is counted."""
        every = [*(rule for _, _, rule in self.added()), *self.of_files()]
        return any(not rule.operation and rule.matches(question) and is_left(rule, counts) for rule in every)

    def fault_for(self, question: Question, counts: Counts) -> tuple[Fault, Rule] | None:
        """The fault that a rule has for the operation of a request, and that rule."""
        for rule in self._for_operation(question.request.operation, counts):
            fault = rule.answers[0].fault
            if fault is not None and rule.matches(question) and is_left(rule, counts):
                counts.next(("rule", rule.id))
                return fault, rule
        return None

    def has_operation_rules(self, operation: str, counts: Counts) -> bool:
        """Whether a rule may have a fault for an operation; the request is read only then."""
        return next(self._for_operation(operation, counts), None) is not None

    def _for_operation(self, operation: str, counts: Counts) -> Iterator[Rule]:
        for _, _, rule in self.added():
            if rule.operation in (operation, rules.ANY):
                yield rule
        if self._script is not None:
            yield from self._script.for_operation(operation, counts)


def _spoils(given: dict[str, Any], rule: Rule) -> bool:
    """Whether an added rule is a fault that spoils an answer and does not replace it."""
    fault = rule.answers[0].fault
    return "fault" in given and fault is not None and fault.spoils != "answer"


def _spoiled(choice: Choice, spoiling: Choice | None) -> Choice:
    """The choice with the fault of another, unless its answer has one."""
    if spoiling is None or choice.answer is None or choice.answer.fault is not None:
        return choice
    assert spoiling.answer is not None
    return replace(choice, answer=replace(choice.answer, fault=spoiling.answer.fault))
