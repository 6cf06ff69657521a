"""Maps the ids and keys of a recording to those of the server under test.

An id that the recorded server created is mapped to the id at the same place of the answer now. Later
requests use the mapped id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flowise_mock.state.store import UUID


class IdMap:
    """The ids of one play; `keys` has the keys of this server by their masks in the recording."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.keys = keys
        self._ids: dict[str, str] = {}
        self._guessed: set[str] = set()

    def knows(self, id: str) -> bool:
        """Whether an answer had the id of this server for a recorded one."""
        return id in self._ids

    def translate(self, id: str) -> str:
        """The id of this server for a recorded one, or the recorded id if none is known."""
        return self._ids.get(id, id)

    def add(self, recorded: str, own: str) -> None:
        """Map a recorded id to one of this server."""
        self._ids[recorded] = own

    def is_sure(self, id: str) -> bool:
        """Whether the id is mapped, and not only by its place in a list."""
        return id in self._ids and id not in self._guessed

    def translate_text(self, text: str) -> str:
        """Replace the ids and keys in a text by those of this server."""
        for mask, key in self.keys.items():
            text = text.replace(mask, key)
        return UUID.sub(lambda id: self._translate_match(id[0]), text)

    def _translate_match(self, id: str) -> str:
        own = self._ids.get(id.lower(), id)
        return own.upper() if id.isupper() else own

    def translate_value(self, value: Any) -> Any:
        """Replace the ids and keys in a JSON value by those of this server."""
        if isinstance(value, str):
            return self._ids.get(value) or self.translate_text(value)
        if isinstance(value, list):
            return [self.translate_value(item) for item in value]
        if isinstance(value, dict):
            return {key: self.translate_value(item) for key, item in value.items()}
        return value

    def learn(self, expected: Any, got: Any, guess: bool = False) -> None:
        """Map the ids of a recorded answer to those at the same places of an answer now."""
        if isinstance(expected, dict) and isinstance(got, dict):
            for name in expected.keys() & got.keys():
                self.learn(expected[name], got[name], guess)
        elif isinstance(expected, list) and isinstance(got, list):
            for one, other, known in self._pairs(expected, got):
                self.learn(one, other, guess or not known)
        elif _is_id(expected) and _is_id(got) and expected not in self._ids:
            self.add(expected, got)
            if guess:
                self._guessed.add(expected)

    def _pairs(self, expected: list[Any], got: list[Any]) -> Iterator[tuple[Any, Any, bool]]:
        """Pairs of the same record, found by a mapped id (True), else by the place in the list (False)."""
        known = {item["id"]: item for item in got if isinstance(item, dict) and "id" in item}
        for number, one in enumerate(expected):
            recorded = one.get("id") if isinstance(one, dict) else None
            id = self._ids.get(recorded) if isinstance(recorded, str) else None
            if id in known:
                yield one, known[id], True
            elif id is None and number < len(got):
                yield one, got[number], False

    def mask(self, value: Any) -> Any:
        """Replace the keys in a JSON value by their masks."""
        text = json.dumps(value)
        for mask, key in self.keys.items():
            text = text.replace(key, mask)
        return json.loads(text)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None
