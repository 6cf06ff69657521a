"""A contract as the judge reads it: its operations, what they accept, what they may answer."""

from __future__ import annotations

import copy
import re
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


class DocumentedResponse:
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
    """A document, and what the judge needs to know of it."""

    def __init__(self, name: str, loaded: Document, file: Path | None = None) -> None:
        self.name = name
        self.file = file
        """The user's own document, if it is not one of ours."""
        self.document = loaded
        self.schemas = Schemas(loaded)
        self.operations: dict[str, Operation] = {each.id: each for each in document.operations(loaded)}
        self._responses: dict[str, dict[str, DocumentedResponse]] = {}

    @cached_property
    def describes_version(self) -> bool:
        """Whether it describes what a real version does: then a documented 5xx is a fact, not a fault."""
        return self.name not in UNVERSIONED and self.name in contracts.names()

    def behaves_as(self, behaviour: Document) -> bool:
        """Whether flows behave in all these ways, as the contract of a version says; False for none."""
        known = self.document.get("x-flow-behaviour", {})
        return bool(behaviour) and behaviour.items() <= known.items()

    @property
    def ends_at_malformed_forms(self) -> bool:
        """Whether a form with a malformed part ends the server, as the contract of a version says."""
        return bool(self.document.get("x-server", {}).get("malformed-forms") == "fatal")

    def ignores(self, operation: str, outcome: str) -> bool:
        """Whether an outcome is ignored by an operation, as the contract of a version says."""
        own = self.operations[operation].definition.get("x-outcomes", {})
        return bool(own.get(outcome, self.document.get("x-outcomes", {}).get(outcome)) == "proceed")

    @cached_property
    def title(self) -> str:
        return str(self.document.get("info", {}).get("title", ""))

    def responses(self, operation: str) -> dict[str, DocumentedResponse]:
        """The documented responses of an operation by status, compiled once."""
        if operation not in self._responses:
            definition = self.operations[operation].definition
            self._responses[operation] = {
                str(status).upper(): DocumentedResponse(self.schemas, resolve(self.document, response))
                for status, response in definition.get("responses", {}).items()
            }
        return self._responses[operation]

    def response(self, operation: str, status: int) -> DocumentedResponse | None:
        """What is documented for a status: by number, by class (`4XX`), or by default."""
        known = self.responses(operation)
        return known.get(str(status)) or known.get(f"{status // 100}XX") or known.get("DEFAULT")

    def parameters(self, operation: str) -> Iterator[Document]:
        for parameter in self.operations[operation].definition.get("parameters", []):
            yield resolve(self.document, parameter)

    def parameter(self, operation: str, name: str) -> Document | None:
        return next((each for each in self.parameters(operation) if each["name"] == name), None)

    def unknown_ids(self, operation: str) -> dict[str, str]:
        """Values for its path parameters that name nothing: a new ID, or an example if no ID is valid."""
        made = {}
        for parameter in self.parameters(operation):
            if parameter["in"] == "path":
                id = str(uuid.uuid4())
                valid = self.schemas.compile(parameter.get("schema", {})).accepts(id)
                made[parameter["name"]] = id if valid else str(parameter.get("example", 1))
        return made

    def bodies(self, operation: str) -> dict[str, Document]:
        """The request body's schema by media type."""
        body = resolve(self.document, self.operations[operation].definition.get("requestBody", {}))
        return {media: content.get("schema", {}) for media, content in body.get("content", {}).items()}

    def accepts(self, operation: str, body: Any) -> bool:
        """Whether a JSON body is valid for an operation."""
        schema = self.bodies(operation).get("application/json")
        return schema is not None and self.schemas.compile(schema).accepts(body)

    def needs_key(self, operation: str) -> bool:
        default = self.document.get("security", [])
        required: list[Any] = self.operations[operation].definition.get("security", default) or []
        return bool(required) and {} not in required

    def documented(self, operation: str, *statuses: int) -> list[int]:
        """Those of `statuses` that the operation documents."""
        return [status for status in statuses if str(status) in self.responses(operation)]

    def never_succeeds(self, operation: str) -> bool:
        """Whether no 2xx is documented, as of an operation that a version refuses to every API key."""
        known = self.responses(operation)
        return bool(known) and not any(status[0] == "2" or status == "DEFAULT" for status in known)

    def methods(self) -> dict[str, set[str]]:
        """The documented methods of each path."""
        found: dict[str, set[str]] = {}
        for each in self.operations.values():
            found.setdefault(each.path, set()).add(each.method.upper())
        return found

    def is_documented(self, method: str, path: str) -> bool:
        """Whether a method of a concrete path is an operation, perhaps of another template."""
        return any(
            each.method.upper() == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each.path), path)
            for each in self.operations.values()
        )

    def published(self) -> Document:
        """The document that requests are generated from, without the words that drive the mock.

        Bodies have no `id`: servers that accept one overwrite the record that has it.
        """
        shown = copy.deepcopy(publish(self.document))
        for operation in document.operations(shown):
            for content in operation.definition.get("requestBody", {}).get("content", {}).values():
                _remove_id(shown, content)
        return {**_null_in_enums(shown), "servers": [{"url": "/"}]}


def _remove_id(shown: Document, content: Document) -> None:
    schema = resolve(shown, content.get("schema", {}))
    if "id" not in schema.get("properties", {}):
        return
    kept = {name: each for name, each in schema["properties"].items() if name != "id"}
    content["schema"] = {**schema, "properties": kept}
    for holder in (content, content["schema"]):
        if isinstance(holder.get("example"), dict):
            holder["example"] = {name: each for name, each in holder["example"].items() if name != "id"}


def _null_in_enums(node: Any) -> Any:
    """Add null to nullable enums: that is what they mean, and what Schemathesis reads."""
    if isinstance(node, list):
        return [_null_in_enums(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _null_in_enums(value) for key, value in node.items()}
    if made.get("nullable") is True and isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def load(name: str, overlays: Sequence[Path] = (), file: Path | None = None) -> Contract:
    """The contract of a name, or of the user's own document. Raises DocumentError."""
    if file is None:
        return Contract(name, contracts.load(name, overlays))
    loaded = document.read(file)
    for path in overlays:
        overlay.apply_file(loaded, path)
    return Contract(file.name, contracts.checked(loaded, file), file)
