"""The rules of script files, compiled. Every error has its file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowise_mock.contract.vocabulary import nearest
from flowise_mock.faults import spec
from flowise_mock.scripts import conditions, reading, replies
from flowise_mock.scripts.conditions import BadCondition, Condition
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.patterns import compile_pattern
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.reading import Source, Steps
from flowise_mock.scripts.replies import Answer, BadAnswer

PREDICTION = "createPrediction"
ANY = "*"
"""The operation of a rule that is for every request that it matches."""


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. `place` is file and line, `id` the whole path and the number.

    Every question that it matches contains `needle`, in any case. `flows` has the ids and names of its
    flows, and is empty if it is for all. `operation` is the operationId of an operation that gets a fault,
    and is empty for a rule that answers questions. `hold` is the name under which its requests wait.
    """

    id: str
    place: str
    name: str
    conditions: tuple[Condition, ...]
    answers: tuple[Answer, ...]
    times: int | None
    operation: str
    flows: tuple[str, ...]
    needle: str
    hold: str = ""

    def __str__(self) -> str:
        return f"{self.place} ({self.name})" if self.name else self.place

    def matches(self, question: Question) -> bool:
        """Whether all conditions hold."""
        with question.request.search_time:
            return all(each.holds(question) for each in self.conditions)

    def failures(self, question: Question) -> list[str]:
        """Why it does not match: a sentence for each condition that fails."""
        with question.request.search_time:
            return [each.explain_failure(question) for each in self.conditions if not each.holds(question)]


def load(paths: Sequence[Path], check: ContractCheck) -> tuple[Rule, ...]:
    """The rules of all files, in order. Raises ScriptError."""
    return compile_sources(map(reading.read, paths), check)


def compile_sources(sources: Iterable[Source], check: ContractCheck) -> tuple[Rule, ...]:
    """The rules of all sources, in order. Raises ScriptError."""
    return tuple(rule for source in sources for rule in _rules(source, check))


def _rules(source: Source, check: ContractCheck) -> Iterator[Rule]:
    for number, given in enumerate(source.value["rules"]):
        yield _rule(source, ("rules", number), given, check)


def compile_rule(given: dict[str, Any], id: str, check: ContractCheck) -> Rule:
    """Compile a rule that is not in a file. Raises ScriptError, whose pointer is within the rule."""
    source = reading.of_value({"rules": [given]}, "added rule")
    rule = _rule(source, ("rules", 0), source.value["rules"][0], check)
    return replace(rule, id=f"added#{id}", place=f"added:{id}")


def pattern_of(match: dict[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a `match`, for the journal and `verify`. Raises ScriptError."""
    source = reading.of_value({"rules": [{"match": match, "answer": "-"}]}, "pattern")
    return _conditions(source, ("rules", 0), source.value["rules"][0]["match"])


def _rule(source: Source, steps: Steps, given: dict[str, Any], check: ContractCheck) -> Rule:
    match = given.get("match", {})
    operation = _operation(source, steps, match, check)
    contents = [key for key in ("answer", "answers", "fault") if key in given]
    if len(contents) != 1:
        raise source.error(steps, "a rule has one of answer, answers and fault; write just one of them")
    if operation:
        _check_operation(source, steps, given)
    flows = match.get("chatflow", ())
    return Rule(
        id=f"{source.path}#{steps[-1]}",
        place=f"{source.path.name}:{source.line(steps)}",
        name=given.get("name", ""),
        conditions=_conditions(source, steps, match),
        answers=tuple(_answers(source, steps, given, check)),
        times=given.get("times"),
        operation=operation,
        flows=(flows,) if isinstance(flows, str) else tuple(flows),
        needle=conditions.needle(match.get("question")),
        hold=given.get("hold", ""),
    )


def _conditions(source: Source, steps: Steps, match: dict[str, Any]) -> tuple[Condition, ...]:
    try:
        return tuple(conditions.compile_match(match))
    except BadCondition as error:
        raise source.error((*steps, "match", *error.steps), str(error)) from None


def _operation(source: Source, steps: Steps, match: dict[str, Any], check: ContractCheck) -> str:
    """The operation that a rule is for: empty for questions, ANY for each operation that it matches."""
    named = match.get("operation")
    if named is None:
        return ANY if ("method" in match or "path" in match) and set(match) <= set(conditions.HTTP) else ""
    if named not in check.operations:
        near = nearest(str(named), check.operations)
        raise source.error((*steps, "match", "operation"), f"the contract has no operation {named}{near}")
    return "" if named == PREDICTION else str(named)


def _check_operation(source: Source, steps: Steps, given: dict[str, Any]) -> None:
    further = [key for key in given["match"] if key not in conditions.HTTP]
    if further:
        raise source.error(
            (*steps, "match", further[0]),
            "only questions to flows have this; leave it out beside operation",
            key=True,
        )
    if "fault" not in given:
        raise source.error(steps, "a rule for another operation than prediction has a fault and no answer")


def _answers(source: Source, steps: Steps, given: dict[str, Any], check: ContractCheck) -> Iterator[Answer]:
    question = given.get("match", {}).get("question")
    regex = compile_pattern(question["regex"]) if isinstance(question, dict) and "regex" in question else None
    timing = source.value.get("timing")
    if "fault" in given:
        _check_fault(source, (*steps, "fault"), given["fault"])
        yield replies.compile_answer({"fault": given["fault"]}, timing)
    for place, answer in _answers_of(steps, given):
        if isinstance(answer, dict) and "fault" in answer:
            _check_fault(source, (*place, "fault"), answer["fault"])
        try:
            compiled = replies.compile_answer(answer, timing, regex)
        except BadAnswer as error:
            raise source.error((*place, *error.steps), str(error)) from None
        violation = check.problem({"text": answer} if isinstance(answer, str) else answer)
        if violation is not None:
            raise source.error((*place, *violation.steps), violation.reason)
        yield compiled


def _check_fault(source: Source, steps: Steps, given: Any) -> None:
    try:
        spec.read(given)
    except ValueError as error:
        raise source.error(steps, str(error)) from None


def _answers_of(steps: Steps, given: dict[str, Any]) -> Iterator[tuple[Steps, Any]]:
    """The answers of a rule, each with the steps to it."""
    if "answer" in given:
        yield (*steps, "answer"), given["answer"]
    for number, answer in enumerate(given.get("answers", [])):
        yield (*steps, "answers", number), answer
