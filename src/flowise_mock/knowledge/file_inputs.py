"""File inputs: the files that the config of a loader holds, as data URIs or as names of stored files."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from flowise_mock.contract import jsontext
from flowise_mock.knowledge.files import Upload, media_type_of
from flowise_mock.state.table import Record

STORED = "FILE-STORAGE::"
"""The prefix of the names of stored files."""
_INPUTS = {
    "textFile": "txtFile", "pdfFile": "pdfFile", "docxFile": "docxFile", "csvFile": "csvFile",
    "jsonFile": "jsonFile", "jsonlinesFile": "jsonlinesFile", "microsoftExcel": "excelFile",
    "microsoftWord": "docxFile", "microsoftPowerpoint": "powerpointFile", "epubFile": "epubFile",
}  # fmt: skip
"""The input of a loader that holds its files."""
_OF_ANY_FORMAT = ("txtFile", "pdfFile", "jsonFile", "csvFile", "jsonlinesFile", "docxFile", "yamlFile",
                  "excelFile", "powerpointFile")  # fmt: skip
"""The inputs that `fileLoader` reads before its own one, `file`."""


def input_of(loader: str) -> str | None:
    """The input that a loader needs for its files; None if it reads no files."""
    return "file" if loader == "fileLoader" else _INPUTS.get(loader)


def inputs_of(loader: str, config: Record) -> list[str]:
    """The inputs of a loader that hold files in this config."""
    names = [name for name in _OF_ANY_FORMAT if config.get(name)] if loader == "fileLoader" else []
    own = input_of(loader)
    return names or ([own] if own and isinstance(config.get(own), str) else [])


def sent_files(loader: str, config: Record) -> list[Upload]:
    """The files that a config holds as data URIs, `data:TYPE;base64,DATA,filename:NAME`."""
    return [
        _decoded(uri)
        for name in inputs_of(loader, config)
        for uri in _values(str(config[name]))
        if not str(config[name]).startswith(STORED)
    ]


def _values(text: str) -> list[str]:
    """The values of an input: one, or a JSON list of several. Empty ones are left out."""
    values = jsontext.sequence(text) if text.startswith("[") and text.endswith("]") else [text]
    return [str(value) for value in values if value]


def _decoded(uri: str) -> Upload:
    """The file of a data URI. Its data is what stands before the last comma, or nothing."""
    parts = uri.split(",")
    try:
        data = b64decode("".join(parts[-2:-1]), validate=False)
    except (Error, ValueError):
        data = b""
    name = re.search(r",filename:(.+)$", uri)
    media = re.match(r"data:([^;,]*)", uri)
    file_name = name[1] if name else "file"
    return Upload(file_name, media[1] if media else media_type_of(file_name), data)
