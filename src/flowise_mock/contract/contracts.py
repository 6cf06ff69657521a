"""Contracts by name: `openapi.yaml` with the overlays that make it `clients`, or a version of Flowise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flowise_mock.contract import merged, responses
from flowise_mock.contract.document import Document, DocumentError, read
from flowise_mock.contract.expand import expand
from flowise_mock.contract.overlay import apply_file


def root() -> Path:
    """The folder that holds `fixtures/`, and in a checkout `openapi.yaml` and `overlays/` too."""
    return merged.BUNDLED if merged.BUNDLED.is_dir() else Path(__file__).parents[3]


def seed() -> Path:
    """The seed that a server begins with: a folder, and in a wheel one document of the package."""
    folder = root() / "fixtures" / "seed"
    return folder if folder.is_dir() else folder.with_suffix(".json")


def layers() -> Path:
    """The folder that holds `openapi.yaml` and `overlays/`; what is installed has them packed."""
    return root() if (root() / "openapi.yaml").exists() else Path(_unpacked().name)


@cache
def _unpacked() -> TemporaryDirectory[str]:
    """The files that the bundled contracts are merged from, until the process ends."""
    folder = TemporaryDirectory(prefix="flowise-mock-")
    merged.unpack(root() / merged.FILE, Path(folder.name))
    return folder


def overlay_files(contract: str) -> list[Path]:
    """The overlays of a contract, in the order in which they are applied.

    A version, or a file, says with `extends` what it is laid over; the others are found beside it or among
    the bundled ones. Raises DocumentError.
    """
    folder = layers() / "overlays"
    if contract == "documented":
        return [folder / "behaviour.yaml"]
    file = Path(contract) if is_file(contract) else folder / f"flowise-{contract}.yaml"
    chain = [folder / "clients.yaml"] if contract == "clients" else _chain(file)
    return [folder / "behaviour.yaml", *chain]


def is_file(contract: str) -> bool:
    """Whether a contract is named by the file of its overlay, and not by its version."""
    return contract.endswith((".yaml", ".yml", ".json"))


def _chain(file: Path) -> list[Path]:
    """A file after those that it extends, the first one first."""
    chain: list[Path] = [file]
    while chain[0].name != "clients.yaml":
        overlay = read(chain[0])
        extended = overlay.get("extends") if isinstance(overlay, dict) else None
        if not isinstance(extended, str) or Path(extended).name == "openapi.yaml":
            raise DocumentError(
                f"{chain[0]}: extends no version: write `extends: flowise-3.1.4.yaml`, or another"
            )
        beside = chain[0].parent / extended
        file = beside if beside.exists() else layers() / "overlays" / Path(extended).name
        if file in chain:
            raise DocumentError(f"{chain[0]}: extends {extended}, which extends it")
        chain.insert(0, file)
    return chain


def names() -> list[str]:
    """The names of all contracts: the documentation, that of the clients, and the versions."""
    if (root() / merged.FILE).exists():
        return merged.names(root() / merged.FILE)
    folder = root() / "overlays"
    versions = sorted(
        (path.stem.removeprefix("flowise-") for path in folder.glob("flowise-*.yaml")), key=order
    )
    return ["documented", *(["clients"] if (folder / "clients.yaml").exists() else []), *versions]


def order(version: str) -> tuple[int, ...]:
    """The order of versions: 3.0.13 comes after 3.0.5."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def versions() -> list[str]:
    """The versions of Flowise that have a contract, the oldest first."""
    return [name for name in names() if name[0].isdigit()]


def resolve_version(version: str) -> str:
    """The newest contract of the same major version that is not newer than `version`.

    Raises DocumentError.
    """
    if version in names() or is_file(version):
        return version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise DocumentError(f"there is no contract {version!r}; choose one of {', '.join(names())}")
    wanted = order(version)
    older = [each for each in versions() if order(each) <= wanted and order(each)[0] == wanted[0]]
    if not older:
        raise DocumentError(
            f"there is no contract for Flowise {version}, nor for an older {wanted[0]}.x; choose one of "
            f"{', '.join(versions())}"
        )
    return older[-1]


def load(contract: str = "documented", overlays: Sequence[Path] = (), base: Path | None = None) -> Document:
    """The merged document of a contract, with further `overlays` on top.

    `base` replaces `openapi.yaml`. Raises DocumentError.
    """
    if not is_file(contract) and contract not in names():
        raise DocumentError(f"there is no contract {contract!r}; choose one of {', '.join(names())}")
    source = base or Path("openapi.yaml")
    document = _merged(contract) if base is None else None
    if document is None:
        document = merge(contract, base)
        if "x-server" in document:
            responses.complete(document)
    for path in overlays:
        apply_file(document, path)
    expand(document)
    return checked(document, source)


def _merged(contract: str) -> Document | None:
    """The contract as the wheel has it, merged and completed; a checkout has none."""
    path = root() / merged.FILE
    return merged.read(path, contract) if path.exists() else None


def merge(contract: str, source: Path | None = None) -> Document:
    """A contract as its overlays say it, before its responses are completed. Raises DocumentError."""
    source = source or layers() / "openapi.yaml"
    document = checked(read(source), source)
    for path in overlay_files(contract):
        apply_file(document, path, trusted=path.parent == layers() / "overlays")
    expand(document)
    return document


def checked(document: Any, path: Path) -> Document:
    """`document`, if it has what the engine needs. Raises DocumentError."""
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise DocumentError(f"{path}: is not an OpenAPI document: it has no paths")
    if not str(document.get("openapi", "")).startswith("3.0."):
        raise DocumentError(f"{path}: is not OpenAPI 3.0, the version that Connexion reads")
    return document
