"""Puts the contracts and the fixtures into the wheel, and packs it well.

With the merged contracts a server starts without reading YAML or applying overlays. In the same file are
the document and the overlays, for overlays of users that extend them, and further documents. A checkout has
no copies.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import deflate
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SCRIPTS, SEED = "fixtures/scripts", "fixtures/seed"
PACKED_SEED = "data/fixtures/seed.json"
"""The name that the seed has in the package."""
TEXTS = ("description", "examples")


VOCABULARY = "contract/vocabulary.schema.json"
"""It goes without the texts that only docs/overlays.md needs."""
PARTS = (
    VOCABULARY,
    "control/control.yaml",
    "faults/faults.schema.json",
    "scripts/script.schema.json",
    *(f"conform/{name}.yaml" for name in ("walks", "records", "flows")),
)
"""Documents of the package that go with the contracts; pyproject.toml excludes the files."""


class Data(BuildHookInterface):
    """Fills `flowise_mock/data` of a wheel, and compresses its files with libdeflate."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        include: dict[str, str] = build_data["force_include"]
        include[str(Path(self.root, SCRIPTS))] = f"flowise_mock/data/{SCRIPTS}"
        self.made = tempfile.TemporaryDirectory()
        merged = _write_contracts(Path(self.root, "src"), Path(self.made.name))
        include[str(merged)] = f"flowise_mock/data/{merged.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact: str) -> None:
        if version == "editable":
            return
        self.made.cleanup()
        _compress(Path(artifact))


def _write_contracts(source: Path, folder: Path) -> Path:
    sys.path.insert(0, str(source))
    from flowise_mock.contract import contracts, document, merged

    path = folder / merged.FILE
    root = contracts.root()
    baselines = sorted((source / "flowise_mock/conform/baselines").glob("*.yaml"))
    files = [root / "openapi.yaml", *sorted((root / "overlays").glob("*.yaml"))]
    merged.write(
        path,
        ((name, contracts.load(name)) for name in contracts.names()),
        [
            (PACKED_SEED, {each.stem: document.read(each) for each in sorted((root / SEED).glob("*.json"))}),
            *((name, _part(document.read(source / "flowise_mock" / name), name)) for name in PARTS),
        ],
        [
            *((str(each.relative_to(root)), merged.without_reasons(document.read(each))) for each in files),
            *((f"baselines/{each.name}", document.read(each)) for each in baselines),
        ],
    )
    return path


def _part(value: Any, name: str) -> Any:
    return _without_texts(value) if name == VOCABULARY else value


def _without_texts(node: Any) -> Any:
    """A schema without its descriptions and examples; a property of that name is a schema, and stays."""
    if isinstance(node, list):
        return [_without_texts(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: each for key, each in node.items() if key not in TEXTS or isinstance(each, dict)}
    return {key: _without_texts(each) for key, each in kept.items()}


def _compress(wheel: Path) -> None:
    """Write the archive anew with the same files in the same order."""
    with ZipFile(wheel) as old:
        files = [(info, old.read(info)) for info in old.infolist()]
    with ZipFile(wheel, "w") as new:
        for info, content in files:
            _add(new, info, content)


def _add(archive: ZipFile, info: ZipInfo, content: bytes) -> None:
    with archive.open(info, "w") as member:
        member._compressor = _Compressor()  # type: ignore[attr-defined]  # zipfile takes no other compressor
        member.write(content)


class _Compressor:
    """The interface of `zlib.compressobj`, by libdeflate at its highest level: 3 % smaller than zlib."""

    def __init__(self) -> None:
        self.content = b""

    def compress(self, content: bytes) -> bytes:
        self.content += content
        return b""

    def flush(self) -> bytes:
        return bytes(deflate.deflate_compress(self.content, 12))
