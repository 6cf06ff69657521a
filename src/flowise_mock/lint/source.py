"""Files read safely, and spots in them: a source, a pointer, and the value there."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin

from flowise_mock.lint import positions
from flowise_mock.lint.positions import Place, Positions, ReadingError, escaped, unescaped

MAX_BYTES = 32 * 1024 * 1024
STDIN = Path("<stdin>")
"""Stands for the standard input; what it refers to is sought where the command runs."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=//)|//")


class Source:
    """A text that was read, from a file or, where it has one, from a URL."""

    def __init__(self, path: Path, text: str, read: Positions, url: str = "") -> None:
        self.path = path
        self.url = url
        self.name = url or shown(path)
        self.lines = text.splitlines()
        self.read = read
        self.value: Any = read.value

    def spot(self, pointer: str = "") -> Spot | None:
        """The spot that a pointer names, or None where there is nothing."""
        node = self.value
        for part in pointer.split("/")[1:]:
            key = unescaped(part)
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
        return Spot(self, pointer, node)

    def place(self, pointer: str, key: bool = False) -> Place:
        return self.read.place(pointer, key)

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


class Spot(NamedTuple):
    """A value, where it stands."""

    source: Source
    pointer: str
    value: Any

    def at(self, key: str | int) -> Spot:
        """The child of that key or index, which must be there."""
        return Spot(self.source, f"{self.pointer}/{escaped(str(key))}", self.value[key])

    def get(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None

    @property
    def name(self) -> str:
        """The key that it stands under."""
        return unescaped(self.pointer.rpartition("/")[2])

    @property
    def id(self) -> tuple[str, str]:
        return self.source.url or str(self.source.path), self.pointer

    @property
    def path(self) -> str:
        """Its JSONPath, as an overlay's target has it."""
        return jsonpath(self.source, self.pointer)


def jsonpath(source: Source, pointer: str) -> str:
    """A pointer as a JSONPath (RFC 9535)."""
    path, node = "$", source.value
    for part in pointer.split("/")[1:]:
        key = unescaped(part)
        if isinstance(node, list):
            path, node = f"{path}[{key}]", node[int(key)]
            continue
        quoted = key.replace("\\", "\\\\").replace("'", "\\'")
        path += f".{key}" if key.isidentifier() and key.isascii() else f"['{quoted}']"
        node = node.get(key) if isinstance(node, dict) else None
    return path


def shown(path: Path) -> str:
    """A path as a reader wants it: from where the command runs, where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)


def load(path: Path) -> Source:
    """Read a file, or what comes in for STDIN. Raises ReadingError, with a word on what to do."""
    return made(path, _text(path) if path != STDIN else decoded(sys.stdin.buffer.read()))


def made(path: Path | str, text: str, url: str = "") -> Source:
    """A source of a text. Raises ReadingError."""
    if not text.strip():
        raise ReadingError("is empty; an OpenAPI document begins with `openapi: 3.0.3`")
    path = Path(path)
    read = positions.read(text, path.suffix == ".json" or (text.lstrip()[:1] == "{" and _is_json(text)))
    return Source(path, text, read, url)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            missing = not path.exists()
            raise ReadingError("is not there; name a file" if missing else "is not a file; name those in it")
        if path.stat().st_size > MAX_BYTES:
            raise ReadingError(f"is larger than {MAX_BYTES // 1024 // 1024} MB; split it by $ref")
        data = path.read_bytes()
    except OSError as error:
        raise ReadingError(f"cannot be read: {error.strerror}") from None
    return decoded(data)


def decoded(data: bytes) -> str:
    """The text of a file. Raises ReadingError."""
    if b"\0" in data[:8192] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise ReadingError("is a binary file, not a text")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadingError("is not UTF-8", line) from None


Fetch = Callable[[str], Source]
"""Reads the file at a URL. Raises ReadingError."""


class Files:
    """The files of one document, each read once, and the references between them."""

    def __init__(self, fetch: Fetch | None = None) -> None:
        self._fetch = fetch
        self._read: dict[Path, Source | ReadingError] = {}

    def load(self, path: Path) -> Source:
        if path not in self._read:
            try:
                self._read[path] = load(path)
            except ReadingError as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, ReadingError):
            raise found
        return found

    def add(self, source: Source) -> None:
        self._read[source.path] = source

    def target(self, spot: Spot, reference: str) -> Spot:
        """The spot that a `$ref` at `spot` names. Raises ReadingError where there is none."""
        file, _, fragment = reference.partition("#")
        fragment = unquote(fragment)
        source = self._named(spot.source, file, reference) if file else spot.source
        if fragment and not fragment.startswith("/"):
            return self._anchor(source, reference, fragment)
        found = source.spot(fragment)
        if found is None:
            raise ReadingError(f"{reference} names nothing that is there")
        return found

    def _named(self, source: Source, file: str, reference: str) -> Source:
        far = bool(source.url or _SCHEME.match(file))
        if far and self._fetch is None:
            told = f"{reference} is on another machine, and is not fetched without --allow-remote"
            raise ReadingError(told, rule="no-remote-refs")
        try:
            if far and self._fetch is not None:
                return self._fetch(urljoin(source.url, file))
            return self.load(Path(os.path.normpath(source.path.parent / unquote(file))))
        except ReadingError as error:
            raise ReadingError(f"{reference}: the file {error}") from None

    def _anchor(self, source: Source, reference: str, anchor: str) -> Spot:
        for pointer in source.read.values:
            if pointer.endswith("/$anchor") and source.spot(pointer).value == anchor:  # type: ignore[union-attr]
                found = source.spot(pointer.rpartition("/")[0])
                assert found
                return found
        raise ReadingError(f"{reference} names nothing that is there")
