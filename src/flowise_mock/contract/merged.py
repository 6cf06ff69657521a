"""One file of a wheel: the merged contracts, what they are merged from, and documents of the package.

They share most of their text, so together they need a third of the bytes that they need alone. The first line
lists the contracts; then come a line for each document of the package, for each contract, and for each file.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowise_mock.contract import document
from flowise_mock.contract.document import Document, DocumentError

BUNDLED = Path(__file__).parents[1] / "data"
"""The folder of the contracts in a wheel; a checkout has them at its top."""

FILE = "contracts.jsonl.xz"
FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 22, "lc": 4, "pb": 0}
]


def write(
    path: Path,
    contracts: Iterable[tuple[str, Document]],
    parts: Iterable[tuple[str, Document]],
    files: Iterable[tuple[str, Document]],
) -> None:
    """Write contracts, documents of the package and files, each with its name.

    The same ones give the same bytes.
    """
    merged = list(contracts)
    lines = [[name for name, _ in merged], *((PART + name, each) for name, each in parts), *merged, *files]
    text = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in lines)
    path.write_bytes(lzma.compress(text.encode(), filters=FILTERS))


PART = "package:"
"""Before the name of a document of the package."""


def names(path: Path) -> list[str]:
    """The names of the contracts, in the order of the file."""
    with lzma.open(path) as file:
        found: list[str] = json.loads(next(file))
        return found


def read(path: Path, name: str) -> Document | None:
    """The contract of that name, if the file has it. What comes after it is not decompressed."""
    return _read(path, name) if name in names(path) else None


def of_package(path: Path) -> Any:
    """A document that lies beside the code; a wheel has it with its contracts. Raises DocumentError."""
    if path.exists():
        return document.read(path)
    name = path.relative_to(BUNDLED.parent).as_posix()
    found = _read(BUNDLED / FILE, PART + name)
    if found is None:
        raise DocumentError(f"{path}: cannot be read: it is not among the documents of the package")
    return found


def _read(path: Path, name: str) -> Document | None:
    start = f"[{json.dumps(name)},".encode()
    with lzma.open(path) as file:
        next(file)
        for line in file:
            if line.startswith(start):
                found: Document = json.loads(line)[1]
                return found
    return None


def without_reasons(value: Document) -> Document:
    """An overlay without the descriptions of its actions, which are for its readers; a document as it is."""
    if "actions" not in value:
        return value
    actions = [
        {key: each for key, each in action.items() if key != "description"} for action in value["actions"]
    ]
    return {**value, "actions": actions}


def unpack(path: Path, folder: Path) -> None:
    """Write the files that the contracts are merged from into a folder: as JSON, which is YAML too."""
    with lzma.open(path) as file:
        skipped = set(json.loads(next(file)))
        for line in file:
            name, value = json.loads(line)
            if name not in skipped and not name.startswith(PART):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
