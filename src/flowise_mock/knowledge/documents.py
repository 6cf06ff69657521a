"""Documents: files as Flowise's document loaders read them, each document a text with its metadata.

PDF, DOCX and XLSX are opened by `formats`, with libraries of the extra `files` that are imported at first
use. `open_file` does that slow part; it needs no store and may run in a thread. What cannot be read raises
LoadFailure with the message of the real loader.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

from flowise_mock.contract import v8
from flowise_mock.formats.docx import open_docx
from flowise_mock.formats.opened import LoadFailure, Opened
from flowise_mock.formats.pdf import open_pdf
from flowise_mock.formats.xlsx import open_xlsx
from flowise_mock.knowledge import csv_documents, json_documents
from flowise_mock.knowledge.files import Upload, name_and_size, plain_text
from flowise_mock.knowledge.slices import LARGE, beside
from flowise_mock.state.table import Record

log = logging.getLogger("flowise_mock")
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Document(NamedTuple):
    """One document of a loader."""

    text: str
    metadata: Record


# --- formats ---------------------------------------------------------------------------------------

FORMATS = {
    "application/pdf": "pdf", _DOCX: "docx", _XLSX: "xlsx", "text/csv": "csv", "application/csv": "csv",
    "application/json": "json", "application/jsonl": "jsonl", "application/json-lines": "jsonl",
}  # fmt: skip
_BY_LOADER = {
    "pdfFile": "pdf", "docxFile": "docx", "csvFile": "csv", "jsonFile": "json", "jsonlinesFile": "jsonl",
    "microsoftWord": "docx", "microsoftExcel": "xlsx",
}  # fmt: skip


def format_of(file: Upload, loader: str = "fileLoader") -> str:
    """The format that a loader takes a file for; `text` for everything without a format of its own."""
    if loader in _BY_LOADER:
        return _BY_LOADER[loader]
    extension = file.name.rpartition(".")[2].lower()
    known = extension if extension in _READ else ""
    return known or FORMATS.get(file.type, "text") if loader == "fileLoader" else "text"


async def opened(files: list[Upload], loader: str = "fileLoader") -> list[Upload]:
    """The files with their slow part done, in a thread: its bounds make it end, so it need not be killed."""
    import asyncio

    return [
        await asyncio.to_thread(open_file, file, format_of(file, loader))
        if format_of(file, loader) in _SLOW and file.opened is None
        else file
        for file in files
    ]


def open_file(file: Upload, format: str) -> Upload:
    """A file with what its library read of it, or with the reason why it could not."""
    try:
        return replace(file, opened=_SLOW[format](file.data))
    except ImportError:
        log.warning("%s is not read: install flowise-mock[files] to read PDF, DOCX and XLSX", file.name)
        return replace(file, opened=Opened([name_and_size(file)], {}))
    except LoadFailure as failure:
        return replace(file, opened=Opened([], {}, str(failure)))


_SLOW = {"pdf": open_pdf, "docx": open_docx, "xlsx": open_xlsx}


# --- documents -------------------------------------------------------------------------------------

NO_TRIM = "Cannot read properties of undefined (reading 'trim')"


def load(file: Upload, config: Record, loader: str = "fileLoader") -> Iterable[Document]:
    """The documents of a file, as the loader with this config reads it. Raises LoadFailure."""
    if isinstance(file.loaded, LoadFailure):
        raise file.loaded
    if file.loaded is not None:
        found: list[Document] = file.loaded
        return found
    return _READ[format_of(file, loader)](file, config, loader)


async def loaded(file: Upload, config: Record, loader: str) -> Upload:
    """The file; a large one with its documents, which were read in a thread."""
    size = len(file.data)
    return replace(file, loaded=await beside(size, _loaded, file, config, loader)) if size > LARGE else file


def _loaded(file: Upload, config: Record, loader: str) -> list[Document] | LoadFailure:
    try:
        return list(load(file, config, loader))
    except LoadFailure as failure:
        return failure


def joined(file: Upload) -> str:
    """The text of a file of a chat."""
    return "\n".join(document.text for document in load(file, {}))


_BLOB: Record = {"source": "blob", "blobType": ""}


def _numbered(found: Iterable[tuple[str, Record]]) -> Iterator[Document]:
    """Documents with the numbers of their lines; a single one has none."""
    rest = iter(found)
    first = list(islice(rest, 2))
    for number, (text, metadata) in enumerate(chain(first, rest), start=1):
        yield Document(text, _BLOB | ({"line": number} if len(first) > 1 else {}) | metadata)


def _opened(file: Upload, format: str) -> Opened:
    found = file.opened or open_file(file, format).opened
    if found is None or found.failure:
        raise LoadFailure(found.failure if found else "the file cannot be read")
    return found


def _pdf(file: Upload, config: Record, loader: str) -> list[Document]:
    found = _opened(file, "pdf")
    about = _BLOB | ({"pdf": found.about} if found.about else {})
    usage = config.get("usage") or config.get("pdfUsage")
    if usage == "perFile":
        return [Document("\n\n".join(text for text in found.texts if text), about)]
    pages = enumerate(found.texts, start=1)
    return [Document(text, about | {"loc": {"pageNumber": number}}) for number, text in pages if text]


def _whole(file: Upload, config: Record, loader: str) -> list[Document]:
    text = "\n\n".join(_opened(file, "docx").texts)
    return [Document(text, _BLOB)] if text else []


def _sheet(file: Upload, config: Record, loader: str) -> list[Document]:
    found = _opened(file, "xlsx")
    rows: tuple[Record, ...] = found.rows or tuple(_BLOB for _ in found.texts)
    return [Document(text, row) for text, row in zip(found.texts, rows, strict=True)]


def _csv(file: Upload, config: Record, loader: str) -> Iterator[Document]:
    guesses = loader == "csvFile"
    column = _trimmed(config, "columnName") if guesses else ""
    return _numbered((text, {}) for text in csv_documents.texts(plain_text(file), column, guesses))


def _trimmed(config: Record, key: str) -> str:
    """A text of a config that a loader trims: without it, the loader fails."""
    value = config.get(key)
    if not isinstance(value, str):
        raise LoadFailure(NO_TRIM if value is None else f"{key}.trim is not a function")
    return v8.trim(value)


def _json(file: Upload, config: Record, loader: str) -> Iterator[Document]:
    return _numbered(json_documents.of_json(plain_text(file), config))


def _jsonl(file: Upload, config: Record, loader: str) -> Iterator[Document]:
    pointer = _trimmed(config, "pointerName")
    return _numbered(json_documents.of_lines(plain_text(file), pointer, config))


def _text(file: Upload, config: Record, loader: str) -> list[Document]:
    return [Document(plain_text(file), _BLOB)]


_READ = {
    "pdf": _pdf,
    "docx": _whole,
    "xlsx": _sheet,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "text": _text,
}
