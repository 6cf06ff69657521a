"""Validators accept by patterns what they explain by formats."""

from __future__ import annotations

from typing import Any

import pytest

from flowise_mock.contract.schemas import Schemas

UUID = "cfd531e0-82fc-11e9-bc42-526af7764f64"
TEXT = {"type": "string", "format": "uuid"}
DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Id": TEXT,
            "Thing": {"type": "object", "properties": {"enum": TEXT, "format": {**TEXT, "nullable": True}}},
        }
    }
}
SCHEMAS: list[dict[str, Any]] = [
    TEXT,
    {"$ref": "#/components/schemas/Id"},
    {"format": "uuid"},
    {**TEXT, "nullable": True},
    {**TEXT, "pattern": "^c"},
    {"$ref": "#/components/schemas/Thing"},
    {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
]
IDS: list[Any] = [UUID, UUID.upper(), f"{UUID}\n", f" {UUID}", UUID[:-1], f"\u0661{UUID[1:]}", "", None, 3]
INSTANCES = [
    *IDS,
    *({"enum": id} for id in IDS),
    *({"format": id} for id in IDS),
    *([{"format": id}] for id in IDS),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_pattern_accepts_the_same_ids_as_the_format(schema: dict[str, Any]) -> None:
    validator = Schemas(DOCUMENT).compile(schema)
    for instance in INSTANCES:
        explained = next(validator.errors(instance), None)
        assert validator.accepts(instance) == (explained is None), instance


def test_an_error_names_the_format() -> None:
    found = Schemas(DOCUMENT).compile(TEXT).problem("x")
    assert found is not None
    assert found.reason == '"x" is not a "uuid"'
