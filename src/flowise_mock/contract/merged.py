"""The merged contracts of a wheel, and the files that they are merged from, in one compressed file.

Contracts and files share most of their text, so together they need a third of the bytes that they need alone.
The first line lists the contracts; a line for each contract follows, then one for each file.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path

from flowise_mock.contract.document import Document

FILE = "contracts.jsonl.xz"
FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 22, "lc": 4, "pb": 0}
]


def write(
    path: Path, documents: Iterable[tuple[str, Document]], files: Iterable[tuple[str, Document]]
) -> None:
    """Write contracts and files, each with its name. The same ones give the same bytes."""
    merged = list(documents)
    lines = [[name for name, _ in merged], *merged, *files]
    text = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in lines)
    path.write_bytes(lzma.compress(text.encode(), filters=FILTERS))


def names(path: Path) -> list[str]:
    """The names of the contracts, in the order of the file."""
    with lzma.open(path) as file:
        found: list[str] = json.loads(next(file))
        return found


def read(path: Path, name: str) -> Document | None:
    """The contract of that name, if the file has it. What comes after it is not decompressed."""
    start = f"[{json.dumps(name)},".encode()
    with lzma.open(path) as file:
        contracts = len(json.loads(next(file)))
        for _, line in zip(range(contracts), file, strict=False):
            if line.startswith(start):
                document: Document = json.loads(line)[1]
                return document
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
        skipped = len(json.loads(next(file)))
        for number, line in enumerate(file):
            if number >= skipped:
                name, value = json.loads(line)
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
