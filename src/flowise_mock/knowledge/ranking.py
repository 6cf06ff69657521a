"""Ranks chunks by the words that they share with a question."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowise_mock.state.table import Record


def words(text: str) -> set[str]:
    """The words of a text, in lower case."""
    return set(re.findall(r"\w+", text.lower()))


def rank(chunks: Iterable[Record], question: str) -> list[Record]:
    """Sort chunks by the number of words of the question in them, most first. The sort is stable."""
    wanted = words(question)
    return sorted(chunks, key=lambda chunk: -len(wanted & words(chunk.get("pageContent", ""))))
