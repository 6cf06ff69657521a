"""Sources, read within limits, and spots in them: a source, a pointer, and the value there."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from flowise_mock.contract import positions_json, positions_yaml
from flowise_mock.contract.positions import Place, Positions, ReadingError, escaped, unescaped

MAX_BYTES = 32 * 1024 * 1024
STDIN = Path("<stdin>")
"""The standard input; its references are resolved in the current directory."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=//)|//")
_JSON_BREAK = re.compile(r"\r\n?|\n")
_YAML_BREAK = re.compile("\r\n?|[\n\x85\u2028\u2029]")


class Source:
    """A text that was read, from a file or from a URL."""

    def __init__(self, path: Path, text: str, read: Positions, url: str = "") -> None:
        self.path = path
        self.url = url
        self.name = url or shown(path)
        self.text = text
        self.read = read
        self.value: Any = read.value

    @cached_property
    def lines(self) -> list[str]:
        """The lines as the readers of positions count them."""
        pattern = _JSON_BREAK if self.text.lstrip()[:1] == "{" else _YAML_BREAK
        return pattern.split(self.text)

    @cached_property
    def uris(self) -> dict[str, str]:
        """The pointers of what has a URI of its own by `$self` or `$id`, and that URI."""
        found: dict[str, str] = {}
        named = [each for each in self.read.values if each.endswith("/$id") or each == "/$self"]
        for pointer in sorted(named, key=len):
            spot = self.spot(pointer)
            if spot and isinstance(spot.value, str):
                holder = pointer.rpartition("/")[0]
                found[holder] = urldefrag(urljoin(_nearest(found, holder), spot.value)).url
        return found

    @cached_property
    def anchors(self) -> dict[str, str]:
        """The pointers of schemas with `$anchor` or `$dynamicAnchor`, by the anchor."""
        found: dict[str, str] = {}
        for pointer in self.read.values:
            if pointer.endswith(("/$anchor", "/$dynamicAnchor")):
                spot = self.spot(pointer)
                if spot and isinstance(spot.value, str):
                    found.setdefault(spot.value, pointer.rpartition("/")[0])
        return found

    def spot(self, pointer: str = "") -> Spot | None:
        """The spot that a pointer names, or None if there is nothing."""
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

    def origin(self, pointer: str) -> tuple[Source, str]:
        """The source that has this value in its text, and the pointer there."""
        return self, self.read.anchor(pointer)

    def place(self, pointer: str, key: bool = False) -> Place:
        return self.read.place(pointer, key)

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def _nearest(found: dict[str, str], pointer: str) -> str:
    """The value at a pointer, or at the nearest one above it."""
    while pointer and pointer not in found:
        pointer = pointer.rpartition("/")[0]
    return found.get(pointer, "")


class Spot(NamedTuple):
    """A value, and where it is."""

    source: Source
    pointer: str
    value: Any

    def at(self, key: str | int) -> Spot:
        """The child of that key or index, which must exist."""
        return Spot(self.source, f"{self.pointer}/{escaped(str(key))}", self.value[key])

    def get(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None

    @property
    def name(self) -> str:
        """Its key."""
        return unescaped(self.pointer.rpartition("/")[2])

    @property
    def id(self) -> tuple[str, str]:
        """Its identity; aliases of one YAML anchor are one spot."""
        aliases = self.source.read.aliases
        pointer = self.source.read.anchor(self.pointer) if aliases else self.pointer
        return self.source.url or str(self.source.path), pointer

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
    """A path as reports name it: relative to the current directory if that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)


def load(path: Path) -> Source:
    """Read a file, or the standard input for STDIN. Raises ReadingError, which says what to do."""
    return made(path, _text(path) if path != STDIN else decoded(sys.stdin.buffer.read()))


def made(path: Path | str, text: str, url: str = "") -> Source:
    """A source of a text. Raises ReadingError."""
    if not text.strip():
        raise ReadingError("is empty; an OpenAPI document begins with `openapi: 3.0.3`")
    path = Path(path)
    is_json = path.suffix == ".json" or (text.lstrip()[:1] == "{" and _is_json(text))
    return Source(path, text, (positions_json if is_json else positions_yaml).read(text), url)


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
            raise ReadingError("does not exist" if missing else "is a folder; name the files in it")
        if path.stat().st_size > MAX_BYTES:
            raise ReadingError(f"is larger than {MAX_BYTES // 1024 // 1024} MB; split it by $ref")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ReadingError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return decoded(data)


def decoded(data: bytes) -> str:
    """The text of a file. Raises ReadingError."""
    if b"\0" in data[:8192] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise ReadingError("is a binary file, not a text")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReadingError("is not UTF-8; save it as UTF-8", line) from None


Fetch = Callable[[str], Source]
"""Reads the file at a URL. Raises ReadingError."""


class Files:
    """The files of one document, each read once, and the references between them."""

    def __init__(self, fetch: Fetch | None = None) -> None:
        self._fetch = fetch
        self._read: dict[Path, Source | ReadingError] = {}
        self._uris: dict[str, Spot] = {}

    def load(self, path: Path) -> Source:
        if path not in self._read:
            try:
                self.add(load(path), path)
            except ReadingError as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, ReadingError):
            raise found
        return found

    def add(self, source: Source, path: Path | None = None) -> None:
        """Add a source to the files, with the URIs that parts of it have."""
        self._read[path or source.path] = source
        for pointer, uri in source.uris.items():
            if (spot := source.spot(pointer)) is not None:
                self._uris.setdefault(uri, spot)

    def sources(self) -> list[Source]:
        """Every file that was read, in their order."""
        return [each for each in self._read.values() if isinstance(each, Source)]

    def target(self, spot: Spot, reference: str) -> Spot:
        """The spot that a `$ref` at `spot` names. Raises ReadingError if there is none."""
        file, _, fragment = reference.partition("#")
        fragment = unquote(fragment)
        found = self._by_uri(spot, file, fragment) if self._uris else None
        if found:
            return found
        source = self._named(spot.source, file, reference) if file else spot.source
        found = _within(source, "", fragment)
        if found is None:
            raise ReadingError(f"{reference} names nothing that exists")
        return found

    def _by_uri(self, spot: Spot, file: str, fragment: str) -> Spot | None:
        """The target of a reference by its `$id` or `$self`, or None."""
        resource = self._uris.get(urljoin(_nearest(spot.source.uris, spot.pointer), file))
        return _within(resource.source, resource.pointer, fragment) if resource else None

    def _named(self, source: Source, file: str, reference: str) -> Source:
        remote = bool(source.url or _SCHEME.match(file))
        if remote and self._fetch is None:
            raise ReadingError(f"{reference} was not looked at", rule="no-remote-refs")
        try:
            if remote and self._fetch is not None:
                return self._fetch(urljoin(source.url, file))
            return self.load(Path(os.path.normpath(source.path.parent / unquote(file))))
        except ReadingError as error:
            raise ReadingError(f"{reference}: the file {error}") from None


def _within(source: Source, pointer: str, fragment: str) -> Spot | None:
    """The target of a fragment in a source, or in a part of it."""
    if fragment and not fragment.startswith("/"):
        anchored = source.anchors.get(fragment)
        return None if anchored is None else source.spot(anchored)
    return source.spot(pointer + fragment)
