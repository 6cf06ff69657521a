"""Files: uploads, their text, and whether their extensions match their types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from flowise_mock.formats.opened import Opened
from flowise_mock.state.outcomes import (
    ExtensionMismatch,
    MissingExtension,
    MissingFileName,
    MissingFileType,
    PathTraversal,
    Report,
    UnknownFileType,
)
from flowise_mock.state.store import Store


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body.

    `opened` is what a library read of it; `loaded` are its documents, or why they could not be read.
    """

    name: str
    type: str
    data: bytes
    opened: Opened | None = None
    loaded: Any = None


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


_MEDIA_TYPES = {
    "txt": "text/plain", "html": "text/html", "css": "text/css", "md": "text/markdown text/x-markdown",
    "js": "text/javascript application/javascript", "xml": "text/xml application/xml",
    "pdf": "application/pdf", "json": "application/json", "csv": "text/csv",
    "jsonl": "application/jsonl application/json-lines text/jsonl",
    "yaml": "text/yaml application/x-yaml application/vnd.yaml text/vnd.yaml text/x-yaml",
    "sql": "application/sql text/x-sql", "rtf": "application/rtf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "jpg": "image/jpeg image/jpg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "svg": "image/svg+xml", "bmp": "image/bmp", "tiff": "image/tiff image/tif", "avif": "image/avif",
    "ico": "image/x-icon image/vnd.microsoft.icon",
    "webm": "audio/webm video/webm", "m4a": "audio/mp4 audio/x-m4a", "mp3": "audio/mpeg audio/mp3",
    "ogg": "audio/ogg audio/oga", "wav": "audio/wav audio/wave audio/x-wav", "aac": "audio/aac",
    "flac": "audio/flac", "mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo",
}  # fmt: skip
_EXTENSIONS = {media: extension for extension, all in _MEDIA_TYPES.items() for media in all.split()}
"""The only extension that Flowise accepts for a media type."""
_OTHER_NAMES = {"jpeg": "jpg", "tif": "tiff", "oga": "ogg"}
"""Extensions that count as another one."""
_UNSAFE = re.compile(r"\.\.|%2e%2e|%2f|%5c|[\x00-\x1f]|^/[^/]|^[a-z]:\\|^\\\\[^\\]|^\\\\\?\\", re.IGNORECASE)
"""What a name of a file may not contain: ways out of its folder, as such or escaped."""


def media_type_of(name: str) -> str:
    """The media type of a file of that name; text if its extension is unknown."""
    extension = PurePath(name).suffix.lstrip(".").lower()
    return next((media for media, known in _EXTENSIONS.items() if known == extension), "text/plain")


def check(report: Report, name: Any, media: str) -> None:
    """Report a file whose name is unsafe, or does not belong to its media type."""
    if not name or not isinstance(name, str):
        report(MissingFileName())
        return
    if _UNSAFE.search(name):
        report(PathTraversal("uploads.name", name))
    if not media:
        report(MissingFileType())
    _check_extension(report, name, media)


def _check_extension(report: Report, name: str, media: str) -> None:
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    expected = _EXTENSIONS.get(media)
    if not extension:
        report(MissingExtension(name))
    elif media and expected is None:
        report(UnknownFileType(media))
    elif expected not in (None, extension := _OTHER_NAMES.get(extension, extension)):
        report(ExtensionMismatch(extension, media, str(expected)))


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
