"""Flowise 2.2.8, which has no users, no workspaces and no agentflows."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

UNKNOWN = "0b9c8d7e-0000-4413-82c1-a09f8e7d6c5b"
FLOW = {"name": "f", "flowData": '{"nodes": [], "edges": []}'}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    running = Running(build.build(Options(contract="2.2.8", seed=None)))
    try:
        with running.client() as client:
            yield client
    finally:
        running.stop()


def test_the_web_interface_needs_no_session_and_no_key(client: httpx.Client) -> None:
    with httpx.Client(base_url=client.base_url) as stranger:
        assert stranger.get("/tools").status_code == 401
        assert stranger.get("/tools", headers={"x-request-from": "internal"}).json() == []


def test_records_have_no_workspace(client: httpx.Client) -> None:
    tool = client.post("/tools", json={"name": "n", "description": "d", "color": "c"}).json()
    assert "workspaceId" not in tool
    assert "workspaceId" not in client.get(f"/tools/{tool['id']}").json()


def test_lists_have_no_pages(client: httpx.Client) -> None:
    assert isinstance(client.get("/chatflows", params={"page": 1, "limit": 1}).json(), list)
    assert isinstance(client.get("/chatflows", params={"page": -1, "limit": 1}).json(), list)


def test_an_agentflow_is_a_chatflow_without_an_end(client: httpx.Client) -> None:
    flow = client.post("/chatflows", json={**FLOW, "type": "AGENTFLOW"}).json()
    answer = client.post(f"/prediction/{flow['id']}", json={"question": "q"})
    assert answer.status_code == 500
    assert answer.json()["message"].startswith(
        "Error: chatflowsService.checkIfChatflowIsValidForStreaming - Ending node"
    )
    assert flow["id"] in str(client.get("/chatflows", params={"type": "AGENTFLOW"}).json())
    assert flow["id"] not in str(client.get("/chatflows", params={"type": "MULTIAGENT"}).json())


def test_a_new_store_has_no_loaders_whatever_is_sent(client: httpx.Client) -> None:
    store = client.post("/document-store/store", json={"name": "s", "loaders": [{"id": "x"}]}).json()
    assert store["loaders"] == "[]"
    assert client.get(f"/document-store/store/{store['id']}").json()["loaders"] == []


def test_an_upsert_may_create_a_store(client: httpx.Client) -> None:
    store = client.post("/document-store/store", json={"name": "s"}).json()
    body = {
        "loader": {"name": "plainText", "config": {"text": "The sky is blue."}},
        "vectorStore": {"name": "faiss", "config": {}},
        "embedding": {"name": "openAIEmbeddings", "config": {}},
        "createNewDocStore": True,
        "docStore": {"name": "made"},
    }
    made = client.post(f"/document-store/upsert/{store['id']}", json=body).json()
    assert client.get(f"/document-store/store/{made['storeId']}").json()["name"] == "made"


def test_an_unknown_flow_has_no_messages(client: httpx.Client) -> None:
    assert client.get(f"/chatmessage/{UNKNOWN}").json() == []
    assert client.get(f"/stats/{UNKNOWN}").json() == {
        "totalMessages": 0,
        "totalFeedback": 0,
        "positiveFeedback": 0,
    }


def test_the_id_of_a_chat_must_be_a_uuid(client: httpx.Client) -> None:
    flow = client.post("/chatflows", json=FLOW).json()
    answer = client.post(f"/attachments/{flow['id']}/chat-1", files={"files": ("n.txt", b"a", "text/plain")})
    assert answer.json()["message"].endswith("Invalid chatId format - must be a valid UUID")


def test_a_deleted_key_is_answered_with_those_that_remain(client: httpx.Client) -> None:
    keys = client.post("/apikey", json={"keyName": "ci"}).json()
    made = next(each for each in keys if each["keyName"] == "ci")
    left = client.delete(f"/apikey/{made['id']}").json()
    assert [each["id"] for each in left] == [each["id"] for each in keys if each["id"] != made["id"]]
    assert "permissions" not in left[0] and "updatedDate" not in left[0]


@pytest.mark.parametrize("path", ["/executions", "/settings", f"/public-executions/{UNKNOWN}", "/datasets"])
def test_what_came_later_is_the_web_interface(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["content-type"].startswith("text/html")
