"""Where operations stand in the files of a contract: the line that an annotation points at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.contract import contracts, document, positions_yaml
from flowise_mock.contract.positions import Positions, escaped


class Place(NamedTuple):
    """A line of a file, from 1."""

    file: str
    line: int


def places(files: list[Path]) -> dict[str, Place]:
    """The place of each operation, by `METHOD /path`; the first file that has it wins."""
    found: dict[str, Place] = {}
    for file in files:
        for label, line in _operations(positions_yaml.read(file.read_text())):
            found.setdefault(label, Place(name(file), line))
    return found


def sources(contract: str, given: Path | None) -> list[Path]:
    """The files that may hold an operation of a contract: its document, and overlays that add to it."""
    if given is not None:
        return [given]
    if contract not in contracts.names():
        return []
    return [contracts.root() / "openapi.yaml", *contracts.overlay_files(contract)]


def name(file: Path) -> str:
    """A file as reports name it: relative to where the command runs, or to the project."""
    for base in (Path.cwd(), contracts.root()):
        if file.resolve().is_relative_to(base):
            return str(file.resolve().relative_to(base))
    return file.name


def _operations(read: Positions) -> list[tuple[str, int]]:
    """Operations below `paths`, and below the updates of an overlay that adds paths."""
    if not isinstance(read.value, dict):
        return []
    found = _below(read, read.value.get("paths"), "/paths")
    for index, action in enumerate(read.value.get("actions") or []):
        if isinstance(action, dict) and action.get("target") == "$.paths":
            found += _below(read, action.get("update"), f"/actions/{index}/update")
    return found


def _below(read: Positions, paths: Any, pointer: str) -> list[tuple[str, int]]:
    return [
        (f"{method.upper()} {path}", read.place(f"{pointer}/{escaped(path)}/{method}", key=True).line)
        for path, item in (paths.items() if isinstance(paths, dict) else ())
        for method in (item if isinstance(item, dict) else ())
        if method in document.METHODS
    ]
