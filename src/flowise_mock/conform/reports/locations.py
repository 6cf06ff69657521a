"""Where a reader of annotations finds a deviation: a line of a file in the repository that is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.conform.contract import Contract
from flowise_mock.contract import document, positions_json, positions_yaml
from flowise_mock.contract.positions import escaped

Run = dict[str, Any]


class Place(NamedTuple):
    """A line of a file, from 1. The file is relative to where the command runs."""

    file: str
    line: int


class Locations:
    """The lines of deviations: in the user's document, else in the baseline, else in a written contract."""

    def __init__(self, run: Run, contract: Contract, folder: Path | None = None) -> None:
        """`folder` is where the contract may be written; without it a deviation may have no place."""
        self._run = run
        self._lines: dict[str, int] = {}
        self._file = ""
        baseline = Path(run["baseline"]) if run["baseline"] else None
        if contract.file is not None and inside(contract.file):
            self._use(contract.file)
        elif baseline is not None and inside(baseline) and baseline.exists():
            self._file = inside(baseline)
        elif folder is not None and inside(folder):
            self._use(write(contract, folder))

    def _use(self, file: Path) -> None:
        self._file = inside(file)
        self._lines = dict(_operations(file))

    def of(self, deviation: dict[str, Any]) -> Place | None:
        """The place of a deviation: its entry in the baseline, its operation in a document, or the file."""
        if not self._file:
            return None
        if "baseline" in deviation and not self._lines:
            return Place(self._file, deviation["baseline"]["line"])
        operation = self._run["operations"].get(deviation["operation"], {})
        label = f"{operation.get('method')} {operation.get('path')}"
        return Place(self._file, self._lines.get(label, 1))


def inside(file: Path) -> str:
    """A file relative to where the command runs; empty if it is elsewhere."""
    here = Path.cwd().resolve()
    there = file.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else ""


def write(contract: Contract, folder: Path) -> Path:
    """Write the contract that a run judged by, so that its lines can be shown."""
    file = folder / "contract.json"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(contract.published(), indent=1, ensure_ascii=False) + "\n")
    return file


def _operations(file: Path) -> Iterator[tuple[str, int]]:
    """The line of each operation of a document, by `METHOD /path`."""
    text = file.read_text()
    read = positions_json.read(text) if file.suffix == ".json" else positions_yaml.read(text)
    for path, item in read.value["paths"].items():
        for method in set(document.METHODS) & set(item):
            pointer = f"/paths/{escaped(path)}/{method}"
            yield f"{method.upper()} {path}", read.place(pointer, key=True).line
