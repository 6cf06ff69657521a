"""Ranks chunks by the words that they share with a question."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

from flowise_mock.knowledge.slices import Pause, never
from flowise_mock.state.table import Record, StoredRecord

READ = 65_536
"""The characters of a question or a chunk that are read; real embedding models read fewer."""


def words(text: str) -> set[str]:
    """The words of a text, in lower case."""
    return set(re.findall(r"\w+", text[:READ].lower()))


async def rank(chunks: Sequence[Record], question: str, pause: Pause = never) -> list[Record]:
    """Sort chunks by the number of words of the question in them, most first. The sort is stable.

    The index of the words is kept with the last chunk as long as the chunks are the same.
    """
    texts = [chunk.get("pageContent", "") for chunk in chunks]
    last = chunks[-1] if chunks else None
    index = last.index if isinstance(last, StoredRecord) else None
    if not isinstance(index, _Index) or not index.is_of(texts):
        index = await _indexed(texts, pause)
        if isinstance(last, StoredRecord):
            last.index = index
    counts = await index.counts(question, pause)
    return [chunks[place] for place in sorted(range(len(chunks)), key=lambda place: -counts[place])]


class _Index:
    """The places of texts in a list, by the words in them."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._places: dict[str, array[int]] = {}

    def add(self, text: str) -> None:
        for word in words(text):
            self._places.setdefault(word, array("I")).append(len(self._texts))
        self._texts.append(text)

    def is_of(self, texts: list[str]) -> bool:
        """Whether these are the texts of the index; texts of records are never changed in place."""
        return len(texts) == len(self._texts) and all(
            one is other for one, other in zip(texts, self._texts, strict=True)
        )

    async def counts(self, question: str, pause: Pause) -> list[int]:
        """How many words of a question are in each text."""
        counts = [0] * len(self._texts)
        for word in words(question):
            for place in self._places.get(word, ()):
                counts[place] += 1
            await pause()
        return counts


async def _indexed(texts: list[str], pause: Pause) -> _Index:
    index = _Index()
    for text in texts:
        index.add(text)
        await pause()
    return index
