"""`Prefer: code=…, example=…` gives every documented answer of every operation, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Running
from faults.wire import send
from flowise_mock.contract import contracts
from flowise_mock.contract.document import operations, resolve
from flowise_mock.contract.samples import sample
from flowise_mock.contract.schemas import Schemas
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server


def url(path: str) -> str:
    return path.replace("{", "").replace("}", "").replace("//", "/")


@pytest.mark.parametrize("contract", contracts.names())
def test_every_documented_answer_is_available(contract: str) -> None:
    loaded = contracts.load(contract)
    schemas = Schemas(loaded)
    running = Running(build.build(Options(contract=contract)))
    before, count = running.mock.store.snapshot().records, 0
    try:
        with running.client() as client:
            for operation in operations(loaded):
                for status, documented in operation.definition["responses"].items():
                    content = resolve(loaded, documented).get("content") or {}
                    path = url(operation.path)
                    response = client.request(operation.method, path, headers={"Prefer": f"code={status}"})
                    message = f"{operation.id} {status}: {response.status_code} {response.text[:200]}"
                    assert response.status_code == int(status), message
                    assert response.headers["preference-applied"] == f"code={status}", message
                    media = response.headers.get("content-type", "").partition(";")[0]
                    known = [each.partition(";")[0] for each in content]
                    assert media in known if known else not media, message
                    schema = content.get(media, {}).get("schema")
                    if schema and media == "application/json":
                        assert schemas.compile(schema).problem(response.json()) is None, message
                    count += 1
    finally:
        running.stop()
    assert running.mock.store.snapshot().records == before
    assert count > 150


@pytest.mark.parametrize("contract", contracts.names())
def test_a_sample_matches_its_schema(contract: str) -> None:
    loaded = contracts.load(contract)
    schemas = Schemas(loaded)
    for name, schema in loaded["components"]["schemas"].items():
        made = sample(loaded, schema)
        assert schemas.compile(schema).problem(made) is None, (name, made)


def prefer(running: Running, value: str, path: str = "/tools", **more: Any) -> Any:
    response = send(running.port, method="GET", path=path, close=True, Prefer=value, **more)
    return response.status, response.json


def test_a_code_that_is_not_documented_lists_those_that_are(faulty: Running, real: Running) -> None:
    for value in ("code=418", "code=abc", "code="):
        status, body = prefer(faulty, value)
        assert status == 400
        assert body["message"].startswith("The header Prefer cannot be obeyed: this operation has no answer ")
        assert body["message"].endswith("; it has 200, 401, 500")
    assert prefer(real, "code=418")[0] == 400


def test_a_preferred_answer_has_the_headers_of_its_server(real: Running) -> None:
    response = send(real.port, method="GET", path="/tools", close=True, Prefer="code=200")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["etag"].startswith('W/"')


def test_an_example_without_a_name_cannot_be_requested(faulty: Running) -> None:
    status, body = prefer(faulty, "code=200, example=cat")
    assert (status, "there is no example cat; none has a name" in body["message"]) == (400, True)


EXAMPLES = """
overlay: 1.0.0
info: {title: Examples, version: 1.0.0}
actions:
  - target: $.paths['/tools'].get.responses['200'].content['application/json']
    update:
      examples:
        none: {value: []}
        one: {value: [{name: hammer}]}
"""


def test_an_example_is_requested_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "examples.yaml").write_text(EXAMPLES)
    running = Running(build.build(Options(overlays=[tmp_path / "examples.yaml"])))
    try:
        assert prefer(running, "example=one") == (200, [{"name": "hammer"}])
        assert prefer(running, 'code="200", example="none"') == (200, [])
        assert prefer(running, "code=200") == (200, [])  # the first
        status, body = prefer(running, "example=two")
        assert (status, "there is no example two; it has none (200), one (200)" in body["message"]) == (
            400,
            True,
        )
        assert prefer(running, "code=401, example=one")[0] == 400
    finally:
        running.stop()


def test_other_preferences_are_ignored(faulty: Running) -> None:
    status, body = prefer(faulty, "respond-async, wait=10, return=minimal")
    assert (status, len(body) > 0) == (200, True)
    response = send(
        faulty.port, method="GET", path="/tools", close=True, Prefer="respond-async, code=500; x=1"
    )
    assert (response.status, response.headers["preference-applied"]) == (500, "code=500")


def test_the_key_is_checked_first(faulty: Running) -> None:
    assert prefer(faulty, "code=500", Authorization="Bearer none")[0] == 401


def test_the_body_is_not_checked(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    response = send(faulty.port, path="/tools", body={"odd": 1}, close=True, Prefer="code=200")
    assert (response.status, "name" in json.loads(response.body)) == (200, True)
    assert faulty.mock.store.snapshot().records == before
