"""`openapi.yaml` against what the documentation states, and against OpenAPI.

`documented.json` holds the facts of the documentation as they were published: paths, parameters,
bodies, answers, schemas, values of examples; not its sentences. Whatever it states is in the document,
or an `x-departure` stands where it is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from flowise_mock import document
from flowise_mock.schemas import Schemas

DOCUMENT = document.read(document.root() / "openapi.yaml")
DOCUMENTED = json.loads((Path(__file__).parent / "documented.json").read_text())
OPERATIONS = {each.id: each for each in document.operations(DOCUMENT)}
WORDS = ("description", "title", "summary", "example")
"""What is ours to say. Examples are compared by themselves."""


def differences(stated: Any, ours: Any, place: str) -> Iterator[str]:
    """Where the document does not say what is stated and no departure says why."""
    if isinstance(ours, dict) and "x-departure" in ours:
        return
    if isinstance(stated, dict) and isinstance(ours, dict):
        if "$ref" in ours and "$ref" not in stated:
            ours = document.resolve(DOCUMENT, ours)
            yield from differences(stated, ours, place)
            return
        for key, value in stated.items():
            if key in WORDS:
                continue
            if key not in ours:
                yield f"{place}/{key} is missing"
            else:
                yield from differences(value, ours[key], f"{place}/{key}")
    elif stated != ours:
        yield f"{place} is {json.dumps(ours)[:80]}, stated is {json.dumps(stated)[:80]}"


def stated_operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for item in DOCUMENTED["paths"].values():
        for operation in item.values():
            yield operation["operationId"], operation


@pytest.mark.parametrize(("operation_id", "stated"), list(stated_operations()))
def test_an_operation_says_what_is_documented(operation_id: str, stated: dict[str, Any]) -> None:
    ours = OPERATIONS[operation_id].definition
    found = list(
        differences(
            {k: v for k, v in stated.items() if k not in ("parameters", "security")}, ours, operation_id
        )
    )
    named = {(each["in"], each["name"]): each for each in ours.get("parameters", [])}
    for parameter in stated.get("parameters", []):
        name = parameter["name"]
        if (operation_id, name) == ("getDocumentStoreFileChunks", "pageNo"):
            name = "chunkId"  # the twin paths are one; its departure says so
        found += differences(parameter, named[parameter["in"], name], f"{operation_id} {name}")
    assert found == []
    if stated.get("security", []) != ours.get("security", []):
        assert "x-departure" in ours


@pytest.mark.parametrize("name", list(DOCUMENTED["components"]["schemas"]))
def test_a_schema_says_what_is_documented(name: str) -> None:
    stated, ours = DOCUMENTED["components"]["schemas"][name], DOCUMENT["components"]["schemas"][name]
    assert list(differences(stated, ours, name)) == []
    assert list(ours["properties"])[: len(stated["properties"])] == list(stated["properties"])


def test_counts_and_order() -> None:
    assert len(OPERATIONS) == 46
    assert [tag["name"] for tag in DOCUMENT["tags"]] == [tag["name"] for tag in DOCUMENTED["tags"]]
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    stated = [path for path in DOCUMENTED["paths"] if not path.endswith("{pageNo}")]
    assert list(DOCUMENT["paths"]) == stated


def values(node: Any, key: str) -> Iterator[Any]:
    if isinstance(node, dict):
        if isinstance(node.get(key), dict):
            yield from node[key].values()
        elif key in node:
            yield node[key]
        for child in node.values():
            yield from values(child, key)
    elif isinstance(node, list):
        for child in node:
            yield from values(child, key)


def test_the_examples_of_the_documentation_are_kept() -> None:
    """Placeholders apart: `(a sentence; write your own)`, `your-flow-id`, and values that moved to parameters."""
    ours = {json.dumps(value) for value in values(DOCUMENT, "example")}
    stated = {json.dumps(value) for value in values(DOCUMENTED, "example")}
    own = {value for value in stated if "write your own" in value or "your-flow-id" in value}
    parameters = {json.dumps(f"2025-01-{day}T11:28:36.000Z") for day in ("01", "13")}
    assert stated - ours - own - parameters == set()


def test_it_is_valid() -> None:
    assert list(OpenAPIV30SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_operation_is_told_in_words() -> None:
    for operation in OPERATIONS.values():
        assert operation.definition["summary"], operation.id
        assert operation.definition["description"], operation.id
        for status, response in operation.definition["responses"].items():
            assert document.resolve(DOCUMENT, response)["description"], f"{operation.id} {status}"


def test_every_parameter_has_an_example_that_fits() -> None:
    schemas = Schemas(DOCUMENT)
    for operation in OPERATIONS.values():
        for parameter in operation.definition.get("parameters", []):
            problem = schemas.compile(parameter["schema"]).problem(parameter["example"])
            assert problem is None, f"{operation.id} {parameter['name']}: {problem}"


def examples(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Each schema or media type that has an example."""
    if isinstance(node, dict):
        if "example" in node and ("type" in node or "schema" in node) and "in" not in node:
            yield pointer, node.get("schema", node), node["example"]
        for key, child in node.items():
            if key != "example":
                yield from examples(child, f"{pointer}/{key}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from examples(child, f"{pointer}/{index}")


def test_every_example_fits_its_schema() -> None:
    schemas = Schemas(DOCUMENT)
    found = list(examples(DOCUMENT))
    assert len(found) > 100
    for pointer, schema, value in found:
        assert schemas.compile(schema).problem(value) is None, pointer


def test_departures_say_why_in_a_line() -> None:
    found = list(document.departures(DOCUMENT))
    assert len(found) > 50
    for departure in found:
        assert 20 <= len(departure.why) < 160, departure
        assert "\n" not in departure.why, departure


def test_it_knows_nothing_of_our_machinery() -> None:
    text = (document.root() / "openapi.yaml").read_text()
    for word in ("x-outcomes", "x-bodies", "x-record", "x-names", "x-view", "readOnly"):
        assert word not in text
