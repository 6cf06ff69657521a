"""The overlay of --fix turns the document into the fixed one, by targets that are objects and arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowise_mock.contract import overlay
from flowise_mock.lint import fix
from flowise_mock.lint.findings import Edit
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings
from flowise_mock.lint.source import load

FAST = Settings(skip=frozenset({"spec-validator"}))
HEAD = "info: {title: a, version: '1'}\n"


def schema(version: str, text: str) -> str:
    return f"openapi: {version}\n{HEAD}paths: {{}}\ncomponents: {{schemas: {{A: {text}, B: {{type: string}}}}}}\n"


def operation(version: str, text: str) -> str:
    return f"openapi: {version}\n{HEAD}paths: {{'/a/{{id}}': {{get: {text}}}}}\n"


OK = "responses: {'200': {description: ok}}"
ID = "{name: id, in: path, required: true, schema: {type: string}}"
CASES = {
    "a date": (schema("3.0.3", "{type: string, enum: [2020-01-01, b]}"), "$.components.schemas.A.enum", ["2020-01-01", "b"]),
    "a version": ("openapi: 3.0.3\ninfo: {title: a, version: 1.10}\npaths: {}\n", "$.info.version", "1.10"),
    "required twice": (schema("3.0.3", "{required: [a, b, a]}"), "$.components.schemas.A.required", ["a", "b"]),
    "nullable beside $ref": (
        schema("3.0.3", "{properties: {c: {$ref: '#/components/schemas/B', nullable: true}}}"),
        "$.components.schemas.A.properties.c",
        {"anyOf": [{"$ref": "#/components/schemas/B"}, {"type": "string", "nullable": True, "enum": [None]}]},
    ),
    "a description beside $ref": (
        schema("3.0.3", "{allOf: [{$ref: '#/components/schemas/B', description: d}]}"),
        "$.components.schemas.A.allOf[0]",
        {"description": "d", "allOf": [{"$ref": "#/components/schemas/B"}]},
    ),
    "examples as an object": (schema("3.1.0", "{examples: {one: {value: 1}, two: 2}}"), "$.components.schemas.A.examples", [1, 2]),
    "examples as a list": (
        operation("3.0.3", f"{{parameters: [{ID}, {{name: q, in: query, schema: {{}}, examples: [1]}}], {OK}}}"),
        "$.paths['/a/{id}'].get.parameters[1].examples",
        {"example1": {"value": 1}},
    ),
    "a list of types in 3.0": (schema("3.0.3", "{type: [string, 'null']}"), "$.components.schemas.A", {"type": "string", "nullable": True}),
    "nullable in 3.1": (schema("3.1.0", "{type: string, nullable: true, enum: [a]}"), "$.components.schemas.A", {"type": ["string", "null"], "enum": ["a", None]}),
    "const in 3.0": (schema("3.0.3", "{const: a}"), "$.components.schemas.A", {"enum": ["a"]}),
    "a number as exclusive bound in 3.0": (schema("3.0.3", "{exclusiveMinimum: 1}"), "$.components.schemas.A", {"minimum": 1, "exclusiveMinimum": True}),
    "a boolean as exclusive bound in 3.1": (schema("3.1.0", "{minimum: 1, exclusiveMinimum: true}"), "$.components.schemas.A", {"exclusiveMinimum": 1}),
    "a parameter of 2.0": (
        operation("3.0.3", f"{{parameters: [{ID}, {{name: q, in: query, type: string}}], {OK}}}"),
        "$.paths['/a/{id}'].get.parameters[1]",
        {"name": "q", "in": "query", "schema": {"type": "string"}},
    ),
    "a parameter that is missing": (operation("3.0.3", f"{{{OK}}}"), "$.paths['/a/{id}'].get.parameters[0].name", "id"),
    "a parameter that is missing in 2.0": (
        operation("3.0.3", f"{{parameters: [], {OK}}}").replace("openapi: 3.0.3", "swagger: '2.0'"),
        "$.paths['/a/{id}'].get.parameters",
        [{"name": "id", "in": "path", "required": True, "type": "string"}],
    ),
    "a parameter twice": (operation("3.0.3", f"{{parameters: [{ID}, {ID}], {OK}}}"), "$.paths['/a/{id}'].get.parameters", [yaml.safe_load(ID)]),
    "numbers in an enum of text": (schema("3.0.3", "{type: string, enum: [1, a]}"), "$.components.schemas.A.enum", ["1", "a"]),
    "the enum of an array": (
        schema("3.0.3", "{type: array, items: {type: string}, enum: [a, b]}"),
        "$.components.schemas.A",
        {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    ),
    "text as the default of a number": (schema("3.0.3", "{type: integer, default: '1'}"), "$.components.schemas.A.default", 1),
    "enum twice": (schema("3.0.3", "{type: string, enum: [a, b, a]}"), "$.components.schemas.A.enum", ["a", "b"]),
}  # fmt: skip


def at(value: Any, target: str) -> Any:
    for step in next(overlay.locations(value, target)):
        value = value[step]
    return value


@pytest.mark.parametrize("name", CASES)
def test_a_fix(name: str, tmp_path: Path) -> None:
    text, target, expected = CASES[name]
    file = tmp_path / "a.yaml"
    file.write_text(text)
    source = load(file)
    findings = lint([file], FAST)
    made = fix.overlay(findings, source)
    assert all(each["description"] for each in made["actions"])
    result = fix.fixed(source.value, yaml.safe_load(fix.written(made)))
    assert at(result, target) == expected
    for action in made["actions"]:
        assert isinstance(at(source.value, action["target"]), dict | list), (
            "a scalar as a target is Overlay 1.1"
        )
    (tmp_path / "b.json").write_text(json.dumps(result))
    before = {each.rule for each in findings if each.fix}
    assert {each.rule for each in lint([tmp_path / "b.json"], FAST) if each.fix} < before


def test_nothing_that_a_discriminator_reaches_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    text = "{type: object, discriminator: {propertyName: k}, properties: {k: {type: string}}}, C: {allOf: [{$ref: '#/components/schemas/A'}]}"
    file.write_text(schema("3.0.3", text))
    found = lint([file], FAST)
    assert {each.pointer for each in found if each.rule == "no-unused-components"} == {
        "/components/schemas/A",
        "/components/schemas/B",
    } - {"/components/schemas/A"}
    assert not [each for each in fix.overlay(found, load(file))["actions"] if "remove" in each]


VALUE = {"a": {"b": 1, "c": [{"d": 1}, {"d": 2}, {"d": 3}]}, "e": [1, 2], "f": {"g": {"h": 1}}, "i": "t"}


@pytest.mark.parametrize(
    "edits",
    [
        [Edit("/a/b", 2)],
        [Edit("/a/b", remove=True)],
        [Edit("/a/c/1", remove=True), Edit("/a/c/0", remove=True)],
        [Edit("/a/c/1/d", remove=True)],
        [Edit("/a/c/1/d", 9), Edit("/a/c/-", {"d": 4})],
        [Edit("/e/-", 3)],
        [Edit("/e", [2])],
        [Edit("/e/0", remove=True)],
        [Edit("/f", 3), Edit("/i", {"j": 1})],
        [Edit("/f/g", [1]), Edit("/f/k", {"l": []})],
        [Edit("/a/c", {"x": 1})],
        [Edit("/i", "t"), Edit("/e/1", 2)],
    ],
)
def test_the_overlay_leads_to_the_edited_document(edits: list[Edit], tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(VALUE))
    source = load(file)
    finding = lint([file], FAST)[0]._replace(fix=tuple(edits))
    made = fix.overlay([finding], source)
    assert made["actions"]
    assert fix.fixed(source.value, made) == fix.edited(VALUE, edits)
    assert all(isinstance(at(VALUE, each["target"]), dict | list) for each in made["actions"])
