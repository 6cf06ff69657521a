"""The one place where the OpenAPI document is found, loaded, overlaid and walked.

A contract is a list of layers: `openapi.yaml` and the overlays (OpenAPI Overlay 1.0) that lie over
it. An action whose target matches nothing is an error here, though the standard allows it: a layer
that no longer fits must not pass in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Document = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class DocumentError(Exception):
    """A document or an overlay that cannot be used; the text names the file, the place and why."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as JSON has it: an unquoted timestamp stays the text that was written."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> Any:
    """What a YAML or JSON file holds."""
    try:
        text = path.read_bytes()
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{path}: is not YAML or JSON: {' '.join(str(error).split())}") from None


# --- overlays --------------------------------------------------------------------------------------


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
    """What `node` stands for: itself, or what its `$ref` within the document names."""
    while isinstance(node, dict) and "$ref" in node:
        pointer = node["$ref"]
        if not pointer.startswith("#/"):
            raise DocumentError(f"$ref {pointer!r}: only references within the document are followed")
        node = document
        for part in pointer[2:].split("/"):
            try:
                node = node[part.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise DocumentError(f"$ref {pointer!r}: there is nothing of that name") from None
    return node
