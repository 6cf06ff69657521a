"""A contract, as the judge reads it: its operations, what they take, what they may answer."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from flowise_mock.contract import contracts, document, overlay
from flowise_mock.contract.document import Document, Operation, resolve
from flowise_mock.contract.publish import publish
from flowise_mock.contract.schemas import Schemas, Validator

UNVERSIONED = ("documented", "clients")
HTTP = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class Response:
    """What a contract says of one status of an operation: a schema for each media type."""

    def __init__(self, schemas: Schemas, definition: Document) -> None:
        self.schemas: dict[str, Document] = {
            media.lower(): content.get("schema", {})
            for media, content in definition.get("content", {}).items()
        }
        self.validators: dict[str, Validator] = {
            media: schemas.compile(schema) for media, schema in self.schemas.items()
        }


class Contract:
    """A document with the questions that the judge has."""

    def __init__(self, name: str, loaded: Document, file: Path | None = None) -> None:
        self.name = name
        self.file = file
        """Where it comes from, if it is none of ours."""
        self.document = loaded
        self.schemas = Schemas(loaded)
        self.operations: dict[str, Operation] = {each.id: each for each in document.operations(loaded)}
        self._responses: dict[str, dict[str, Response]] = {}

    @property
    def lenient(self) -> bool:
        """Whether it writes down what a real version does: then a 5xx is a fact, not a fault."""
        return self.name not in UNVERSIONED and self.name in contracts.names()

    @cached_property
    def title(self) -> str:
        return str(self.document.get("info", {}).get("title", ""))

    def responses(self, operation: str) -> dict[str, Response]:
        """Its documented answers by status, compiled once."""
        if operation not in self._responses:
            definition = self.operations[operation].definition
            self._responses[operation] = {
                str(status).upper(): Response(self.schemas, resolve(self.document, response))
                for status, response in definition.get("responses", {}).items()
            }
        return self._responses[operation]

    def response(self, operation: str, status: int) -> Response | None:
        """What is documented for a status: by number, by class (`4XX`), or by default."""
        known = self.responses(operation)
        return known.get(str(status)) or known.get(f"{status // 100}XX") or known.get("DEFAULT")

    def parameters(self, operation: str) -> Iterator[Document]:
        for parameter in self.operations[operation].definition.get("parameters", []):
            yield resolve(self.document, parameter)

    def strange(self, operation: str) -> dict[str, str]:
        """Values for its path parameters that name nothing: a new ID, or an example where none fits."""
        made = {}
        for parameter in self.parameters(operation):
            if parameter["in"] == "path":
                id = str(uuid.uuid4())
                fits = self.schemas.compile(parameter.get("schema", {})).accepts(id)
                made[parameter["name"]] = id if fits else str(parameter.get("example", 1))
        return made

    def bodies(self, operation: str) -> dict[str, Document]:
        """The request body's schema by media type."""
        body = resolve(self.document, self.operations[operation].definition.get("requestBody", {}))
        return {media: content.get("schema", {}) for media, content in body.get("content", {}).items()}

    def takes(self, operation: str, body: Any) -> bool:
        """Whether a JSON body is one that the contract allows."""
        schema = self.bodies(operation).get("application/json")
        return schema is not None and self.schemas.compile(schema).accepts(body)

    def needs_key(self, operation: str) -> bool:
        default = self.document.get("security", [])
        asked: list[Any] = self.operations[operation].definition.get("security", default) or []
        return bool(asked) and {} not in asked

    def documented(self, operation: str, *statuses: int) -> list[int]:
        """Those of `statuses` that the operation documents."""
        return [status for status in statuses if str(status) in self.responses(operation)]

    def published(self) -> Document:
        """The document that requests are generated from, without what drives the mock.

        Bodies send no `id`: servers that obey it overwrite the record that has it.
        """
        shown = copy.deepcopy(publish(self.document))
        for operation in document.operations(shown):
            for content in operation.definition.get("requestBody", {}).get("content", {}).values():
                _without_id(shown, content)
        return {**_null_in_enums(shown), "servers": [{"url": "/"}]}


def _without_id(shown: Document, content: Document) -> None:
    schema = resolve(shown, content.get("schema", {}))
    if "id" not in schema.get("properties", {}):
        return
    kept = {name: each for name, each in schema["properties"].items() if name != "id"}
    content["schema"] = {**schema, "properties": kept}
    for holder in (content, content["schema"]):
        if isinstance(holder.get("example"), dict):
            holder["example"] = {name: each for name, each in holder["example"].items() if name != "id"}


def _null_in_enums(node: Any) -> Any:
    """A nullable enum with null among its values: what is meant, and what readers by the letter need."""
    if isinstance(node, list):
        return [_null_in_enums(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _null_in_enums(value) for key, value in node.items()}
    if made.get("nullable") is True and isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def load(name: str, overlays: Sequence[Path] = (), file: Path | None = None) -> Contract:
    """The contract of a name, or of a document of the user's. Raises DocumentError."""
    if file is None:
        return Contract(name, contracts.load(name, overlays))
    loaded = document.read(file)
    for path in overlays:
        overlay.apply_file(loaded, path)
    return Contract(file.name, contracts.checked(loaded, file), file)
