"""Ranking: chunks by the words that they share with a question."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowise_mock.state.table import Record


def words(text: str) -> set[str]:
    """The words of a text, small and plain."""
    return set(re.findall(r"\w+", text.lower()))


def ranked(chunks: Iterable[Record], question: str) -> list[Record]:
    """Chunks by how many words of the question they hold, most first; equals stay in their order."""
    return sorted(chunks, key=lambda chunk: -similarity(question, chunk.get("pageContent", "")))


def similarity(question: str, text: str) -> int:
    """How many words two texts share."""
    return len(words(question) & words(text))
