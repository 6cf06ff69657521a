"""The merged contracts of a wheel: one compressed file, a line for each contract.

The contracts share most of their text, so together they need a quarter of the bytes that they need alone.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path

from flowise_mock.contract.document import Document

FILE = "contracts.jsonl.xz"


def write(path: Path, documents: Iterable[tuple[str, Document]]) -> None:
    """Write the contracts, each with its name. The same contracts give the same bytes."""
    lines = (json.dumps(each, separators=(",", ":")) + "\n" for each in documents)
    path.write_bytes(lzma.compress("".join(lines).encode(), preset=9))


def read(path: Path, name: str) -> Document | None:
    """The contract of that name, if the file has it."""
    start = f"[{json.dumps(name)},".encode()
    for line in lzma.decompress(path.read_bytes()).splitlines():
        if line.startswith(start):
            document: Document = json.loads(line)[1]
            return document
    return None
