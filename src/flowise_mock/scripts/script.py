"""A script: the rules of its files in order, how often each has answered, and which one answers now."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowise_mock.contract.document import Document
from flowise_mock.faults.spec import Fault
from flowise_mock.scripts import rules
from flowise_mock.scripts.contract_check import Fitting
from flowise_mock.scripts.index import Index
from flowise_mock.scripts.question import Asked
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.replies import Answer
from flowise_mock.scripts.rules import Rule

log = logging.getLogger("flowise_mock")
TOLD = 3
"""Rules of which an access line tells why they did not match."""


@dataclass(frozen=True)
class Choice:
    """Who answers: a rule with its answer, or none. `told` is that and why earlier rules did not match.

    `nearest` tells of the rule that came nearest, where none answers and one must.
    """

    asked: Asked
    rule: Rule | None
    answer: Answer | None
    told: str
    nearest: str | None = None


class Script:
    """The rules of some files. Counts how often each answered; a reload starts all counts anew.

    `strict` lets nothing else answer. `reload` reads a file again that has changed; where the change is
    broken, the rules stay as they were and the log says why. Raises ScriptError where a file is broken.
    """

    def __init__(
        self, paths: Sequence[Path], contract: Document, *, strict: bool = False, reload: bool = False
    ) -> None:
        self.strict = strict
        self._paths = paths
        self._fitting = Fitting(contract)
        self._reload = reload
        self._stamps = self._seen()
        self._use(rules.load(paths, self._fitting))

    def _use(self, loaded: tuple[Rule, ...]) -> None:
        self.rules = loaded
        self._answered: Counter[Rule] = Counter()
        self._met: Counter[tuple[Rule, str, str]] = Counter()
        self._asking = tuple(rule for rule in loaded if not rule.operation)
        self._places = {rule: number for number, rule in enumerate(self._asking)}
        self._index = Index(self._asking)
        self._of_operation: dict[str, list[Rule]] = {}
        for rule in loaded:
            if rule.operation:
                self._of_operation.setdefault(rule.operation, []).append(rule)

    # --- choosing ---

    def choose(self, asked: Asked) -> Choice:
        """The first rule that matches, and which of its answers is due in this conversation."""
        if self._reload:
            self._refresh()
        for rule in self._index.rules(asked):
            if rule.matches(asked) and self._left(rule):
                return Choice(asked, rule, self._due(rule, asked), self._told(rule, asked))
        nearest = self._nearest(asked) if self.strict else None
        return Choice(asked, None, None, self._told(None, asked), nearest)

    def fault_for(self, operation: str) -> Fault | None:
        """The fault that a rule has for another operation than prediction, or None."""
        if self._reload:
            self._refresh()
        for rule in self._of_operation.get(operation, ()):
            if self._left(rule):
                self._answered[rule] += 1
                return rule.answers[0].fault
        return None

    def _left(self, rule: Rule) -> bool:
        return rule.times is None or self._answered[rule] < rule.times

    def _due(self, rule: Rule, asked: Asked) -> Answer:
        """The next answer of a rule in this conversation; the last one stays."""
        self._answered[rule] += 1
        if len(rule.answers) == 1:
            return rule.answers[0]
        place = (rule, str(asked.flow.get("id")), asked.session_id)
        number = min(self._met[place], len(rule.answers) - 1)
        self._met[place] += 1
        return rule.answers[number]

    # --- explaining ---

    def _told(self, rule: Rule | None, asked: Asked) -> str:
        """Who answers, and why the rules before did not match: those at the top, and how many more."""
        before = len(self._asking) if rule is None else self._places[rule]
        first = self._asking[: min(before, TOLD)]
        passed = [f"{each.place} {self._failures(each, asked)[0]}" for each in first]
        more = [f"{before - TOLD} more"] if before > TOLD else []
        head = f"rule {rule}" if rule else "no rule"
        return "; ".join([head, *passed, *more])

    def _failures(self, rule: Rule, asked: Asked) -> list[str]:
        """Why a rule does not answer: each condition that fails."""
        failed = rule.failures(asked)
        return failed or [f"has answered {rule.times} times, which is all it should"]

    def _nearest(self, asked: Asked) -> str:
        """The rule with most conditions met, and of those the one with fewest that are not."""
        if not self._asking:
            return "there is none; write one"

        def nearness(rule: Rule) -> tuple[int, int]:
            failed = len(rule.failures(asked))
            return len(rule.conditions) - failed, -failed

        nearest = max(self._asking, key=nearness)
        return f"the nearest is {nearest}: {', '.join(self._failures(nearest, asked))}"

    # --- reloading ---

    def _seen(self) -> list[tuple[int, int, int] | None]:
        """What tells whether a file has changed."""
        return [_stamp(path) for path in self._paths]

    def _refresh(self) -> None:
        stamps = self._seen()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._use(rules.load(self._paths, self._fitting))
        except ScriptError as error:
            log.error("%s; the rules stay as they were", error)
        else:
            log.warning("scripts read again: %d rules, all counts start anew", len(self.rules))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
