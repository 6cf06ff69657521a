"""Documents: files as Flowise's document loaders read them, each document a text with its metadata.

PDF, DOCX and XLSX are opened by `formats`, with libraries of the extra `files` that are imported at first
use. `open_file` does that slow part; it needs no store and may run in a thread. What cannot be read raises
LoadFailure with the message of the real loader.
"""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import replace
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext, v8
from flowise_mock.formats.docx import open_docx
from flowise_mock.formats.opened import LoadFailure, Opened
from flowise_mock.formats.pdf import open_pdf
from flowise_mock.formats.xlsx import open_xlsx
from flowise_mock.knowledge.files import Upload, plain_text
from flowise_mock.state.table import Record

log = logging.getLogger("flowise_mock")
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NO_TRIM = "Cannot read properties of undefined (reading 'trim')"


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
        return replace(file, opened=Opened([plain_text(file)], {}))
    except LoadFailure as failure:
        return replace(file, opened=Opened([], {}, str(failure)))


_SLOW = {"pdf": open_pdf, "docx": open_docx, "xlsx": open_xlsx}


# --- documents -------------------------------------------------------------------------------------


def load(file: Upload, config: Record, loader: str = "fileLoader") -> list[Document]:
    """The documents of a file, as the loader with this config reads it. Raises LoadFailure."""
    format = format_of(file, loader)
    base: Record = {"source": "blob", "blobType": ""}
    return [Document(text, base | metadata) for text, metadata in _READ[format](file, config, loader)]


def joined(file: Upload) -> str:
    """The text of a file of a chat."""
    if format_of(file) == "jsonl":
        raise LoadFailure(NO_TRIM)
    return "\n".join(document.text for document in load(file, {}))


def _numbered(texts: list[str]) -> list[Document]:
    """Documents with the numbers of their lines; a single one has none."""
    if len(texts) == 1:
        return [Document(texts[0], {})]
    return [Document(text, {"line": number}) for number, text in enumerate(texts, start=1)]


def _opened(file: Upload, format: str) -> Opened:
    found = file.opened or open_file(file, format).opened
    if found is None or found.failure:
        raise LoadFailure(found.failure if found else "the file cannot be read")
    return found


def _pdf(file: Upload, config: Record, loader: str) -> list[Document]:
    found = _opened(file, "pdf")
    about = {"pdf": found.about} if found.about else {}
    usage = config.get("usage") or config.get("pdfUsage")
    if usage == "perFile":
        return [Document("\n\n".join(found.texts), about)]
    pages = enumerate(found.texts, start=1)
    return [Document(text, about | {"loc": {"pageNumber": number}}) for number, text in pages if text]


def _whole(file: Upload, config: Record, loader: str) -> list[Document]:
    return [Document("\n\n".join(_opened(file, "docx").texts), {})]


def _sheet(file: Upload, config: Record, loader: str) -> list[Document]:
    return _numbered(_opened(file, "xlsx").texts)


def _csv(file: Upload, config: Record, loader: str) -> list[Document]:
    column = _name(config, "columnName", loader == "csvFile")
    rows = list(csv.DictReader(io.StringIO(plain_text(file))))
    if column and rows and column not in rows[0]:
        raise LoadFailure(f"Column {column} not found in CSV file.")
    if column:
        return _numbered([row[column] or "" for row in rows])
    return _numbered(
        ["\n".join(f"{name}: {value or ''}" for name, value in row.items() if name) for row in rows]
    )


def _name(config: Record, key: str, required: bool) -> str:
    """A text of a config that a loader trims: without it, the loader fails."""
    if required and not isinstance(config.get(key), str):
        raise LoadFailure(NO_TRIM)
    return str(config.get(key) or "").strip()


def _parsed(text: str) -> Any:
    complaint = v8.complaint(text)
    if complaint is not None:
        raise LoadFailure(*complaint)
    return jsontext.loads(text)


def _json(file: Upload, config: Record, loader: str) -> list[Document]:
    value = _parsed(plain_text(file))
    if config.get("separateByObject"):
        objects = value if isinstance(value, list) else [value]
        return _numbered([_lines(each) for each in objects if isinstance(each, dict)])
    pointers = [each.strip() for each in str(config.get("pointersName") or "").split(",") if each.strip()]
    if pointers:
        return _numbered([text for each in pointers for text in _texts(_at(value, each))])
    return _numbered(_texts(value))


def _lines(item: Record) -> str:
    values = {key: value if isinstance(value, str) else jsontext.dumps(value) for key, value in item.items()}
    return "\n".join(f"{key}: {value}" for key, value in values.items())


def _texts(value: Any) -> list[str]:
    """All texts below a value, in their order."""
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in _texts(child)]


def _at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer; a slash at its beginning may be missing."""
    for key in pointer.strip("/").split("/"):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _jsonl(file: Upload, config: Record, loader: str) -> list[Document]:
    pointer = _name(config, "pointerName", loader == "jsonlinesFile")
    values = [_parsed(line) for line in plain_text(file).splitlines() if line.strip()]
    return _numbered([text for value in values for text in _texts(_at(value, pointer) if pointer else value)])


def _text(file: Upload, config: Record, loader: str) -> list[Document]:
    return [Document(plain_text(file), {})]


_READ = {
    "pdf": _pdf,
    "docx": _whole,
    "xlsx": _sheet,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "text": _text,
}
