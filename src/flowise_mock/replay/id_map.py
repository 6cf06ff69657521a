"""Ids: what the server under test calls that which the recording calls by another id, and the keys.

An id that the recorded server made is mapped to the one that stands in the same place of the answer now,
wherever it stands in later requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flowise_mock.state.store import UUID


class Ids:
    """The ids of one play; `keys` are the keys of this server, by the masks that stand for them."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.keys = keys
        self._made: dict[str, str] = {}
        self._guessed: set[str] = set()

    def knows(self, id: str) -> bool:
        """Whether an answer told the id that this server has for a recorded one."""
        return id in self._made

    def of(self, id: str) -> str:
        """The id that this server has for a recorded one; the same where no answer told it."""
        return self._made.get(id, id)

    def put(self, recorded: str, made: str) -> None:
        """Map a recorded id to one of this server."""
        self._made[recorded] = made

    def is_sure(self, id: str) -> bool:
        """Whether the id is known by more than its place in a list."""
        return id in self._made and id not in self._guessed

    def replaced(self, text: str) -> str:
        """A text with the ids and keys of this server."""
        for mask, key in self.keys.items():
            text = text.replace(mask, key)
        return UUID.sub(lambda id: self._id(id[0]), text)

    def _id(self, id: str) -> str:
        made = self._made.get(id.lower(), id)
        return made.upper() if id.isupper() else made

    def mapped(self, value: Any) -> Any:
        """A value with the ids and keys of this server in the place of the recorded ones."""
        if isinstance(value, str):
            return self._made.get(value) or self.replaced(value)
        if isinstance(value, list):
            return [self.mapped(item) for item in value]
        if isinstance(value, dict):
            return {key: self.mapped(item) for key, item in value.items()}
        return value

    def learn(self, expected: Any, got: Any, guess: bool = False) -> None:
        """Map the ids of a recorded answer to those that stand in the same places now."""
        if isinstance(expected, dict) and isinstance(got, dict):
            for name in expected.keys() & got.keys():
                self.learn(expected[name], got[name], guess)
        elif isinstance(expected, list) and isinstance(got, list):
            for one, other, known in self._pairs(expected, got):
                self.learn(one, other, guess or not known)
        elif _is_id(expected) and _is_id(got) and expected not in self._made:
            self.put(expected, got)
            if guess:
                self._guessed.add(expected)

    def _pairs(self, expected: list[Any], got: list[Any]) -> Iterator[tuple[Any, Any, bool]]:
        """Items that are the same record, by an id that is known; else those at the same place, a guess."""
        known = {item["id"]: item for item in got if isinstance(item, dict) and "id" in item}
        for number, one in enumerate(expected):
            told = one.get("id") if isinstance(one, dict) else None
            id = self._made.get(told) if isinstance(told, str) else None
            if id in known:
                yield one, known[id], True
            elif id is None and number < len(got):
                yield one, got[number], False

    def masked(self, value: Any) -> Any:
        """A value in which the keys are masked again."""
        text = json.dumps(value)
        for mask, key in self.keys.items():
            text = text.replace(key, mask)
        return json.loads(text)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None
