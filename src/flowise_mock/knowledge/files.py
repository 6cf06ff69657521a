"""Files: uploads, their text, and whether their extensions match their types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from flowise_mock.formats.opened import Opened
from flowise_mock.state.outcomes import ExtensionMismatch
from flowise_mock.state.store import Store


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body. `opened` is what a library read of it."""

    name: str
    type: str
    data: bytes
    opened: Opened | None = None


def store(store: Store, owner: str, part: str, file: Upload) -> None:
    """Store a file of a chat of a flow, or of a loader of a document store, in place of an older one."""
    store.remove_where("file", chatflowid=owner, chatId=part, name=file.name)
    row = {"chatflowid": owner, "chatId": part, "name": file.name, "type": file.type, "data": file.data}
    store.create("file", row)


def plain_text(file: Upload) -> str:
    """The bytes of a file as UTF-8, as the text loader reads any file."""
    return file.data.decode("utf-8-sig", "replace")


def name_and_size(file: Upload) -> str:
    """What stands for the text of a file that cannot be read."""
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
"""The only extension that Flowise accepts for a media type."""


def media_type_of(name: str) -> str:
    """The media type of a file of that name; text if its extension is unknown."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    return next((media for media, known in _EXTENSIONS.items() if known == extension), "text/plain")


def mismatch(name: str, media: str) -> ExtensionMismatch | None:
    """The mismatch of a file's extension and its type; None if they match or one is unknown."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    expected = _EXTENSIONS.get(media, extension)
    return None if extension in ("", expected) else ExtensionMismatch(extension, media, expected)


def field_of(name: str) -> str:
    """The field of a loader's config that is for a file of this name."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    known = {
        "json": "jsonFile",
        "jsonl": "jsonlinesFile",
        "csv": "csvFile",
        "pdf": "pdfFile",
        "docx": "docxFile",
        "xlsx": "excelFile",
        "pptx": "powerpointFile",
        "yaml": "yamlFile",
    }
    return known.get(extension, "txtFile")
