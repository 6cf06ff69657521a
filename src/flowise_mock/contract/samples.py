"""Generates values from schemas: an example if there is one, else the smallest value that matches."""

from __future__ import annotations

from typing import Any

from flowise_mock.contract.document import Document, resolve

MAX_DEPTH = 6
"""Levels below which only required properties are generated."""
_TEXTS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2025-01-01T00:00:00.000Z",
    "date": "2025-01-01",
    "email": "ada@example.com",
    "uri": "https://example.com",
}


def sample(document: Document, schema: Document, depth: int = 0) -> Any:
    """A value that matches the schema."""
    schema = resolve(document, schema)
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "allOf" in schema:
        parts = [sample(document, part, depth) for part in schema["allOf"]]
        return {key: value for part in parts for key, value in part.items()} | _object(
            document, schema, depth
        )
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return sample(document, schema[key][0], depth)
    kind = schema.get("type", "object" if "properties" in schema else "")
    if kind == "object":
        return _object(document, schema, depth)
    if kind == "array":
        return _array(document, schema, depth)
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "text").ljust(schema.get("minLength", 0), ".")
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False}.get(
        kind
    )


def _object(document: Document, schema: Document, depth: int) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: sample(document, child, depth + 1)
        for name, child in schema.get("properties", {}).items()
        if depth < MAX_DEPTH or name in required
    }


def _array(document: Document, schema: Document, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    if not schema.get("items") or (depth >= MAX_DEPTH and not least):
        return []
    return [sample(document, schema["items"], depth + 1)] * max(least, 1)
