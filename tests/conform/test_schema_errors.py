"""Fields are named as the contract names them, through references, lists, maps and alternatives."""

from __future__ import annotations

from typing import Any

import pytest

from flowise_mock.conform import schema_errors
from flowise_mock.contract.schemas import Schemas

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Chunk": {"type": "object", "properties": {"pageContent": {"type": "string"}, "more": {"$ref": "#/components/schemas/Map"}}},
            "Map": {"type": "object", "additionalProperties": {"type": "string"}},
            "Page": {"type": "object", "required": ["chunks"], "properties": {"chunks": {"type": "array", "items": {"$ref": "#/components/schemas/Chunk"}}}},
            "Either": {"oneOf": [{"$ref": "#/components/schemas/Chunk"}, {"type": "string"}]},
            "Both": {"allOf": [{"$ref": "#/components/schemas/Chunk"}, {"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}}}]},
            "Kind": {"type": "string", "enum": ["A", "B"], "nullable": True},
        }
    }
}  # fmt: skip


def found(name: str, value: Any) -> list[tuple[str, str]]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    validator = Schemas(DOCUMENT).compile(schema)
    return [(each.what, each.subject) for each in schema_errors.errors(DOCUMENT, schema, validator, value)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Page", {"chunks": [{"pageContent": []}]}, [("/chunks/*/pageContent is array", "Chunk/pageContent")]),
        ("Page", {"chunks": [{"pageContent": None}, {"pageContent": None}]}, [("/chunks/*/pageContent is null", "Chunk/pageContent")]),
        ("Page", {}, [("/ lacks chunks", "Page")]),
        ("Page", [], [("/ is array", "Page")]),
        ("Chunk", {"more": {"any key": 1}}, [("/more/{} is integer", "Map/{}")]),
        ("Either", {"pageContent": 1}, [("/pageContent is integer", "Either/pageContent")]),
        ("Both", {"pageContent": 1}, [("/pageContent is integer", "Both/pageContent")]),
        ("Both", {"id": "x"}, [("/id has another format", "Both/id")]),
        ("Kind", "C", [("/ is not a documented value", "Kind")]),
        ("Kind", None, []),
    ],
)  # fmt: skip
def test_fields_have_names(name: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert found(name, value) == expected


def test_fields_that_no_schema_names() -> None:
    value = {"chunks": [{"pageContent": "", "x": 1}, {"x": 2}], "y": {}}
    schema = {"$ref": "#/components/schemas/Page"}
    assert list(schema_errors.undocumented_fields(DOCUMENT, schema, value)) == ["/chunks/*/x", "/y"]
    both = {"$ref": "#/components/schemas/Both"}
    assert list(schema_errors.undocumented_fields(DOCUMENT, both, {"id": "", "pageContent": "", "z": 1})) == [
        "/z"
    ]
