"""Where operations stand in the files of a contract: the line that an annotation points at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from flowise_mock.contract import contracts, document


class Place(NamedTuple):
    """A line of a file, from 1."""

    file: str
    line: int


def places(files: list[Path]) -> dict[str, Place]:
    """The place of each operation, by `METHOD /path`; the first file that has it wins."""
    found: dict[str, Place] = {}
    for file in files:
        for label, line in _operations(yaml.compose(file.read_text(), _loader())):
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


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _operations(node: Any) -> list[tuple[str, int]]:
    """Operations below `paths`, and below the updates of an overlay that adds paths."""
    found = []
    for key, value in _pairs(node):
        if key.value == "paths":
            for path, item in _pairs(value):
                found += [
                    (f"{m.value.upper()} {path.value}", m.start_mark.line + 1)
                    for m, _ in _pairs(item)
                    if m.value in document.METHODS
                ]
        elif key.value == "actions":
            for action in value.value:
                found += _of_action({k.value: v for k, v in _pairs(action)})
    return found


def _of_action(action: dict[str, Any]) -> list[tuple[str, int]]:
    target, update = action.get("target"), action.get("update")
    if target is None or update is None:
        return []
    if target.value == "$.paths":
        return [
            (f"{method.value.upper()} {path.value}", method.start_mark.line + 1)
            for path, item in _pairs(update)
            for method, _ in _pairs(item)
            if method.value in document.METHODS
        ]
    return []


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []
