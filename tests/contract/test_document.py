"""`openapi.yaml` against what the documentation states, and against OpenAPI.

`documented.json` holds the facts of the documentation as they were published: paths, parameters,
bodies, answers, schemas, values of examples; not its sentences. Whatever it states is in the document,
and whatever the document says beyond it or in place of it has an `x-departure`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from flowise_mock.contract import contracts, document
from flowise_mock.contract.publish import departures
from flowise_mock.contract.schemas import Schemas

DOCUMENT = document.read(contracts.root() / "openapi.yaml")
DOCUMENTED = json.loads((Path(__file__).parent / "documented.json").read_text())
OPERATIONS = {each.id: each for each in document.operations(DOCUMENT)}
WORDS = ("description", "title", "summary", "example")
"""What is ours to say. Examples are compared by themselves."""


def differences(stated: Any, ours: Any, place: str) -> Iterator[str]:
    """Where the document does not say what is stated and no departure says why.

    A departure explains the object that has it, not the objects inside.
    """
    if "$ref" in ours and "$ref" not in stated:
        ours = document.resolve(DOCUMENT, ours)
    for key, value in stated.items():
        if key in WORDS:
            continue
        if isinstance(value, dict) and isinstance(ours.get(key), dict):
            yield from differences(value, ours[key], f"{place}/{key}")
        elif value != ours.get(key) and "x-departure" not in ours:
            yield f"{place}/{key} is {json.dumps(ours.get(key))[:80]}, stated is {json.dumps(value)[:80]}"


def additions(stated: Any, ours: Any, place: str) -> Iterator[str]:
    """What the document says beyond what is stated, with no departure to say why."""
    if "$ref" in ours and "$ref" not in stated:
        ours = document.resolve(DOCUMENT, ours)
    if "x-departure" in ours:
        return
    for key, value in ours.items():
        if key in WORDS:
            continue
        if key in stated and isinstance(value, dict):
            yield from additions(stated[key], value, f"{place}/{key}")
        elif key not in stated and not departs(value):
            yield f"{place}/{key} is {json.dumps(value)[:80]}, which is not stated"


def departs(added: Any) -> bool:
    """Whether a departure is at what was added, or at its schema."""
    if not isinstance(added, dict):
        return False
    added = document.resolve(DOCUMENT, added)
    if list(added) == ["application/json"]:  # the body of an answer that is documented without one
        added = document.resolve(DOCUMENT, added["application/json"]["schema"])
    return "x-departure" in added


def stated_operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for item in DOCUMENTED["paths"].values():
        for operation in item.values():
            yield operation["operationId"], operation


def named(parameters: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["in"], each["name"]): each for each in parameters}


@pytest.mark.parametrize(("operation_id", "stated"), list(stated_operations()))
def test_an_operation_says_what_is_documented(operation_id: str, stated: dict[str, Any]) -> None:
    """Neither less nor more, departures apart."""
    ours = OPERATIONS[operation_id].definition
    without = {key: value for key, value in stated.items() if key != "parameters"}
    without.setdefault("security", [])
    own = {key: value for key, value in ours.items() if key != "parameters"}
    assert [*differences(without, own, ""), *additions(without, own, "")] == []


@pytest.mark.parametrize(("operation_id", "stated"), list(stated_operations()))
def test_parameters_are_as_documented(operation_id: str, stated: dict[str, Any]) -> None:
    theirs = named(stated.get("parameters", []))
    if operation_id == "getDocumentStoreFileChunks":
        theirs["path", "chunkId"] = theirs.pop(("path", "pageNo"))  # the twin paths are one
    ours = named(OPERATIONS[operation_id].definition.get("parameters", []))
    found = [f"{place} is missing" for place in theirs.keys() - ours.keys()]
    for place, parameter in ours.items():
        name = " ".join(place)
        found += differences(theirs.get(place, {}), parameter, name)
        found += additions(theirs.get(place, {}), parameter, name)
    assert found == []


@pytest.mark.parametrize("name", list(DOCUMENTED["components"]["schemas"]))
def test_a_schema_says_what_is_documented(name: str) -> None:
    stated, ours = DOCUMENTED["components"]["schemas"][name], DOCUMENT["components"]["schemas"][name]
    assert [*differences(stated, ours, name), *additions(stated, ours, name)] == []
    assert list(ours["properties"])[: len(stated["properties"])] == list(stated["properties"])


def test_counts_and_order() -> None:
    documented = {each["operationId"] for item in DOCUMENTED["paths"].values() for each in item.values()}
    added = [each for each in OPERATIONS.values() if each.id not in documented]
    assert len(OPERATIONS) - len(added) == 46
    unexplained = [
        f"{each.id} is not documented: say why in its x-departure"
        for each in added
        if "x-departure" not in each.definition
    ]
    assert unexplained == []
    assert [tag["name"] for tag in DOCUMENT["tags"]] == [tag["name"] for tag in DOCUMENTED["tags"]]
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    stated = [path for path in DOCUMENTED["paths"] if not path.endswith("{pageNo}")]
    assert [path for path in DOCUMENT["paths"] if path in stated] == stated


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
    """Placeholders apart: `(a sentence; write your own)` and `your-flow-id`."""
    ours = {json.dumps(value) for value in values(DOCUMENT, "example")}
    stated = {json.dumps(value) for value in values(DOCUMENTED, "example")}
    own = {value for value in stated if "write your own" in value or "your-flow-id" in value}
    assert stated - ours - own == set()


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
    found = list(departures(DOCUMENT))
    assert len(found) > 50
    for departure in found:
        assert 20 <= len(departure.why) < 160, departure
        assert "\n" not in departure.why, departure


def test_every_body_shows_an_example() -> None:
    for operation in OPERATIONS.values():
        for media, content in operation.definition.get("requestBody", {}).get("content", {}).items():
            schema = document.resolve(DOCUMENT, content["schema"])
            has_example = "example" in content or list(values(schema, "example"))
            assert has_example, f"{operation.id} {media}"
            if "files" in schema.get("properties", {}):
                assert schema["properties"]["files"]["items"]["example"], f"{operation.id} {media}"


def keys(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key in the document, with the object that has it."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield str(key), node
            yield from keys(child)
    elif isinstance(node, list):
        for child in node:
            yield from keys(child)


def test_it_knows_nothing_of_our_machinery() -> None:
    found = {key for key, _ in keys(DOCUMENT)}
    assert {key for key in found if key.startswith("x-")} == {"x-departure"}
    assert not found & {"readOnly", "writeOnly"}  # clients send whole records back


def test_nothing_stands_beside_a_reference() -> None:
    """OpenAPI 3.0 passes over it."""
    assert [node for key, node in keys(DOCUMENT) if key == "$ref" and len(node) > 1] == []
