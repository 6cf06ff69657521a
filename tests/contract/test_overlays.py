"""Layers: a few lines of overlay change what is answered, and no Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from flowise_mock.contract import contracts, document, overlay
from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.publish import publish
from flowise_mock.server import build
from flowise_mock.server.build import Options

LAYER = """overlay: 1.0.0
info: {title: an unknown tool as a real server answers it, version: 1.0.0}
actions:
  - target: $.paths['/tools/{id}'].get
    update: {x-outcomes: {NotFound: {status: 500, message: 'Error: toolsService.getToolById - {noun} {id} not found'}}}
"""
ONE_MORE = "  - {target: $.components.schemas.Assistant.properties.details, update: {type: string}}\n"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def request(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    import anyio

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": "Bearer flowise-mock"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost/api/v1", headers=headers
        ) as client:
            return await client.request(method, path, **more)

    return anyio.run(send)


def app(tmp_path: Path, layer: str) -> ASGIApp:
    file = tmp_path / "layer.yaml"
    file.write_text(layer)
    return build.build(Options(contract="documented", overlays=[file])).app


def test_five_lines_change_an_answer(tmp_path: Path) -> None:
    assert len(LAYER.splitlines()) == 5
    response = request(app(tmp_path, LAYER), "GET", f"/tools/{UNKNOWN}")
    assert (response.status_code, response.json()) == (
        500,
        {
            "statusCode": 500,
            "success": False,
            "message": f"Error: toolsService.getToolById - Tool {UNKNOWN} not found",
            "stack": {},
        },
    )


def test_one_line_more_makes_details_a_text(tmp_path: Path) -> None:
    mock = app(tmp_path, LAYER + ONE_MORE)
    (first, *_) = request(mock, "GET", "/assistants").json()
    assert json.loads(first["details"])["name"] == "Shop assistant"
    text = json.dumps({"name": "new"})
    assert request(mock, "POST", "/assistants", json={"details": text}).json()["details"] == text
    refused = request(mock, "POST", "/assistants", json={"details": {"name": "new"}})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("{target: \"$.paths['/nope']\", update: {}}", "matches nothing"),
        ("{target: '$.paths[?@.nope', update: {}}", "not a JSONPath"),
        ("{target: $.paths}", "has an update, or remove"),
        ("{target: $, remove: true}", "cannot be removed"),
        ("nonsense", "an object with a target"),
        (
            "{target: $, update: {x-outcomes: {NotFound: {status: 404, message: '{nope}'}}}}",
            "NotFound has no field nope",
        ),
        ("{target: $, update: {x-outcomes: {Ok: {body: nope}}}}", "there is no body 'nope' in x-bodies"),
        ("{target: \"$.paths['/tools'].get.operationId\", update: nope}", "operation nope has no function"),
        ("{target: \"$.paths['/tools'].get.responses\", remove: true}", "responses"),
        ("{target: $.components.schemas.Tool.x-record.noun, remove: true}", "not a JSONPath"),
        ("{target: \"$.components.schemas.Tool['x-record'].noun\", remove: true}", "lacks 'noun'"),
    ],
)
def test_a_layer_that_does_not_fit_stops_the_start(tmp_path: Path, action: str, reason: str) -> None:
    with pytest.raises(DocumentError, match="(?s)" + reason.replace("?", r"\?")):
        app(tmp_path, f"overlay: 1.0.0\ninfo: {{title: t, version: '1'}}\nactions:\n  - {action}\n")


def test_a_filter_selects_within_arrays(tmp_path: Path) -> None:
    layer = """overlay: 1.0.0
actions:
  - target: $.paths['/chatmessage/{id}'].get.parameters[?@.name=='order'].schema.enum
    remove: true
"""
    file = tmp_path / "layer.yaml"
    file.write_text(layer)
    loaded = contracts.load("documented", [file])
    order = next(
        each for each in loaded["paths"]["/chatmessage/{id}"]["get"]["parameters"] if each["name"] == "order"
    )
    assert "enum" not in order["schema"]


def test_updates_merge_append_and_replace() -> None:
    base: dict[str, Any] = {"paths": {}, "a": {"b": 1, "c": [1]}}
    overlay.apply(base, {"target": "$.a", "update": {"b": 2, "c": [2], "d": {"e": 3}}})
    overlay.apply(base, {"target": "$.a.c", "update": 3})
    overlay.apply(base, {"target": "$.a.c[0]", "remove": True})
    assert base["a"] == {"b": 2, "c": [2, 3], "d": {"e": 3}}


@pytest.mark.parametrize("contract", contracts.names())
def test_every_action_has_its_reason(contract: str) -> None:
    for path in contracts.overlay_files(contract):
        for action in document.read(path)["actions"]:
            assert len(action.get("description", "")) > 10, f"{path.name}: {action['target']}"


@pytest.mark.parametrize("version", contracts.versions())
def test_every_action_of_a_version_changes_something(version: str) -> None:
    """So what came when is in one place: a later version's action that is repeated would change nothing."""
    *below, own = contracts.overlay_files(version)
    merged = document.read(contracts.root() / "openapi.yaml")
    for file in below:
        overlay.apply_file(merged, file)
    for number, action in enumerate(document.read(own)["actions"]):
        before = json.dumps(merged)
        overlay.apply(merged, action, number)
        assert json.dumps(merged) != before, action["target"]


def test_a_version_extends_its_neighbour() -> None:
    """But for 3.0.5: to undo what came since would take as many actions as it has."""
    versions = contracts.versions()
    for version in versions:
        base = contracts.overlay_files(version)[-2].stem.removeprefix("flowise-")
        if version not in ("3.0.5", versions[-1]):
            assert base == versions[versions.index(version) + 1]


@pytest.mark.parametrize("contract", contracts.names())
def test_a_contract_is_valid_and_published_without_machinery(contract: str) -> None:
    from openapi_spec_validator import OpenAPIV30SpecValidator

    shown = publish(contracts.load(contract))
    assert list(OpenAPIV30SpecValidator(shown).iter_errors()) == []
    text = json.dumps(shown)
    assert not any(
        f'"{word}"' in text for word in ("x-outcomes", "x-bodies", "x-record", "x-view", "x-function")
    )
    assert shown["servers"] == [{"url": "/api/v1"}]


def test_a_contract_may_lack_an_operation_that_has_a_function(tmp_path: Path) -> None:
    """Also one of a tag that it has: `documented` lacks what clients.yaml adds, and an overlay may remove."""
    layer = (
        "overlay: 1.0.0\ninfo: {title: t, version: '1'}\n"
        "actions:\n  - {target: \"$.paths['/tools/{id}'].get\", remove: true}\n"
    )
    assert request(app(tmp_path, layer), "GET", f"/tools/{UNKNOWN}").status_code == 405
