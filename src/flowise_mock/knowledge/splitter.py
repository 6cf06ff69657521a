"""The recursive character splitter: splits texts into chunks as LangChain does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

CHUNK_SIZE, CHUNK_OVERLAP = 1000, 200
"""The default size of chunks and of their overlap, in characters, as in LangChain."""
MAX_CHUNKS = 10_000
"""The most chunks of one text; a size and an overlap that would give more are adjusted."""
SEPARATORS = ("\n\n", "\n", " ", "")


def split(text: str, size: int = CHUNK_SIZE, overlap: int = CHUNK_OVERLAP) -> list[str]:
    """Split a text into chunks of at most `size` characters, at paragraphs, lines, words or characters.

    A piece keeps the separator before it. Pieces are merged up to `size`. Each chunk begins with up to
    `overlap` characters of the previous one.
    """
    size, overlap = max(size, 1), max(overlap, 0)
    if overlap >= size or len(text) // (size - overlap) > MAX_CHUNKS:
        overlap = 0
    return _split(text, max(size, len(text) // MAX_CHUNKS), overlap, SEPARATORS)


def _split(text: str, size: int, overlap: int, separators: tuple[str, ...]) -> list[str]:
    separator = next(each for each in separators if each in text)
    if not separator:
        return _split_by_length(text, size, overlap)
    further = separators[separators.index(separator) + 1 :]
    first, *rest = text.split(separator)
    pieces = [piece for piece in (first, *(separator + each for each in rest)) if piece]
    chunks: list[str] = []
    short: list[str] = []
    for piece in pieces:
        if len(piece) < size:
            short.append(piece)
            continue
        chunks += _merge(short, size, overlap)
        short = []
        chunks += _split(piece, size, overlap, further)
    return chunks + _merge(short, size, overlap)


def _split_by_length(text: str, size: int, overlap: int) -> list[str]:
    """Split a text that has no separator."""
    starts = range(0, max(len(text) - overlap, 1), size - overlap)
    return [chunk for chunk in (text[start : start + size].strip() for start in starts) if chunk]


def _merge(pieces: Iterable[str], size: int, overlap: int) -> list[str]:
    chunks: list[str] = []
    pending: deque[str] = deque()
    total = 0
    for piece in pieces:
        if total + len(piece) > size:
            chunks.append("".join(pending).strip())
            while pending and (total > overlap or total + len(piece) > size):
                total -= len(pending.popleft())
        total += len(piece)
        pending.append(piece)
    chunks.append("".join(pending).strip())
    return [chunk for chunk in chunks if chunk]
