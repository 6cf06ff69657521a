"""Records predictions to a file of rules, and says what differs from what was recorded before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from time import monotonic
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document
from flowise_mock.contract.schemas import shortened
from flowise_mock.proxy.exchange import Exchange
from flowise_mock.proxy.rules import NotRecorded, Reader
from flowise_mock.proxy.script_file import ScriptFile, key
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.state.table import Record

PAUSE = 0.5
"""Seconds between two saves."""
VOLATILE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
"""Ids and dates in texts, which differ in each run."""
TIMES = re.compile(r"time|date|duration|delta|^start$|^end$|createdat", re.IGNORECASE)
"""Keys whose numbers differ in each run."""


@dataclass
class Recorded:
    """The answers to one question, by how often it was asked in its conversation."""

    flow: str
    match: Record
    answers: list[Record] = field(default_factory=list)

    def rule(self) -> Record:
        if len(self.answers) > 1:
            return {"match": self.match, "answers": self.answers}
        [answer] = self.answers
        return {"match": self.match, **(answer if set(answer) == {"fault"} else {"answer": answer})}


class Recorder:
    """Keeps what predictions answered, and writes it to `path`; `check` compares and writes nothing."""

    def __init__(self, contract: Document, path: Path, *, by_turn: bool = False, check: bool = False) -> None:
        self._reader = Reader(contract, by_turn)
        self._file = ScriptFile(path)
        self._by_turn = by_turn
        self.check = check
        self._found: dict[str, Recorded] = {}
        self._flows: dict[str, Record] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._before = {key(each): each for each in self._file.rules()}
        self._unsaved = False
        self._saved_at = 0.0

    @property
    def path(self) -> Path:
        return self._file.path

    def begin(self) -> None:
        """Make the file if there is none, so that a server can read it. Raises OSError."""
        if not self.path.exists():
            self._file.save([], [])

    def saw(self, exchange: Exchange) -> list[str]:
        """Take an exchange in; lines about it that a person should see."""
        flow = self._reader.flow(exchange)
        if not flow:
            self._note_flow(exchange)
            return []
        try:
            answer = self._reader.answer(exchange)
            question = self._reader.question(exchange)
        except NotRecorded as why:
            return [f"not recorded: {why}"]
        session = answer.session or question.session or str(exchange.id)
        if self._by_turn:
            turn = self._count((flow, session), "fault" not in answer.answer)
            question.match["turn"] = turn
        known = self._found.setdefault(key({"match": question.match}), Recorded(flow, question.match))
        number = 1 if self._by_turn else self._count((key({"match": question.match}), session), True)
        _keep(known.answers, number - 1, answer.answer)
        if "not found" not in str(answer.answer.get("fault")):
            self._flows.setdefault(flow, {"id": flow, "type": "CHATFLOW"})
            self._flows[flow]["type"] = "AGENTFLOW" if answer.is_agentflow else self._flows[flow]["type"]
        self._unsaved = True
        return self._save() if monotonic() - self._saved_at > PAUSE else []

    def _count(self, what: tuple[str, str], counts: bool) -> int:
        """How often something came, with this time."""
        number = self._asked.get(what, 0) + 1
        if counts:
            self._asked[what] = number
        return number

    def _note_flow(self, exchange: Exchange) -> None:
        """The name and the type of a flow, if the application reads it."""
        if exchange.status != 200 or "/chatflows" not in exchange.path or not exchange.whole:
            return
        try:
            value = jsontext.loads(exchange.content or b"")
        except ValueError:
            return
        for each in value if isinstance(value, list) else [value]:
            if (
                isinstance(each, dict)
                and isinstance(each.get("id"), str)
                and isinstance(each.get("name"), str)
            ):
                known = {"id": each["id"], "name": each["name"]}
                if each.get("type") in ("CHATFLOW", "AGENTFLOW", "MULTIAGENT", "ASSISTANT"):
                    known["type"] = each["type"]
                self._flows[each["id"]] = {**self._flows.get(each["id"], {}), **known}

    # --- the file ---

    def finish(self) -> tuple[list[str], bool]:
        """Compare with what was recorded before, and save. Returns lines, and whether all is well."""
        changes = list(self._differences())
        lines = [f"{'drift' if self.check else 'changed'}: {each}" for each in changes]
        if self.check:
            return lines, not changes
        failed = self._save() if self._unsaved else []
        if not self._unsaved:
            return lines, True
        other = self.path.with_name(f"{self.path.stem}.recorded{self.path.suffix}")
        try:
            ScriptFile(other).save(*self._content())
        except (OSError, ScriptError) as error:
            return [*lines, *failed, f"nothing can be written: {error}"], False
        return [*lines, *failed, f"what was recorded is in {other}"], False

    def _content(self) -> tuple[list[Record], list[Record]]:
        asked = {each.flow for each in self._found.values()}
        rules = [self._with_before(each) for each in self._found.values()]
        return rules, [each for id, each in self._flows.items() if id in asked]

    def _save(self) -> list[str]:
        """Save what changed; why that is not possible now, if so. What the file had stays."""
        self._saved_at = monotonic()
        if self.check:
            return []
        rules, flows = self._content()
        try:
            self._file.save([each for each in rules if not self._is_known(each)], flows)
        except ScriptError as error:
            return [f"not written yet: {error}"]
        except OSError as error:
            return [f"not written yet: {self.path}: {error.strerror}"]
        self._unsaved = False
        return []

    def _with_before(self, found: Recorded) -> Record:
        """A rule with what only the file has of its answers: a stream, if a response was recorded now."""
        rule = found.rule()
        old = _answers(self._before[key(rule)]) if key(rule) in self._before else []
        pairs: Iterator[tuple[Any, Any]] = zip_longest(old[: len(found.answers)], found.answers, fillvalue={})
        answers = [{**_kinds(before), **now} if _kinds(now) else now for before, now in pairs]
        return Recorded(found.flow, found.match, answers).rule()

    def _is_known(self, rule: Record) -> bool:
        """Whether the file had this rule, with these answers."""
        if key(rule) not in self._before or self._drift(rule):
            return False
        old, new = _answers(self._before[key(rule)]), _answers(rule)
        return len(new) <= len(old) and all(
            set(_kinds(one)) >= set(_kinds(other)) for one, other in zip(old, new, strict=False)
        )

    # --- differences ---

    def _differences(self) -> Iterator[str]:
        for each in self._found.values():
            rule = each.rule()
            if key(rule) not in self._before:
                if self.check and self._before:
                    yield f"{_name(rule)}: there is no rule for it"
                continue
            yield from (f"{_name(self._before[key(rule)])}: {line}" for line in self._drift(rule))

    def _drift(self, rule: Record) -> list[str]:
        """What differs between a recorded rule and the one that the file had."""
        old, new = _answers(self._before[key(rule)]), _answers(rule)
        lines = []
        for number, answer in enumerate(new):
            before = old[min(number, len(old) - 1)] if old else {}
            place = f"answer {number + 1}: " if len(new) > 1 else ""
            found = differences(_comparable(before, answer), _comparable(answer, before))
            lines += [f"{place}{line}" for line in found]
        return lines


def _kinds(answer: Any) -> Record:
    """The recorded parts of an answer: its stream, its response."""
    names = ("events", "response", "ms")
    return {name: answer[name] for name in names if name in answer} if isinstance(answer, dict) else {}


def _keep(answers: list[Record], index: int, answer: Record) -> None:
    """Keep an answer at its place; a stream and a response to the same question are one answer."""
    if index < len(answers):
        both = {"events", "response"} & {*answers[index], *answer} == {"events", "response"}
        answers[index] = {**answers[index], **answer} if both else answer
        return
    if not answers or differences(_comparable(answers[-1], answer), _comparable(answer, answers[-1])):
        answers.append(answer)


def _name(rule: Record) -> str:
    match = rule.get("match", {})
    text = rule.get("name") or match.get("question") or match.get("humanInput") or match.get("turn") or match
    return shortened(text if isinstance(text, str) else jsontext.dumps(text), 60)


def _answers(rule: Record) -> list[Any]:
    if "fault" in rule:
        return [{"fault": rule["fault"]}]
    return list(rule.get("answers") or [rule.get("answer", {})])


def _comparable(answer: Any, other: Any) -> Any:
    """An answer without what differs in each run: ids, dates, pauses, and how a text is cut into tokens.

    A stream is not compared with a response: what only one of two recorded answers has is left out.
    """
    value: Record = {"text": answer} if isinstance(answer, str) else answer
    kept = {name: each for name, each in value.items() if name != "ms"}
    if _kinds(answer) and _kinds(other):
        kept = {name: each for name, each in kept.items() if name in other or name not in _kinds(answer)}
    if "events" in kept:
        kept["events"] = [_event(each) for each in kept["events"]]
    return _stable(kept)


def _event(given: Record) -> Record:
    kept = {name: each for name, each in given.items() if name != "ms"}
    return {"token": "".join(kept["tokens"])} if "tokens" in kept else kept


def _stable(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _stable(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_stable(each) for each in value]
    if isinstance(value, str):
        return VOLATILE.sub("*", value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and TIMES.search(name):
        return 0
    return value


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two values differ, as lines with the path of each place."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"{path}/{name} is gone" for name in old if name not in new]
        found += [f"{path}/{name} is new: {_shown(new[name])}" for name in new if name not in old]
        for name in old:
            if name in new:
                found += differences(old[name], new[name], f"{path}/{name}")
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = [f"{path} has {len(new)} items, not {len(old)}"] if len(old) != len(new) else []
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            found += differences(one, other, f"{path}/{number}")
        return found
    same = old == new and isinstance(old, bool) == isinstance(new, bool)
    return [] if same else [f"{path}: {_shown(old)} -> {_shown(new)}"]


def _shown(value: Any) -> str:
    return shortened(jsontext.dumps(value), 80)
