"""The documented example of every operation succeeds on a fresh seed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.contract import contracts
from flowise_mock.contract.document import Document, Operation, operations, resolve

pytestmark = pytest.mark.server

DOCUMENT = contracts.load("documented")
OPERATIONS = {each.id: each for each in operations(DOCUMENT)}


def example(schema: Document) -> Any:
    """A value generated from the examples of a schema, as documentation pages show it."""
    schema = resolve(DOCUMENT, schema)
    if "example" in schema:
        return schema["example"]
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in (example(part) or {}).items()}
    if schema.get("type") == "object":
        return {name: example(child) for name, child in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [example(schema["items"])] if schema.get("items") else []
    if "enum" in schema:
        return schema["enum"][0]
    formats = {"uuid": "cfd531e0-82fc-11e9-bc42-526af7764f64", "date-time": "2024-08-24T14:15:22Z"}
    return {"string": formats.get(schema.get("format", ""), "text"), "boolean": False,
            "integer": 1, "number": 1}.get(schema.get("type", ""))  # fmt: skip


def request(operation: Operation, media: str | None) -> dict[str, Any]:
    path, query = operation.path, {}
    for parameter in operation.definition.get("parameters", []):
        if "example" not in parameter:
            pytest.fail(f"{operation.id}: give its parameter {parameter['name']} an example that succeeds")
        value = parameter["example"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        else:
            query[parameter["name"]] = value
    arguments: dict[str, Any] = {"method": operation.method, "url": path, "params": query}
    if media is None:
        return arguments
    content = operation.definition["requestBody"]["content"][media]
    body = content.get("example", example(content["schema"]))
    if media == "application/json":
        return {**arguments, "json": body}
    fields = {name: value for name, value in body.items() if name != "files"}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    file = ("files", ("example.txt", b"why the sky is blue", "text/plain"))
    return {**arguments, "data": texts, "files": [file]}


def cases() -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for each in OPERATIONS.values():
        content = each.definition.get("requestBody", {}).get("content", {None: None})
        found += [(each.id, media) for media in content]
    return found


@pytest.mark.parametrize(("operation_id", "media"), cases())
def test_the_example_succeeds(mock: Running, api: httpx.Client, operation_id: str, media: str | None) -> None:
    response = api.request(**request(OPERATIONS[operation_id], media))
    assert response.status_code == 200, response.text


def test_all_examples_in_order(mock: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """All examples succeed in the order of the document on one seed: none deletes what another needs."""
    with mock.client() as client:
        for operation_id, media in cases():
            response = client.request(**request(OPERATIONS[operation_id], media))
            assert response.status_code == 200, f"{operation_id} {media}: {response.text}"
        succeeded = len({operation_id for operation_id, _ in cases()})
    with capsys.disabled():
        print(f"\ndocumented examples: {succeeded}/{len(OPERATIONS)} operations succeed")
    assert succeeded == len(OPERATIONS)


def test_lists_show_the_seed(api: httpx.Client) -> None:
    """The examples name existing records, so no list is empty."""
    for each in OPERATIONS.values():
        schema = (
            each.definition["responses"]["200"]
            .get("content", {})
            .get("application/json", {})
            .get("schema", {})
        )
        if schema.get("type") == "array" and each.method == "get":
            assert api.request(**request(each, None)).json() != [], each.id
