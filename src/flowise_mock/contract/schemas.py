"""OpenAPI 3.0 schemas, converted to JSON Schema and compiled to validators (jsonschema-rs)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import jsonschema_rs

from flowise_mock.contract.document import Document

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_UUID_PATTERN = "^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_URI = "urn:contract"


class Problem(NamedTuple):
    """Where an instance does not match its schema, as a path such as `items/0/name`, and why."""

    path: str
    reason: str


class Schemas:
    """The schemas of one document. Compile each schema once, at the start."""

    def __init__(self, document: Document) -> None:
        components = document.get("components", {}).get("schemas", {})
        converted = {"components": {"schemas": {k: json_schema(v) for k, v in components.items()}}}
        self._registry = jsonschema_rs.Registry([(_URI, converted)], draft=jsonschema_rs.Draft4)
        self._patterned = jsonschema_rs.Registry(
            [(_URI, with_patterns(converted))], draft=jsonschema_rs.Draft4
        )

    def compile(self, schema: Document) -> Validator:
        """The validator of a schema of the document."""
        converted = json_schema(schema)
        quick = jsonschema_rs.Draft4Validator(
            with_patterns(converted),
            registry=self._patterned,
            base_uri=_URI + "-place",
            validate_formats=True,
        )
        return Validator(quick, lambda: self._with_messages(converted))

    def _with_messages(self, converted: Any) -> jsonschema_rs.Draft4Validator:
        """A validator whose messages name the format `uuid` and no pattern."""
        return jsonschema_rs.Draft4Validator(
            converted,
            registry=self._registry,
            base_uri=_URI + "-place",
            formats={"uuid": is_uuid},
            validate_formats=True,
        )


class Validator:
    """Validates instances against one schema.

    `with_messages` makes a validator that accepts the same instances as `quick`, for the messages; it is
    made at the first error.
    """

    def __init__(
        self,
        quick: jsonschema_rs.Draft4Validator,
        with_messages: Callable[[], jsonschema_rs.Draft4Validator] | None = None,
    ) -> None:
        self.accepts = quick.is_valid
        self._make = with_messages or (lambda: quick)

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft4Validator:
        return self._make()

    def errors(self, instance: Any) -> Iterator[jsonschema_rs.ValidationError]:
        """All errors in `instance`, as the validator reports them."""
        return self._validator.iter_errors(instance)

    def problem(self, instance: Any) -> Problem | None:
        """The first error in `instance`, or None."""
        if self.accepts(instance):
            return None
        for error in self._validator.iter_errors(instance):
            path = "/".join(str(part) for part in error.instance_path)
            return Problem(path, shortened(error.message))
        return None


def shortened(text: str, limit: int = 300) -> str:
    """`text` without its middle, so that a message does not repeat a long body."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def with_patterns(schema: Any) -> Any:
    """A JSON Schema with a pattern for the format `uuid`: a format of our own calls Python for each value."""
    if isinstance(schema, list):
        return [with_patterns(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: value if key == "enum" and isinstance(value, list) else with_patterns(value)
        for key, value in schema.items()
    }
    if made.get("format") == "uuid":
        del made["format"]
        made = {"allOf": [made, {"pattern": _UUID_PATTERN}]}
    return made


def json_schema(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema draft 4: `nullable` becomes a type, references are kept."""
    if isinstance(schema, list):
        return [json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#", _URI + "#", 1)}
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: json_schema(child) for name, child in value.items()}
        elif key in ("items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"):
            made[key] = json_schema(value)
        elif key not in _ANNOTATIONS and not key.startswith("x-"):
            made[key] = value
    if schema.get("nullable"):
        return nullable(made)
    return made


_ANNOTATIONS = {
    "nullable", "description", "title", "example", "default", "deprecated", "readOnly", "writeOnly",
    "discriminator", "xml", "externalDocs",
}  # fmt: skip


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` or null, also if `nullable` is next to allOf, oneOf or an enum."""
    if isinstance(schema.get("type"), str) and not schema.keys() & {"enum", "allOf", "anyOf", "oneOf"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
