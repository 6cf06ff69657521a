"""`Prefer: code=…, example=…`: every documented answer of every operation can be had, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Running
from faults.wire import ask
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
def test_every_documented_answer_can_be_had(contract: str) -> None:
    loaded = contracts.load(contract)
    schemas = Schemas(loaded)
    running = Running(build.build(Options(contract=contract)))
    before, count = running.mock.store.snapshot().records, 0
    try:
        with running.client() as client:
            for operation in operations(loaded):
                for status, response in operation.definition["responses"].items():
                    content = resolve(loaded, response).get("content") or {}
                    path = url(operation.path)
                    got = client.request(operation.method, path, headers={"Prefer": f"code={status}"})
                    told = f"{operation.id} {status}: {got.status_code} {got.text[:200]}"
                    assert got.status_code == int(status), told
                    assert got.headers["preference-applied"] == f"code={status}", told
                    media = got.headers.get("content-type", "").partition(";")[0]
                    assert media in content if content else not media, told
                    schema = content.get(media, {}).get("schema")
                    if schema and media == "application/json":
                        assert schemas.compile(schema).problem(got.json()) is None, told
                    count += 1
    finally:
        running.stop()
    assert running.mock.store.snapshot().records == before
    assert count > 150


@pytest.mark.parametrize("contract", contracts.names())
def test_what_is_made_from_a_schema_fits_it(contract: str) -> None:
    loaded = contracts.load(contract)
    schemas = Schemas(loaded)
    for name, schema in loaded["components"]["schemas"].items():
        made = sample(loaded, schema)
        assert schemas.compile(schema).problem(made) is None, (name, made)


def prefer(running: Running, value: str, path: str = "/tools", **more: Any) -> Any:
    sent = ask(running.port, method="GET", path=path, close=True, Prefer=value, **more)
    return sent.status, sent.json


def test_a_code_that_is_not_documented_lists_those_that_are(faulty: Running, real: Running) -> None:
    for value in ("code=418", "code=abc", "code="):
        status, body = prefer(faulty, value)
        assert status == 400
        assert body["message"].startswith("The header Prefer cannot be obeyed: this operation has no answer ")
        assert body["message"].endswith("; it has 200, 401, 500")
    assert prefer(real, "code=418")[0] == 400


def test_a_preferred_answer_has_the_headers_of_its_server(real: Running) -> None:
    sent = ask(real.port, method="GET", path="/tools", close=True, Prefer="code=200")
    assert sent.headers["content-type"] == "application/json; charset=utf-8"
    assert sent.headers["etag"].startswith('W/"')


def test_an_example_that_has_no_name_cannot_be_named(faulty: Running) -> None:
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


def test_an_example_is_had_by_its_name(tmp_path: Path) -> None:
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
    told = prefer(faulty, "respond-async, wait=10, return=minimal")
    assert (told[0], len(told[1]) > 0) == (200, True)
    sent = ask(faulty.port, method="GET", path="/tools", close=True, Prefer="respond-async, code=500; x=1")
    assert (sent.status, sent.headers["preference-applied"]) == (500, "code=500")


def test_a_key_is_asked_for_first(faulty: Running) -> None:
    assert prefer(faulty, "code=500", Authorization="Bearer none")[0] == 401


def test_a_body_is_not_looked_at(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    sent = ask(faulty.port, path="/tools", body={"odd": 1}, close=True, Prefer="code=200")
    assert (sent.status, "name" in json.loads(sent.body)) == (200, True)
    assert faulty.mock.store.snapshot().records == before
