"""A flow as a server of MCP: the settings that it takes, and messages as the protocol has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
SETTINGS = f"/mcp-server/{CHAT}"
NAMED = {"toolName": "ask", "description": "Asks"}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    running = Running(build.build(Options(contract="3.1.4", token_delay=0)))
    yield running
    running.stop()


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    server.reset()
    with server.client() as client:
        yield client


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "Required"),
        ({"toolName": "ask"}, "Required"),
        ({**NAMED, "toolName": ""}, "toolName is required"),
        ({**NAMED, "toolName": 5}, "Expected string, received number"),
        ({**NAMED, "toolName": None}, "Expected string, received null"),
        (
            {**NAMED, "toolName": "a b"},
            "toolName must contain only alphanumeric characters, underscores, and hyphens",
        ),
        ({**NAMED, "toolName": "x" * 65}, "toolName must be 64 characters or less"),
        ({**NAMED, "description": ""}, "description is required"),
        ({**NAMED, "description": []}, "Expected string, received array"),
    ],
)
def test_settings_that_are_refused(client: httpx.Client, body: dict[str, Any], reason: str) -> None:
    refused = client.post(SETTINGS, json=body)
    assert (refused.status_code, refused.json()["message"]) == (400, reason)
    assert client.get(SETTINGS).json()["enabled"] is False


def test_changes_that_are_refused(client: httpx.Client) -> None:
    made = client.post(SETTINGS, json=NAMED).json()
    assert client.post(SETTINGS, json={}).json() == made, "an enabled server is shown as it is"
    refused = [client.put(SETTINGS, json=each) for each in ({"enabled": "yes"}, {"description": ""})]
    assert [each.json()["message"] for each in refused] == [
        "Expected boolean, received string",
        "description cannot be empty",
    ]
    assert client.put(SETTINGS, json={"enabled": False}).json() == {**made, "enabled": False}


def send(client: httpx.Client, body: Any, **headers: str) -> httpx.Response:
    token = client.post(SETTINGS, json=NAMED).json()["token"]
    sent = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {token}", **headers}
    content = body if isinstance(body, str) else json.dumps(body)
    return client.post(f"/mcp/{CHAT}", content=content, headers={"Content-Type": "application/json", **sent})


def message(method: str, **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **fields}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        message("ping", id=None),
        message("ping", id=1.5),
        message("ping", id=1, params=[1]),
        message("ping", id=1, other=1),
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "result": 5},
        [message("ping", id=1), {}],
    ],
)
def test_what_is_no_message_is_refused(client: httpx.Client, body: Any) -> None:
    refused = send(client, body)
    error = {"code": -32700, "message": "Parse error: Invalid JSON-RPC message"}
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert refused.headers["content-type"] == "application/json"
    assert "etag" not in refused.headers


@pytest.mark.parametrize(
    "body",
    [
        message("notifications/initialized"),
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "error": {"code": 1, "message": "no"}},
        [],
        [message("a"), message("b")],
    ],
)
def test_what_needs_no_answer_is_accepted(client: httpx.Client, body: Any) -> None:
    accepted = send(client, body)
    assert (accepted.status_code, accepted.content) == (202, b"")


def test_each_request_of_a_batch_is_answered(client: httpx.Client) -> None:
    answer = send(client, [message("ping", id="a"), message("x"), message("tools/list", id=2)])
    sent = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [each["id"] for each in sent] == ["a", 2]


INTRODUCTION = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("initialize", None, "expected object, received undefined"),
        ("initialize", {**INTRODUCTION, "protocolVersion": 5}, "expected string, received number"),
        ("tools/call", {}, "expected string, received undefined"),
        ("tools/call", {"name": "ask", "arguments": []}, "expected record, received array"),
        ("tools/list", {"cursor": 5}, "expected string, received number"),
        ("no/such", {}, "Method not found"),
    ],
)
def test_a_request_with_wrong_parameters(
    client: httpx.Client, method: str, params: dict[str, Any] | None, reason: str
) -> None:
    fields = {} if params is None else {"params": params}
    answer = json.loads(send(client, message(method, id=1, **fields)).text.split("data: ")[1])
    assert reason in answer["error"]["message"]


@pytest.mark.parametrize(("sent", "used"), [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")])
def test_the_version_of_the_protocol(client: httpx.Client, sent: str, used: str) -> None:
    body = message("initialize", id=1, params={**INTRODUCTION, "protocolVersion": sent})
    answer = json.loads(send(client, body).text.split("data: ")[1])
    assert answer["result"]["protocolVersion"] == used
    refused = send(client, message("ping", id=1), **{"Mcp-Protocol-Version": "1999-01-01"})
    assert (refused.status_code, "1999-01-01" in refused.json()["error"]["message"]) == (400, True)


def test_a_tool_that_is_called_without_its_question(client: httpx.Client) -> None:
    body = message("tools/call", id=1, params={"name": "ask", "arguments": {"question": None}})
    result = json.loads(send(client, body).text.split("data: ")[1])["result"]
    assert result["isError"] is True
    assert "Expected string, received null" in result["content"][0]["text"]


def test_a_client_that_sends_no_json_is_refused(client: httpx.Client) -> None:
    refused = send(client, "x", **{"Content-Type": "text/plain"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (415, -32000)
    refused = send(client, message("ping", id=1), Accept="application/json")
    assert (refused.status_code, "etag" in refused.headers) == (406, False)
