"""The recursive character splitter: texts cut into chunks, as LangChain cuts them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

CHUNK_SIZE, CHUNK_OVERLAP = 1000, 200
"""Characters of a chunk and of what it shares with the one before: the splitters' own defaults."""
MAX_CHUNKS = 10_000
"""Chunks made of one text; a size and an overlap that ask for more are widened."""
SEPARATORS = ("\n\n", "\n", " ", "")


def split(text: str, size: int = CHUNK_SIZE, overlap: int = CHUNK_OVERLAP) -> list[str]:
    """Chunks of at most `size` characters, cut at paragraphs, lines, words, characters in this order.

    This is the recursive character splitter, as LangChain has it: pieces keep the separator before
    them, and are merged up to `size`; each chunk begins with up to `overlap` characters of the one
    before.
    """
    size, overlap = max(size, 1), max(overlap, 0)
    if overlap >= size or len(text) // (size - overlap) > MAX_CHUNKS:
        overlap = 0
    return _split(text, max(size, len(text) // MAX_CHUNKS), overlap, SEPARATORS)


def _split(text: str, size: int, overlap: int, separators: tuple[str, ...]) -> list[str]:
    separator = next(each for each in separators if each in text)
    if not separator:
        return _cut(text, size, overlap)
    further = separators[separators.index(separator) + 1 :]
    first, *rest = text.split(separator)
    pieces = [piece for piece in (first, *(separator + each for each in rest)) if piece]
    chunks: list[str] = []
    short: list[str] = []
    for piece in pieces:
        if len(piece) < size:
            short.append(piece)
            continue
        chunks += _merged(short, size, overlap)
        short = []
        chunks += _split(piece, size, overlap, further)
    return chunks + _merged(short, size, overlap)


def _cut(text: str, size: int, overlap: int) -> list[str]:
    """A text without any separator, cut by length alone."""
    starts = range(0, max(len(text) - overlap, 1), size - overlap)
    return [chunk for chunk in (text[start : start + size].strip() for start in starts) if chunk]


def _merged(pieces: Iterable[str], size: int, overlap: int) -> list[str]:
    chunks: list[str] = []
    held: deque[str] = deque()
    total = 0
    for piece in pieces:
        if total + len(piece) > size:
            chunks.append("".join(held).strip())
            while held and (total > overlap or total + len(piece) > size):
                total -= len(held.popleft())
        total += len(piece)
        held.append(piece)
    chunks.append("".join(held).strip())
    return [chunk for chunk in chunks if chunk]
