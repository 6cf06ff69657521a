"""A script: the rules of its files in order, and the choice of the one that answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowise_mock.scripts import flows, reading, rules
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.index import Index
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.reading import ScriptError, Source
from flowise_mock.scripts.replies import Answer
from flowise_mock.scripts.rules import Rule
from flowise_mock.state.counts import Counts
from flowise_mock.state.table import Record

log = logging.getLogger("flowise_mock")
EXPLAINED = 3
"""How many rules that do not match the access log explains."""


@dataclass(frozen=True)
class Choice:
    """The rule that answers and its answer, or neither.

    `explanation` names the rule and says why earlier rules do not match. `nearest` describes the rule
    that came closest, if none matches and one must.
    """

    question: Question
    rule: Rule | None
    answer: Answer | None
    explanation: str
    nearest: str | None = None


class Script:
    """The rules of some files. The counts of their answers are in the store of the server.

    If `strict`, a question that no rule matches fails. If `reload`, a file that changes is read again and
    all counts restart; if the change is invalid, the rules stay as they were and the log says why. Raises
    ScriptError if a file is invalid.
    """

    def __init__(
        self, paths: Sequence[Path], check: ContractCheck, *, strict: bool = False, reload: bool = False
    ) -> None:
        self.strict = strict
        self._paths = paths
        self._check = check
        self._reload = reload
        self._stamps = self._file_stamps()
        self.flows: list[Record] = []
        self._read([reading.read(path) for path in paths])

    @classmethod
    def of_texts(cls, texts: Iterable[tuple[str, str]], check: ContractCheck) -> Script:
        """A script of files that a client sent, each as its name and its text. Raises ScriptError."""
        script = cls((), check)
        sources = [reading.read_text(Path(name), text) for name, text in texts]
        script._read(sources)
        return script

    def _read(self, sources: Sequence[Source]) -> None:
        self._use(rules.compile_sources(sources, self._check))
        self.flows = [flows.record(each) for source in sources for each in source.value.get("chatflows", ())]

    def _use(self, loaded: tuple[Rule, ...]) -> None:
        self.rules = loaded
        self._for_questions = tuple(rule for rule in loaded if not rule.operation)
        self._numbers = {rule: number for number, rule in enumerate(self._for_questions)}
        self._index = Index(self._for_questions)
        self._for_operations: dict[str, list[Rule]] = {}
        for rule in loaded:
            if rule.operation:
                self._for_operations.setdefault(rule.operation, []).append(rule)
        if rules.ANY in self._for_operations:  # in the order of the files, each with those for any
            named = {each.operation for each in loaded} - {""}
            self._for_operations = {
                name: [each for each in loaded if each.operation in (name, rules.ANY)] for name in named
            }

    # --- choosing ---

    def choose(self, question: Question, counts: Counts) -> Choice:
        """The first rule that matches, and its next answer in this conversation."""
        self.refresh(counts)
        for rule in self._index.candidates(question):
            if rule.matches(question) and is_left(rule, counts):
                answer = next_answer(rule, question, counts)
                before = self._for_questions[: self._numbers[rule]]
                return Choice(question, rule, answer, explanation(rule, before, question))
        closest = nearest(self._for_questions, question) if self.strict else None
        return Choice(question, None, None, explanation(None, self._for_questions, question), closest)

    def for_operation(self, operation: str, counts: Counts) -> Sequence[Rule]:
        """The rules for an operation other than prediction, including those for any operation."""
        self.refresh(counts)
        return self._for_operations.get(operation, self._for_operations.get(rules.ANY, ()))

    # --- reloading ---

    def _file_stamps(self) -> list[tuple[int, int, int] | None]:
        """Values that change when a file changes."""
        return [_stamp(path) for path in self._paths]

    def refresh(self, counts: Counts) -> None:
        """Read files that have changed, if they are to be read again."""
        if not self._reload:
            return
        stamps = self._file_stamps()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._read([reading.read(path) for path in self._paths])
        except ScriptError as error:
            log.error("%s; the rules stay as they were", error)
        else:
            counts.drop(lambda key: key[0] in ("rule", "conversation"))
            log.warning("scripts read again: %d rules, all counts start anew", len(self.rules))


def is_left(rule: Rule, counts: Counts) -> bool:
    """Whether a rule may answer again."""
    return rule.times is None or counts.get(("rule", rule.id)) < rule.times


def next_answer(rule: Rule, question: Question, counts: Counts) -> Answer:
    """The next answer of a rule in this conversation; the last one repeats."""
    counts.next(("rule", rule.id))
    if len(rule.answers) == 1:
        return rule.answers[0]
    number = counts.next(("conversation", rule.id, str(question.flow.get("id")), question.session_id))
    return rule.answers[min(number, len(rule.answers)) - 1]


def explanation(rule: Rule | None, passed: Sequence[Rule], question: Question) -> str:
    """The rule that answers, why the first rules before it do not match, and the number of the others."""
    reasons = [f"{each.place} {failures(each, question)[0]}" for each in passed[:EXPLAINED]]
    more = [f"{len(passed) - EXPLAINED} more"] if len(passed) > EXPLAINED else []
    head = f"rule {rule}" if rule else "no rule"
    return "; ".join([head, *reasons, *more])


def nearest(rules: Sequence[Rule], question: Question) -> str:
    """The rule with most satisfied conditions; of several, the one with the fewest others."""
    if not rules:
        return "there is none; write one"

    def nearness(rule: Rule) -> tuple[int, int]:
        failed = len(rule.failures(question))
        return len(rule.conditions) - failed, -failed

    found = max(rules, key=nearness)
    return f"the nearest is {found}: {', '.join(failures(found, question))}"


def failures(rule: Rule, question: Question) -> list[str]:
    """Why a rule does not answer: each condition that fails."""
    failed = rule.failures(question)
    return failed or [f"has answered {rule.times} times, which is its limit"]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
