"""Contracts by name: `openapi.yaml` with the overlays that make it `clients`, or a version of Flowise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowise_mock.contract import responses
from flowise_mock.contract.document import Document, DocumentError, read
from flowise_mock.contract.expand import expand
from flowise_mock.contract.overlay import apply_file

BUNDLED = Path(__file__).parents[1] / "data"
"""The folder of the document, the overlays and the seed in a wheel; a checkout has them at its top."""


def root() -> Path:
    """The folder that holds `openapi.yaml`, `overlays/` and `fixtures/`."""
    return BUNDLED if BUNDLED.is_dir() else Path(__file__).parents[3]


def overlay_files(contract: str) -> list[Path]:
    """The overlays of a contract, in the order in which they are applied."""
    names = ["behaviour"]
    if contract != "documented":
        names.append("clients")
    if contract not in ("documented", "clients"):
        names += ["flowise", f"flowise-{contract}"]
    return [root() / "overlays" / f"{name}.yaml" for name in names]


def names() -> list[str]:
    """The names of all contracts: the documentation, that of the clients, and the versions."""
    folder = root() / "overlays"
    versions = sorted(path.stem.removeprefix("flowise-") for path in folder.glob("flowise-*.yaml"))
    return ["documented", *(["clients"] if (folder / "clients.yaml").exists() else []), *versions]


def load(contract: str = "documented", overlays: Sequence[Path] = (), base: Path | None = None) -> Document:
    """The merged document of a contract, with further `overlays` on top.

    `base` replaces `openapi.yaml`. Raises DocumentError.
    """
    if contract not in names():
        raise DocumentError(f"there is no contract {contract!r}; choose one of {', '.join(names())}")
    merged = root() / "contracts" / f"{contract}.json"
    source = base or root() / "openapi.yaml"
    if base is None and merged.exists():
        document = read(merged)
    else:
        document = checked(read(source), source)
        for path in overlay_files(contract):
            apply_file(document, path, trusted=True)
        expand(document)
        if "x-server" in document:
            responses.complete(document)
    for path in overlays:
        apply_file(document, path)
    expand(document)
    return checked(document, source)


def checked(document: Any, path: Path) -> Document:
    """`document`, if it has what the engine needs. Raises DocumentError."""
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise DocumentError(f"{path}: is not an OpenAPI document: it has no paths")
    if not str(document.get("openapi", "")).startswith("3.0."):
        raise DocumentError(f"{path}: is not OpenAPI 3.0, the version that Connexion reads")
    return document
