"""OpenAPI documents: reads a file, iterates over its operations, resolves references."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Document = dict[str, Any]
MAX_KEPT = 1024 * 1024
"""Bytes of the largest YAML text whose value is kept."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class DocumentError(Exception):
    """A document or an overlay cannot be used; the message names the file, the place and the reason."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as JSON values: an unquoted timestamp is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> Any:
    """The value of a YAML or JSON file. Raises DocumentError."""
    try:
        text = path.read_bytes()
        if path.suffix == ".json":
            return json.loads(text)
        return pickle.loads(_pickled(text)) if len(text) <= MAX_KEPT else _loaded(text)  # noqa: S301 - our own
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{path}: is not YAML or JSON: {' '.join(str(error).split())}") from None


def _loaded(text: bytes) -> Any:
    return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader


@lru_cache(24)
def _pickled(text: bytes) -> bytes:
    """The value of a YAML text, kept so that each reader gets a copy: parsing takes most of a start."""
    return pickle.dumps(_loaded(text), pickle.HIGHEST_PROTOCOL)


# --- walks -----------------------------------------------------------------------------------------


class Operation(NamedTuple):
    """One operation of a document, with the parameters of its path item among its own."""

    path: str
    method: str
    definition: Document

    @property
    def id(self) -> str:
        return str(self.definition.get("operationId", f"{self.method} {self.path}"))

    @property
    def tag(self) -> str:
        return str((self.definition.get("tags") or [""])[0])


def operations(document: Document) -> Iterator[Operation]:
    """Every operation, in the document's order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                definition = item[method]
                if shared:
                    definition = {**definition, "parameters": [*shared, *definition.get("parameters", [])]}
                yield Operation(path, method, definition)


def resolve(document: Document, node: Any) -> Any:
    """The target of a `$ref` within the document, or `node` itself if it has none."""
    while isinstance(node, dict) and "$ref" in node:
        pointer = node["$ref"]
        if not pointer.startswith("#/"):
            raise DocumentError(f"$ref {pointer!r}: only references within the document are followed")
        node = document
        for part in pointer[2:].split("/"):
            try:
                node = node[part.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise DocumentError(f"$ref {pointer!r}: the document has no such part") from None
    return node
