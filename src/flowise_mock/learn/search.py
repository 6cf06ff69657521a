"""The search: tries proposals against the recordings, and keeps those that help and harm nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from flowise_mock.contract.document import Document, DocumentError
from flowise_mock.learn import infer, neighbours
from flowise_mock.learn.observation import Observation
from flowise_mock.learn.proposal import Action, Proposal

Play = Callable[[Sequence[Action]], tuple[Document, Iterable[Observation]]]
"""Plays the recordings against a mock with further actions, as far as its observations are read.

Raises DocumentError if the actions do not apply.
"""
ROUNDS = 12


@dataclass
class Search:
    """The state of one search: what is kept so far, and what the mock answers with it."""

    play: Play
    report: Callable[[str], None] = lambda line: None
    protected: frozenset[str] = frozenset()
    kept: list[Proposal] = field(default_factory=list)
    plays: int = 0
    _tried: set[str] = field(default_factory=set)

    def start(self) -> None:
        self.document, played = self._play([])
        self.seen = list(played)
        self.first = self.seen

    def infer(self) -> None:
        """Try what single observations suggest, until nothing new is suggested."""
        for number in range(ROUNDS):
            found = [
                each for seen in self.seen if not seen.explained for each in infer.infer(self.document, seen)
            ]
            batch = self._untried(found)
            if not batch:
                return
            before = len(self.kept)
            self._try(batch)
            if len(self.kept) > before:  # what did not help may help now
                self._tried -= {each.key for each in batch if each not in self.kept}
            self.report(
                f"round {number + 1}: {len(self.kept) - before} of {len(batch)} proposals explain something"
            )

    def compare(self, other: Document, version: str) -> None:
        """Try what another version does otherwise, for operations of which something is not explained."""
        scopes = {"", *map(_scope, self.unexplained)}
        found = [each for each in neighbours.proposals(self.document, other, version) if each.scope in scopes]
        before = len(self.kept)
        self._try(self._fresh(found))
        parts = [part for each in found if each not in self.kept for part in each.parts]
        self._try(self._fresh(parts))
        self.report(f"{version}: {len(self.kept) - before} of its differences explain something")

    @property
    def unexplained(self) -> list[Observation]:
        return [each for each in self.seen if not each.explained]

    # --- trying ---

    def _fresh(self, found: Sequence[Proposal]) -> list[Proposal]:
        """The proposals that were not tried before, and that set nothing that is protected."""
        fresh = {each.key: each for each in reversed(found) if each.key not in self._tried}
        allowed = [
            each
            for each in reversed(list(fresh.values()))
            if not any(action.target in self.protected for action in each.actions)
        ]
        self._tried |= {each.key for each in allowed}
        return allowed

    def _untried(self, found: Sequence[Proposal]) -> list[Proposal]:
        """The first new proposal for each slot."""
        chosen: dict[str, Proposal] = {}
        for each in found:
            if each.key not in self._tried and each.slot not in chosen:
                chosen[each.slot] = each
        return self._fresh(list(chosen.values()))

    def _try(self, batch: Sequence[Proposal]) -> None:
        """Keep the proposals that help: those of operations together, those of all one by one."""
        local = [each for each in batch if each.scope]
        if local:
            self._keep_by_operation(local)
        self._bisect([each for each in batch if not each.scope])

    def _keep_by_operation(self, batch: list[Proposal]) -> None:
        """Try all at once; an operation that only gains keeps its proposals, the others are tried apart."""
        effects = self._effects(batch)
        if effects is None:
            self._bisect(batch)
            return
        worse, better = effects
        good = [each for each in batch if each.scope in better and each.scope not in worse]
        if good:
            self._bisect(good, split=False)
        mixed = [each for each in batch if each.scope in worse]
        for each in mixed:
            self._bisect([each])

    def _bisect(self, batch: list[Proposal], split: bool = True) -> None:
        """Keep those of a batch that help and harm nothing; a batch that does not help at all is dropped."""
        if not batch:
            return
        played = self._harmless(batch)
        if played is not None:
            document, seen = played
            if not _changes(self.seen, seen)[1]:
                return
            if len(batch) == 1 or not split:
                self.kept += batch
                self.document, self.seen = document, seen
                return
        if len(batch) > 1:
            half = len(batch) // 2
            self._bisect(batch[:half])
            self._bisect(batch[half:])

    def _harmless(self, batch: Sequence[Proposal]) -> tuple[Document, list[Observation]] | None:
        """What the mock answers with a batch; None once an exchange agrees less than before."""
        played = self._attempt(batch)
        if played is None:
            return None
        document, observations = played
        seen: list[Observation] = []
        for before, now in zip(self.seen, observations, strict=True):
            if _is_worse(before, now):
                return None
            seen.append(now)
        return document, seen

    def _effects(self, batch: Sequence[Proposal]) -> tuple[set[str], set[str]] | None:
        played = self._attempt(batch)
        if played is None:
            return None
        return _changes(self.seen, played[1])

    def _attempt(self, batch: Sequence[Proposal]) -> tuple[Document, Iterable[Observation]] | None:
        """What the mock answers with a batch; None if its actions do not apply."""
        try:
            return self._play([*self.kept, *batch])
        except DocumentError:
            return None

    def _play(self, proposals: Sequence[Proposal]) -> tuple[Document, Iterable[Observation]]:
        self.plays += 1
        return self.play([action for each in proposals for action in each.actions])


def _changes(before: Sequence[Observation], after: Iterable[Observation]) -> tuple[set[str], set[str]]:
    """The operations of which an exchange agrees less than before, and of which one agrees more."""
    worse: set[str] = set()
    better: set[str] = set()
    for one, two in zip(before, after, strict=True):
        if _is_worse(one, two):
            worse.add(_scope(one))
        elif _is_worse(two, one):
            better.add(_scope(one))
    return worse, better


def _is_worse(one: Observation, two: Observation) -> bool:
    """Whether `two` agrees less than `one`; what could not be played cannot be compared."""
    return one.value is not None and two.value is not None and two.value < one.value


def _scope(seen: Observation) -> str:
    return seen.operation.id if seen.operation else seen.result.exchange.operation


def merged(kept: Sequence[Proposal]) -> Iterator[tuple[Proposal, Action]]:
    """The actions of a search in their order, each with its proposal."""
    for each in kept:
        for action in each.actions:
            yield each, action
