"""The recursive character splitter: splits texts into chunks as LangChain does."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

from flowise_mock.contract import v8

CHUNK_SIZE, CHUNK_OVERLAP = 1000, 200
"""The default size of chunks and of their overlap, in characters, as in LangChain."""
MAX_CHUNKS = 10_000
"""The most chunks of one text; a size and an overlap that would give more are adjusted."""
SEPARATORS = ("\n\n", "\n", " ", "")


def split(text: str, size: int = CHUNK_SIZE, overlap: int = CHUNK_OVERLAP) -> Iterator[str | None]:
    """Split a text into chunks of at most `size` characters, at paragraphs, lines, words or characters.

    A piece keeps the separator before it. Pieces are merged up to `size`. Each chunk begins with up to
    `overlap` characters of the previous one. After PIECES pieces without a chunk it gives None, so that a
    caller can let others go on.
    """
    size, overlap = max(size, 1), max(overlap, 0)
    if overlap >= size or len(text) // (size - overlap) > MAX_CHUNKS:
        overlap = 0
    size = max(size, len(text) // MAX_CHUNKS)
    return (chunk for chunk in _split(text, (0, len(text)), size, overlap, SEPARATORS) if chunk != "")


PIECES = 2000
"""Pieces that are merged in about a millisecond."""
WINDOW = 1024 * 1024
"""Characters that are searched in about a millisecond."""
Span = tuple[int, int]
"""A part of the text: its begin and its end."""


def _split(
    text: str, part: Span, size: int, overlap: int, separators: tuple[str, ...]
) -> Iterator[str | None]:
    for separator in separators:
        if not separator or (yield from _contains(text, separator, part)):
            break
    if not separator:
        yield from _split_by_length(text, part, size, overlap)
        return
    further = separators[separators.index(separator) + 1 :]
    merge = _Merge(text, size, overlap)
    for number, piece in enumerate(_pieces(text, part, separator), 1):
        if piece[1] - piece[0] < size:
            yield from merge.add(piece)
        else:
            yield merge.end()
            yield from _split(text, piece, size, overlap, further)
        if number % PIECES == 0:
            yield None
    yield merge.end()


def _contains(text: str, separator: str, part: Span) -> Generator[None, None, bool]:
    """Whether a separator is in a part of the text. Gives None after each WINDOW characters."""
    begin, end = part
    while text.find(separator, begin, min(begin + WINDOW, end)) < 0:
        begin += WINDOW - len(separator) + 1
        if begin >= end:
            return False
        yield None
    return True


def _pieces(text: str, part: Span, separator: str) -> Iterator[Span]:
    """The pieces between separators; each but the first begins with its separator."""
    begin, end = part
    found = text.find(separator, begin, end)
    while found >= 0:
        if found > begin:
            yield begin, found
        begin, found = found, text.find(separator, found + len(separator), end)
    if end > begin:
        yield begin, end


def _split_by_length(text: str, part: Span, size: int, overlap: int) -> Iterator[str | None]:
    """Split a text that has no separator."""
    begin, end = part
    for number, start in enumerate(range(begin, max(end - overlap, begin + 1), size - overlap), 1):
        yield v8.trim(text[start : min(start + size, end)])
        if number % PIECES == 0:
            yield None


class _Merge:
    """Joins pieces that follow each other to chunks; an empty text is no chunk."""

    def __init__(self, text: str, size: int, overlap: int) -> None:
        self._text, self._size, self._overlap = text, size, overlap
        self._begins: deque[int] = deque()
        self._end = 0

    def add(self, piece: Span) -> Iterator[str]:
        """Add a piece. Gives the chunk that it does not fit into."""
        begin, end = piece
        if self._begins and end - self._begins[0] > self._size:
            yield self._chunk()
            self._shorten(end)
        self._begins.append(begin)
        self._end = end

    def end(self) -> str:
        """The last chunk."""
        chunk = self._chunk() if self._begins else ""
        self._begins.clear()
        return chunk

    def _chunk(self) -> str:
        return v8.trim(self._text[self._begins[0] : self._end])

    def _shorten(self, end: int) -> None:
        """Keep the last pieces, as many as the next chunk repeats, if a piece up to `end` fits in too."""
        begins = self._begins
        while begins and (self._end - begins[0] > self._overlap or end - begins[0] > self._size):
            begins.popleft()
