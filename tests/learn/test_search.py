"""The search for an overlay, with plays that are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowise_mock.contract.document import Document
from flowise_mock.learn.observation import Observation
from flowise_mock.learn.proposal import Action
from flowise_mock.learn.search import Search
from flowise_mock.replay.exchanges import Exchange
from flowise_mock.replay.player import PlayResult

PLAIN: Document = {"paths": {}, "x-flow-behaviour": {}}
AGREEING = {"none": "yes no no", "harms": "no yes yes", "helps": "yes yes no", "idle": "yes no no"}
"""Which of three exchanges agree with each word of another version."""


class Plays:
    """Plays of one action each, and how many of their exchanges were read."""

    def __init__(self) -> None:
        self.read: dict[str, int] = {}

    def __call__(self, actions: Sequence[Action]) -> tuple[Document, Iterator[Observation]]:
        word = str(next(iter(actions[-1].update))) if actions else "none"
        return PLAIN, self._observed(word)

    def _observed(self, word: str) -> Iterator[Observation]:
        for number, agrees in enumerate(AGREEING[word].split(), start=1):
            self.read[word] = number
            request: dict[str, Any] = {"method": "GET", "path": "/"}
            result = PlayResult(Exchange("o", "c", request, {}), differences=[] if agrees == "yes" else ["x"])
            yield Observation(result, f"r#{number}", None, ())


def searched(words: Sequence[str]) -> tuple[Search, Plays]:
    plays = Plays()
    search = Search(plays)
    search.start()
    search.compare({**PLAIN, "x-flow-behaviour": dict.fromkeys(words, True)}, "9.9.9")
    return search, plays


def test_only_what_helps_and_harms_nothing_is_kept() -> None:
    for word in ("harms", "helps", "idle"):
        search, _ = searched([word])
        kept = [action.update for each in search.kept for action in each.actions]
        assert kept == ([{"helps": True}] if word == "helps" else [])
        assert [each.explained for each in search.seen] == [True, word == "helps", False]


def test_a_play_ends_at_the_first_exchange_that_is_worse() -> None:
    assert searched(["harms"])[1].read == {"none": 3, "harms": 1}
    assert searched(["idle"])[1].read == {"none": 3, "idle": 3}
