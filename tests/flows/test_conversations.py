"""Conversations over HTTP: streams, aborts, errors within a stream, limits of a flow."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.flows import delivery
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

CHAT, ORDER_DESK, REFUND_DESK = (
    "d290f1ee-6c54-4b01-90e6-d701748f0851",
    "5a1d3c02-8f6e-4c1b-9d2a-0b7e4f6a9c31",
    "2f4a6c8e-1b3d-4f5a-8c7e-9d0b1a2c3e4f",
)


@pytest.fixture(scope="module")
def slow() -> Iterator[Running]:
    running = Running(build.build(Options(token_delay=0.02)))
    yield running
    running.stop()


def events(client: httpx.Client, flow: str, **body: Any) -> list[tuple[float, str, Any]]:
    """The events of a stream, each with its time of arrival."""
    found = []
    with client.stream("POST", f"/prediction/{flow}", json={"streaming": True, **body}) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line[5:])
                found.append((time.monotonic(), event["event"], event["data"]))
    return found


def test_each_token_is_an_event(slow: Running) -> None:
    with slow.client() as client:
        found = events(client, CHAT, question="one two three four")
    names = [name for _, name, _ in found]
    assert names == ["start", *["token"] * 7, "metadata", "end"]


def test_abort_ends_a_running_agentflow(slow: Running) -> None:
    flow = {
        "name": "slow", "type": "AGENTFLOW",
        "flowData": json.dumps({
            "nodes": [
                {"id": "start", "data": {"name": "startAgentflow", "label": "Start", "inputs": {"startInputType": "chatInput"}}},
                {"id": "llm", "data": {"name": "llmAgentflow", "label": "LLM 0", "inputs": {}}},
            ],
            "edges": [{"source": "start", "target": "llm", "sourceHandle": "start-output-start"}],
        }),
    }  # fmt: skip
    with slow.client() as client:
        id = client.post("/chatflows", json=flow).json()["id"]

        def stop() -> None:
            time.sleep(0.2)
            assert httpx.put(f"{slow.api}/chatmessage/abort/{id}/c").json() == {
                "status": 200,
                "message": "Chat message aborted",
            }

        thread = threading.Thread(target=stop)
        thread.start()
        received = events(client, id, question="word " * 200, chatId="c")
        thread.join()
        assert len(received) < 100
        assert [(name, data) for _, name, data in received[-3:]] == [
            ("agentFlowEvent", "ERROR"),
            ("error", "Error: predictionsServices.buildChatflow - Error in LLM node: AbortError"),
            ("end", "[DONE]"),
        ]
        assert client.get(f"/chatmessage/{id}").json() == []
    assert httpx.put(f"{slow.api}/chatmessage/abort/none/none").status_code == 200


def test_human_in_the_loop(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        stopped = client.post(
            f"/prediction/{REFUND_DESK}", json={"question": "a refund please", "chatId": "h"}
        ).json()
        assert stopped["action"]["mapping"] == {"approve": "Proceed", "reject": "Reject"}
        assert client.get(f"/executions/{stopped['executionId']}").json()["state"] == "STOPPED"
        rows = client.get(f"/chatmessage/{REFUND_DESK}", params={"chatId": "h"}).json()
        assert [row["executionId"] for row in rows] == [stopped["executionId"]] * 2
        decided = client.post(
            f"/prediction/{REFUND_DESK}", json={"humanInput": {"type": "proceed"}, "chatId": "h"}
        ).json()
        assert (decided["text"], decided["executionId"]) == (
            "The refund is on its way.",
            stopped["executionId"],
        )
        again = client.post(
            f"/prediction/{REFUND_DESK}", json={"humanInput": {"type": "proceed"}, "chatId": "h"}
        )
        assert again.status_code == 409
        other = client.post(
            f"/prediction/{REFUND_DESK}", json={"humanInput": {"type": "reject"}, "chatId": "none"}
        )
        assert other.status_code == 404
        refused = events(client, REFUND_DESK, humanInput={"type": "reject"}, chatId="none")
        assert [name for _, name, _ in refused] == ["error", "end"]
        assert refused[0][2].endswith("No previous execution found for session none")


def test_a_form(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        answer = client.post(
            f"/prediction/{ORDER_DESK}", json={"form": {"order": 17, "problem": "late"}}
        ).json()
    assert answer["text"] == "About order 17: Order desk echoes: order: 17\nproblem: late"
    assert [each["nodeLabel"] for each in answer["agentFlowExecutedData"]] == ["Start", "Clerk", "Reply"]


def test_uploads_are_stored_and_can_be_downloaded(fresh_default: Running) -> None:
    uploads = [
        {"type": "file", "name": "a.txt", "data": "data:text/plain;base64,aGVsbG8=", "mime": "text/plain"},
        {"type": "url", "name": "logo", "data": "https://example.com/logo.png"},
    ]
    with fresh_default.client() as client:
        client.post(f"/prediction/{CHAT}", json={"question": "look", "chatId": "u", "uploads": uploads})
        first, *_ = client.get(f"/chatmessage/{CHAT}", params={"chatId": "u"}).json()
        assert [(each["type"], "data" in each) for each in first["fileUploads"]] == [
            ("stored-file", False),
            ("url", True),
        ]
        file = client.get("/get-upload-file", params={"chatflowId": CHAT, "chatId": "u", "fileName": "a.txt"})
        assert (file.content, file.headers["content-disposition"]) == (
            b"hello",
            'attachment; filename="a.txt"',
        )
        missing = client.get(
            "/get-upload-file", params={"chatflowId": CHAT, "chatId": "u", "fileName": "b.txt"}
        )
        assert missing.status_code == 404


def test_a_form_with_a_file(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        fields = {"question": "what is in it?", "overrideConfig": '{"sessionId": "form-session"}'}
        files = [("files", ("b.txt", b"hello", "text/plain"))]
        answer = client.post(f"/prediction/{CHAT}", data=fields, files=files).json()
        assert (answer["question"], answer["sessionId"]) == ("what is in it?", "form-session")
        query = {"chatflowId": CHAT, "chatId": answer["chatId"], "fileName": "b.txt"}
        assert client.get("/get-upload-file", params=query).content == b"hello"


def test_a_rate_limit(fresh_default: Running) -> None:
    limit = {"rateLimit": {"status": True, "limitMax": 2, "limitDuration": 60, "limitMsg": "Too many, wait"}}
    with fresh_default.client() as client:
        client.put(f"/chatflows/{CHAT}", json={"apiConfig": json.dumps(limit)})
        responses = [client.post(f"/prediction/{CHAT}", json={"question": "q"}) for _ in range(3)]
    assert [each.status_code for each in responses] == [200, 200, 429]
    assert responses[-1].json() == {"error": "Too many, wait"}
    assert (responses[-1].headers["x-ratelimit-limit"], responses[-1].headers["x-ratelimit-remaining"]) == (
        "2",
        "0",
    )
    assert 0 < int(responses[-1].headers["retry-after"]) <= 60


def test_restoring_a_snapshot_resets_a_rate_limit_and_a_used_rule(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{match: {question: hello}, times: 1, answer: scripted}]\n")
    running = Running(build.build(Options(scripts=[rules], token_delay=0)))
    limit = {"rateLimit": {"status": True, "limitMax": 1, "limitDuration": 60, "limitMsg": "wait"}}
    try:
        with running.client() as client:
            client.put(f"/chatflows/{CHAT}", json={"apiConfig": json.dumps(limit)})
            snapshot = running.mock.store.snapshot()
            for _ in range(2):
                first = client.post(f"/prediction/{CHAT}", json={"question": "hello"})
                assert (first.status_code, first.json()["text"]) == (200, "scripted")
                assert client.post(f"/prediction/{CHAT}", json={"question": "hello"}).status_code == 429
                running.mock.store.restore(snapshot)
    finally:
        running.stop()


def test_allowed_origins(fresh_default: Running) -> None:
    config = {"allowedOrigins": ["https://ok.example"], "allowedOriginsError": "nope"}
    with fresh_default.client() as client:
        client.put(f"/chatflows/{CHAT}", json={"chatbotConfig": json.dumps(config)})
        responses = {
            origin: client.post(
                f"/prediction/{CHAT}", json={"question": "q"}, headers={"Origin": origin} if origin else {}
            )
            for origin in ("", "https://ok.example", "https://evil.example")
        }
    assert [each.status_code for each in responses.values()] == [200, 200, 403]
    assert responses["https://evil.example"].json() == {"error": "nope"}


def test_a_flow_that_cannot_stream_answers_json(fresh_default: Running) -> None:
    node = {"id": "f", "data": {"name": "customFunction", "category": "Utilities", "inputs": {}}}
    flow = {"name": "function", "flowData": json.dumps({"nodes": [node], "edges": []})}
    with fresh_default.client() as client:
        id = client.post("/chatflows", json=flow).json()["id"]
        assert client.get(f"/chatflows-streaming/{id}").json() == {"isStreaming": False}
        answer = client.post(f"/prediction/{id}", json={"question": "q", "streaming": True}).json()
    assert answer["text"] == "function echoes: q"


def test_speech_has_events_of_its_own(fresh_default: Running) -> None:
    response = httpx.post(
        f"{fresh_default.api}/text-to-speech/generate", json={"text": "hi", "chatMessageId": "m"}
    )
    names = [
        line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event: ")
    ]
    assert names == ["tts_start", "tts_data", "tts_end"]


def test_a_webhook(fresh_default: Running) -> None:
    hook = "3a5b7c9d-2e4f-4061-9d8e-0f1a2b3c4d5e"
    response = httpx.post(f"{fresh_default.api}/webhook/{hook}", json={"order": 17})
    assert (response.status_code, response.json()["text"]) == (200, 'Taken: {"order":17}')
    assert httpx.post(f"{fresh_default.api}/webhook/{CHAT}", json={}).status_code == 404


def test_a_multi_agent_flow_shows_its_reasoning(fresh_default: Running) -> None:
    agent = {
        "id": "w",
        "data": {"name": "worker", "label": "Worker", "category": "Multi Agents", "inputs": {}},
    }
    flow = {"name": "team", "type": "MULTIAGENT", "flowData": json.dumps({"nodes": [agent], "edges": []})}
    with fresh_default.client() as client:
        id = client.post("/chatflows", json=flow).json()["id"]
        answer = client.post(f"/prediction/{id}", json={"question": "q"}).json()
        names = [name for _, name, _ in events(client, id, question="q")]
    assert answer["agentReasoning"] == [
        {"agentName": "Worker", "messages": ["team echoes: q"], "nodeName": "worker", "nodeId": "w"}
    ]
    assert names == [
        "start",
        "agentReasoning",
        "token",
        "usedTools",
        "sourceDocuments",
        "artifacts",
        "metadata",
        "end",
    ]


def test_a_retrieval_chain_shows_its_sources(fresh_default: Running) -> None:
    handbook = "7c4e8b7a-7b9a-4b4d-9f3e-2d28f1ebea02"
    with fresh_default.client() as client:
        answer = client.post(
            f"/prediction/{handbook}", json={"question": "What is the capital of France?"}
        ).json()
        received = events(client, handbook, question="What is the capital of France?")
    assert "Paris" in answer["sourceDocuments"][0]["pageContent"]
    assert list(answer) == [
        "text",
        "sourceDocuments",
        "question",
        "chatId",
        "chatMessageId",
        "isStreamValid",
        "sessionId",
    ]
    assert [name for _, name, _ in received][-3:] == ["sourceDocuments", "metadata", "end"]
    assert received[0][2] == received[1][2] == "Product"


def create_flow(client: httpx.Client, type: str, *nodes: dict[str, Any]) -> str:
    """Create a flow of these nodes, each with an edge to the next one. Returns its id."""
    edges = [{"source": one["id"], "target": other["id"]} for one, other in pairwise(nodes)]
    data = [{"id": node["id"], "data": node} for node in nodes]
    body = {"name": "made", "type": type, "flowData": json.dumps({"nodes": data, "edges": edges})}
    return str(client.post("/chatflows", json=body).json()["id"])


START = {"id": "start", "name": "startAgentflow", "inputs": {"startInputType": "chatInput"}}
HUMAN = {"id": "human", "name": "humanInputAgentflow", "inputs": {"humanInputDescription": "Sure?"}}


def test_the_feedback_of_a_decision_is_the_message_of_the_user(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        flow = create_flow(client, "AGENTFLOW", START, HUMAN)
        client.post(f"/prediction/{flow}", json={"question": "may I?", "chatId": "c"})
        human = {"type": "proceed", "feedback": "yes, please"}
        client.post(f"/prediction/{flow}", json={"humanInput": human, "chatId": "c"})
        rows = client.get(f"/chatmessage/{flow}").json()
    assert [row["content"] for row in rows if row["role"] == "userMessage"] == ["may I?", "yes, please"]


def test_a_decision_for_a_node_that_did_not_run_changes_nothing(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        flow = create_flow(client, "AGENTFLOW", START, HUMAN)
        client.post(f"/prediction/{flow}", json={"question": "may I?", "chatId": "c"})
        wrong = {"type": "proceed", "startNodeId": "nope"}
        refused = client.post(f"/prediction/{flow}", json={"humanInput": wrong, "chatId": "c"})
        assert refused.status_code == 404
        assert "Node nope not found in previous execution" in refused.text
        right = client.post(f"/prediction/{flow}", json={"humanInput": {"type": "proceed"}, "chatId": "c"})
        assert right.status_code == 200


def test_a_failed_run_stores_an_execution_with_its_error(fresh_default: Running, tmp_path: Path) -> None:
    overlay = tmp_path / "strict.yaml"
    overlay.write_text(
        "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"
        "  - target: $\n    update: {x-outcomes: {AmbiguousInput: {status: 409, message: '{field} and {other}'}}}\n"
    )
    strict = Running(build.build(Options(overlays=[overlay])))
    try:
        with strict.client() as client:
            flow = create_flow(client, "AGENTFLOW", START, {**HUMAN, "id": "h"})
            both = {"question": "q", "form": {"a": 1}, "chatId": "c"}
            assert client.post(f"/prediction/{flow}", json=both).status_code == 409
            found = client.get("/executions", params={"agentflowId": flow}).json()["data"]
    finally:
        strict.stop()
    assert [row["state"] for row in found] == ["ERROR"]
    assert json.loads(found[0]["executionData"])[-1]["data"]["error"] == "question and form"


def test_a_defect_during_a_stream_is_an_error_event(
    fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        yield "start", ""
        raise KeyError("a defect")

    monkeypatch.setattr(delivery, "run", broken)
    with fresh_default.client() as client:
        received = [(name, data) for _, name, data in events(client, CHAT, question="hi")]
    assert [name for name, _ in received] == ["start", "error", "end"]
    assert "defect of the mock" in received[1][1]


def test_an_agent_uses_the_tools_that_the_question_names(fresh_default: Running) -> None:
    calculator = {"id": "t", "name": "calculator", "label": "Calculator", "category": "Tools"}
    agent = {"id": "a", "name": "toolAgent", "label": "Tool Agent", "category": "Agents"}
    with fresh_default.client() as client:
        flow = create_flow(client, "CHATFLOW", calculator, agent)
        plain = client.post(f"/prediction/{flow}", json={"question": "What is a sum?"}).json()
        used = client.post(f"/prediction/{flow}", json={"question": "Ask the calculator."}).json()
        received = events(client, flow, question="Ask the calculator.")
        stored = client.get(f"/chatmessage/{flow}").json()[3]
    assert "usedTools" not in plain
    assert used["usedTools"] == stored["usedTools"] == received[-3][2]
    assert used["usedTools"][0]["tool"] == "calculator"
    assert [name for _, name, _ in received][-3:] == ["usedTools", "metadata", "end"]


@pytest.mark.parametrize(("query", "kept"), [({"chatId": "c"}, 1), ({}, 0), ({"chatType": "EXTERNAL"}, 0)])
def test_what_a_deleted_chat_leaves_behind(fresh_default: Running, query: dict[str, str], kept: int) -> None:
    """As Flowise: with a chatId the executions stay, without one they go; files go with their chat."""
    store = fresh_default.mock.store
    upload = {"type": "file", "name": "a.txt", "data": "data:text/plain;base64,aGk=", "mime": "text/plain"}
    with fresh_default.client() as client:
        body = {"question": "q", "chatId": "c", "uploads": [upload]}
        assert client.post(f"/prediction/{REFUND_DESK}", json=body).status_code == 200
        assert client.post(f"/prediction/{CHAT}", json=body).status_code == 200
        assert len(store.select("execution")) == 1
        for flow in (REFUND_DESK, CHAT):
            assert store.select("file", chatflowid=flow, chatId="c")
            assert client.delete(f"/chatmessage/{flow}", params=query).status_code == 200
            assert store.select("file", chatflowid=flow, chatId="c") == []
    assert len(store.select("execution")) == kept


def test_executions_are_bounded(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        first = client.post(f"/prediction/{REFUND_DESK}", json={"question": "q"}).json()["executionId"]
        for _ in range(1000):
            fresh_default.mock.store.create("execution", {"chatflowid": REFUND_DESK, "executionData": "[]"})
        assert client.get(f"/executions/{first}").status_code == 404
        assert client.get("/executions").json()["total"] == 1000
