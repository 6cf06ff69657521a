"""A script: the rules of its files in order, and which one answers now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowise_mock.contract.document import Document
from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import rules
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.index import Index
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.replies import Answer
from flowise_mock.scripts.rules import Rule
from flowise_mock.state.counts import Counts

log = logging.getLogger("flowise_mock")
EXPLAINED = 3
"""Rules whose mismatch an access line explains."""


@dataclass(frozen=True)
class Choice:
    """Who answers: a rule with its answer, or none.

    `explanation` names the rule, and why earlier rules do not match. `nearest` is the rule that came
    closest, if none matches and one must.
    """

    question: Question
    rule: Rule | None
    answer: Answer | None
    explanation: str
    nearest: str | None = None


class Script:
    """The rules of some files. How often each answered is counted in the store that it answers for.

    `strict` lets nothing else answer. `reload` reads a file again when it changes, and starts its counts
    anew; if the change is broken, the rules stay as they were and the log says why. Raises ScriptError if a
    file is broken.
    """

    def __init__(
        self, paths: Sequence[Path], contract: Document, *, strict: bool = False, reload: bool = False
    ) -> None:
        self.strict = strict
        self._paths = paths
        self._check = ContractCheck(contract)
        self._reload = reload
        self._stamps = self._file_stamps()
        self._use(rules.load(paths, self._check))

    def _use(self, loaded: tuple[Rule, ...]) -> None:
        self.rules = loaded
        self._for_questions = tuple(rule for rule in loaded if not rule.operation)
        self._numbers = {rule: number for number, rule in enumerate(self._for_questions)}
        self._index = Index(self._for_questions)
        self._for_operations: dict[str, list[Rule]] = {}
        for rule in loaded:
            if rule.operation:
                self._for_operations.setdefault(rule.operation, []).append(rule)

    # --- choosing ---

    def choose(self, question: Question, counts: Counts) -> Choice:
        """The first rule that matches, and which of its answers is due in this conversation."""
        if self._reload:
            self._refresh(counts)
        for rule in self._index.rules(question):
            if rule.matches(question) and _is_left(rule, counts):
                answer = _next_answer(rule, question, counts)
                return Choice(question, rule, answer, self._explanation(rule, question))
        nearest = self._nearest(question) if self.strict else None
        return Choice(question, None, None, self._explanation(None, question), nearest)

    def fault_for(self, operation: str, counts: Counts) -> Fault | None:
        """The fault that a rule has for another operation than prediction, or None."""
        if self._reload:
            self._refresh(counts)
        for rule in self._for_operations.get(operation, ()):
            if _is_left(rule, counts):
                counts.next(("rule", rule.id))
                return rule.answers[0].fault
        return None

    # --- explaining ---

    def _explanation(self, rule: Rule | None, question: Question) -> str:
        """Who answers, and why the first rules before it do not match; the number of the others."""
        before = len(self._for_questions) if rule is None else self._numbers[rule]
        passed = [
            f"{each.place} {_failures(each, question)[0]}"
            for each in self._for_questions[: min(before, EXPLAINED)]
        ]
        more = [f"{before - EXPLAINED} more"] if before > EXPLAINED else []
        head = f"rule {rule}" if rule else "no rule"
        return "; ".join([head, *passed, *more])

    def _nearest(self, question: Question) -> str:
        """The rule with most conditions satisfied; of those the one with fewest that are not."""
        if not self._for_questions:
            return "there is none; write one"

        def nearness(rule: Rule) -> tuple[int, int]:
            failed = len(rule.failures(question))
            return len(rule.conditions) - failed, -failed

        nearest = max(self._for_questions, key=nearness)
        return f"the nearest is {nearest}: {', '.join(_failures(nearest, question))}"

    # --- reloading ---

    def _file_stamps(self) -> list[tuple[int, int, int] | None]:
        """What changes with a file."""
        return [_stamp(path) for path in self._paths]

    def _refresh(self, counts: Counts) -> None:
        stamps = self._file_stamps()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._use(rules.load(self._paths, self._check))
        except ScriptError as error:
            log.error("%s; the rules stay as they were", error)
        else:
            counts.drop(lambda key: key[0] in ("rule", "conversation"))
            log.warning("scripts read again: %d rules, all counts start anew", len(self.rules))


def _is_left(rule: Rule, counts: Counts) -> bool:
    return rule.times is None or counts.get(("rule", rule.id)) < rule.times


def _next_answer(rule: Rule, question: Question, counts: Counts) -> Answer:
    """The next answer of a rule in this conversation; the last one repeats."""
    counts.next(("rule", rule.id))
    if len(rule.answers) == 1:
        return rule.answers[0]
    number = counts.next(("conversation", rule.id, str(question.flow.get("id")), question.session_id))
    return rule.answers[min(number, len(rule.answers)) - 1]


def _failures(rule: Rule, question: Question) -> list[str]:
    """Why a rule does not answer: each condition that fails."""
    failed = rule.failures(question)
    return failed or [f"has answered {rule.times} times, which is its limit"]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
