"""Parts of split documents: the documents that use a changed file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.run import sources

_SUFFIXES = (".yaml", ".yml", ".json")
_HEAD = re.compile(r"(?:^|[{,])\s*[\"']?(openapi|swagger|overlay)[\"']?\s*:", re.MULTILINE)
_HIDDEN = re.compile(r"\.[^.]|node_modules$|__pycache__$")
MAX_FILES = 5000


def documents(files: list[Path]) -> list[Path]:
    """The documents and overlays among the files, and the documents that use the others."""
    found = [file for file in files if _is_document(file)]
    parts = {file.resolve() for file in files if file not in found}
    if parts:
        for document in _around():
            if document not in found and parts & set(_used(document)):
                found.append(document)
    return found


def _is_document(file: Path) -> bool:
    try:
        return file.suffix in _SUFFIXES and bool(_HEAD.search(file.read_text("utf-8", "replace")[:100_000]))
    except OSError:
        return False


def _around() -> Iterator[Path]:
    """The documents in the current directory and below."""
    waiting, seen = [Path()], 0
    while waiting and seen < MAX_FILES:
        for each in sorted(waiting.pop().iterdir()):
            if each.is_dir() and not _HIDDEN.match(each.name) and not each.is_symlink():
                waiting.append(each)
            elif each.suffix in _SUFFIXES:
                seen += 1
                if _is_document(each):
                    yield each


def _used(document: Path) -> list[Path]:
    try:
        return [source.path.resolve() for source in sources(document)]
    except ReadingError:
        return []
