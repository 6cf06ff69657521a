"""Documents: read from files, cut into chunks, ranked against a question. Pure functions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from pathlib import PurePath

from flowise_mock.call import Upload
from flowise_mock.outcomes import Mismatched
from flowise_mock.store import Record

CHUNK_SIZE, CHUNK_OVERLAP = 1000, 200
"""Characters of a chunk and of what it shares with the one before: the splitters' own defaults."""
MAX_CHUNKS = 10_000
"""Chunks made of one text; a size and an overlap that ask for more are widened."""
SEPARATORS = ("\n\n", "\n", " ", "")
_TEXTUAL = re.compile(r"text/|application/(?:json|xml|yaml|x-yaml|javascript|csv|x-ndjson|.*\+(?:json|xml))")


def text_of(file: Upload) -> str:
    """The text of a file of a text format; of any other its name and size, for there is no reader here."""
    if _TEXTUAL.match(file.type) or file.type == "application/octet-stream":
        try:
            return file.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    return f"{file.name} ({len(file.data)} bytes)"


_EXTENSIONS = {
    "text/plain": "txt", "text/html": "html", "text/css": "css", "text/javascript": "js",
    "application/javascript": "js", "text/xml": "xml", "application/xml": "xml", "text/markdown": "md",
    "text/x-markdown": "md", "application/pdf": "pdf", "application/json": "json", "text/csv": "csv",
    "application/jsonl": "jsonl", "text/yaml": "yaml", "application/x-yaml": "yaml", "application/sql": "sql",
    "application/msword": "doc", "application/rtf": "rtf", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
    "image/svg+xml": "svg", "audio/webm": "webm", "audio/mp4": "m4a", "audio/mpeg": "mp3",
    "audio/ogg": "ogg", "audio/wav": "wav", "video/mp4": "mp4", "video/webm": "webm",
}  # fmt: skip
"""The one extension that Flowise takes for a media type."""


def mismatched(name: str, media: str) -> Mismatched | None:
    """The mismatch of a file's extension and its type, where both are known and differ."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    expected = _EXTENSIONS.get(media, extension)
    return None if extension in ("", expected) else Mismatched(extension, media, expected)


def field_of(name: str) -> str:
    """The setting of a loader that takes a file of this name."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    return {"txt": "txtFile", "json": "jsonFile", "csv": "csvFile", "pdf": "pdfFile", "docx": "docxFile"}.get(
        extension, "txtFile"
    )


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


def words(text: str) -> set[str]:
    """The words of a text, small and plain."""
    return set(re.findall(r"\w+", text.lower()))


def ranked(chunks: Iterable[Record], question: str) -> list[Record]:
    """Chunks by how many words of the question they hold, most first; equals stay in their order."""
    return sorted(chunks, key=lambda chunk: -similarity(question, chunk.get("pageContent", "")))


def similarity(question: str, text: str) -> int:
    """How many words two texts share."""
    return len(words(question) & words(text))
