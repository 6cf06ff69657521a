"""What later blind comparisons with real servers found: agents, decisions, functions, templates, orders of keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"


@pytest.fixture(params=["3.0.5", "3.1.4"], scope="module")
def version(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(build.build(Options(contract=request.param, token_delay=0, hang=0.3)))
    running.contract = request.param
    yield running
    running.stop()


@pytest.fixture
def client(version: Running) -> Iterator[httpx.Client]:
    version.reset()
    with version.client() as client:
        yield client


def agentflow(
    client: httpx.Client, *nodes: tuple[str, dict[str, Any]], edges: list[Any] | None = None
) -> str:
    """An agentflow of nodes in a row, or with these edges."""
    every = [("startAgentflow", {"startInputType": "chatInput"}), *nodes]
    graph = {
        "nodes": [
            {
                "id": f"{name}_{number}",
                "data": {"id": f"{name}_{number}", "name": name, "label": name, "inputs": inputs},
            }
            for number, (name, inputs) in enumerate(every)
        ],
        "edges": edges
        or [
            {"source": f"{one[0]}_{number}", "target": f"{other[0]}_{number + 1}"}
            for number, (one, other) in enumerate(pairwise(every))
        ],
    }
    body = {"name": "a", "type": "AGENTFLOW", "flowData": json.dumps(graph)}
    id: str = client.post("/chatflows", json=body).json()["id"]
    return id


# --- agents and decisions --------------------------------------------------------------------------


def test_an_agent_has_inputs_of_its_own(client: httpx.Client) -> None:
    inputs = {
        "agentMessages": [{"role": "system", "content": "<p>You help</p>"}],
        "agentTools": [],
        "agentReturnResponseAs": "assistantMessage",
        "agentModelConfig": {"modelName": "some-model"},
        "agentEnableMemory": True,
    }
    flow = agentflow(
        client, ("agentAgentflow", inputs), ("directReplyAgentflow", {"directReplyMessage": "x"})
    )
    client.post(f"/prediction/{flow}", json={"question": "first", "chatId": "c"})
    answer = client.post(f"/prediction/{flow}", json={"question": "second", "chatId": "c"}).json()
    assert "agentFlowExecutedData" in answer, answer
    data = answer["agentFlowExecutedData"][1]["data"]
    assert [each["role"] for each in data["input"]["messages"]] == ["system", "user", "assistant", "user"]
    assert "agentMessages" not in data["input"]
    assert data["output"]["responseMetadata"]["model_name"] == "some-model"
    assert data["output"]["usageMetadata"]["tool_call_tokens"] == 0
    assert data["chatHistory"][-1]["role"] == "assistant"


def decided(client: httpx.Client, decision: Any) -> httpx.Response:
    """The answer to a decision of a flow that waits for one, behind a model."""
    edges = [
        {"source": "startAgentflow_0", "target": "llmAgentflow_1"},
        {"source": "llmAgentflow_1", "target": "humanInputAgentflow_2"},
        *(
            {
                "source": "humanInputAgentflow_2",
                "sourceHandle": f"humanInputAgentflow_2-output-{way}",
                "target": target,
            }
            for way, target in enumerate(("directReplyAgentflow_3", "directReplyAgentflow_4"))
        ),
    ]
    replies = [("directReplyAgentflow", {"directReplyMessage": each}) for each in ("yes", "no")]
    human = {"humanInputDescriptionType": "fixed", "humanInputDescription": "Go on?"}
    flow = agentflow(
        client, ("llmAgentflow", {"llmMessages": []}), ("humanInputAgentflow", human), *replies, edges=edges
    )
    client.post(f"/prediction/{flow}", json={"question": "q", "chatId": "c"})
    return client.post(f"/prediction/{flow}", json={"chatId": "c", "humanInput": decision})


@pytest.mark.parametrize("decision", ["proceed", 5, True])
def test_a_decision_that_is_no_object(client: httpx.Client, decision: Any) -> None:
    refused = decided(client, decision)
    kinds = {"proceed": "string 'proceed'", 5: "number '5'", True: "boolean 'true'"}
    reason = f"Cannot create property 'startNodeId' on {kinds[decision]}"
    assert (refused.status_code, refused.json()["message"].endswith(reason)) == (500, True)


@pytest.mark.parametrize("decision", [{}, {"type": "maybe"}])
def test_an_unknown_decision(version: Running, client: httpx.Client, decision: dict[str, Any]) -> None:
    """It is a rejection for 3.1.4, and neither for 3.0.5."""
    answer = decided(client, decision).json()
    assert answer["text"] == ("no" if version.contract == "3.1.4" else " ")
    node = next(each for each in answer["agentFlowExecutedData"] if each["nodeId"].startswith("human"))
    last = node["data"]["input"]["messages"][-1]
    assert last == ({"role": "user", "content": "maybe"} if decision else {"role": "user"})


def test_executions_are_found_by_the_name_of_their_flow(version: Running, client: httpx.Client) -> None:
    flow = agentflow(client, ("directReplyAgentflow", {"directReplyMessage": "x"}))
    client.post(f"/prediction/{flow}", json={"question": "q"})
    found = client.get("/executions", params={"agentflowName": "no such flow"}).json()["total"]
    assert (found == 0) == (version.contract == "3.1.4")


# --- functions, webhooks, origins ------------------------------------------------------------------


def test_a_function_that_returns_a_list(version: Running, client: httpx.Client) -> None:
    node = {
        "id": "f",
        "data": {
            "id": "f",
            "name": "customFunction",
            "outputs": {"output": "EndingNode"},
            "inputs": {"javascriptFunction": "return [1, {a: 2}]"},
        },
    }
    flow = {"name": "f", "type": "CHATFLOW", "flowData": json.dumps({"nodes": [node], "edges": []})}
    id = client.post("/chatflows", json=flow).json()["id"]
    answer = client.post(f"/prediction/{id}", json={"question": "q"}).json()
    if version.contract == "3.1.4":
        assert answer == [1, {"a": 2}]
    assert [each["role"] for each in client.get(f"/chatmessage/{id}").json()] == ["userMessage", "apiMessage"]


def test_a_repeated_parameter_of_a_webhook_is_a_list(real: Running) -> None:
    start = {"startInputType": "webhookTrigger", "webhookMethod": "GET", "webhookResponseMode": "sync"}
    node = {
        "id": "startAgentflow_0",
        "data": {"id": "startAgentflow_0", "name": "startAgentflow", "inputs": start},
    }
    body = {"name": "w", "type": "AGENTFLOW", "flowData": json.dumps({"nodes": [node], "edges": []})}
    with real.client() as client:
        id = client.post("/chatflows", json=body).json()["id"]
        answer = client.get(f"/webhook/{id}?q=1&q=2&a[b]=3").json()
    payload = answer["agentFlowExecutedData"][0]["data"]["input"]["webhook"]
    assert payload["query"] == {"q": ["1", "2"], "a": {"b": "3"}}


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ("shop.example", "https://shop.example", 403),
        ("https://shop.example", "https://shop.example", 200),
        ("https://shop.example", "", 200),
    ],
)
def test_an_origin_is_allowed_by_a_url(client: httpx.Client, allowed: str, origin: str, status: int) -> None:
    config = json.dumps({"allowedOrigins": [allowed]})
    client.put(f"/chatflows/{CHAT}", json={"chatbotConfig": config})
    answer = client.post(f"/prediction/{CHAT}", json={"question": "q"}, headers={"Origin": origin})
    assert answer.status_code == status
    assert ("vary" in answer.headers) == (
        status == 200 or "access-control-allow-credentials" in answer.headers
    )


# --- templates, keys, assistants -------------------------------------------------------------------


def test_a_template_needs_a_name_alone(client: httpx.Client) -> None:
    assert client.post("/marketplaces/custom", json={"chatflowId": CHAT}).status_code == 412
    kept = client.post(
        "/marketplaces/custom", json={"name": "T", "usecases": ["a"], "chatflowId": CHAT}
    ).json()
    assert list(kept)[:4] == ["name", "framework", "usecases", "workspaceId"]
    assert client.get("/marketplaces/custom").json()[0]["usecases"] == ["a"]
    empty = client.post("/marketplaces/custom", json={"name": "E"}).json()
    assert empty["flowData"] == ""
    broken = client.get("/marketplaces/custom")
    assert (broken.status_code, broken.json()["message"].endswith("Unexpected end of JSON input")) == (
        500,
        True,
    )


def test_the_name_of_a_key_is_a_text(client: httpx.Client) -> None:
    keys = client.post("/apikey", json={"keyName": 5, "permissions": ["tools:view"]}).json()
    assert "5" in [each["keyName"] for each in keys]


def test_an_assistant_without_a_credential_finds_any(client: httpx.Client) -> None:
    for each in client.get("/credentials").json():
        client.delete(f"/credentials/{each['id']}")
    refused = client.post("/assistants", json={"details": '{"name": "a"}'})
    assert "not found" in refused.json()["message"]
    client.post("/credentials", json={"name": "c", "credentialName": "openAIApi", "plainDataObj": {}})
    refused = client.post("/assistants", json={"details": '{"name": "a"}'})
    assert refused.json()["message"].endswith("Connection error.")


# --- orders of keys --------------------------------------------------------------------------------


def test_records_are_shown_in_the_order_of_their_columns(version: Running, client: httpx.Client) -> None:
    client.post(f"/prediction/{CHAT}", json={"question": "q"})
    message = list(client.get(f"/chatmessage/{CHAT}").json()[0])
    assert message[:5] == ["id", "role", "chatflowid", "executionId", "content"]
    assert message.index("createdDate") < message.index("leadEmail")
    flow = list(client.get(f"/chatflows/{CHAT}").json())
    assert (
        flow.index("speechToText") < flow.index("category") < flow.index("type") < flow.index("createdDate")
    )


def test_a_message_shows_its_feedback_last(client: httpx.Client) -> None:
    message = client.post(f"/prediction/{CHAT}", json={"question": "q", "chatId": "c"}).json()[
        "chatMessageId"
    ]
    client.post(
        "/feedback", json={"chatflowid": CHAT, "chatId": "c", "messageId": message, "rating": "THUMBS_UP"}
    )
    rows = client.get(f"/chatmessage/{CHAT}", params={"feedback": "true"}).json()
    assert list(rows[-1])[-2:] == ["execution", "feedback"]


def test_the_orders_of_a_loader_and_of_figures(version: Running, client: httpx.Client) -> None:
    store = client.post("/document-store/store", json={"name": "s"}).json()["id"]
    parts = {"embedding": '{"name": "openAIEmbeddings"}', "vectorStore": '{"name": "faiss"}'}
    made = client.post(
        f"/document-store/upsert/{store}",
        data={"loader": '{"name": "textFile"}', **parts},
        files={"files": ("a.txt", b"hi", "text/plain")},
    ).json()
    page = client.get(f"/document-store/chunks/{store}/{made['docId']}/1").json()
    assert list(page["file"])[-4:] == ["totalChunks", "totalChars", "status", "files"]
    last = "totalSessions" if version.contract == "3.0.5" else "positiveFeedback"
    assert list(client.get(f"/stats/{CHAT}").json())[-1] == last


def test_what_a_database_fills_in_comes_last(real: Running) -> None:
    with real.client() as client:
        body = {"name": "n", "type": "CHATFLOW", "flowData": '{"nodes":[],"edges":[]}'}
        made = client.post("/chatflows", json=body).json()
        changed = client.put(f"/chatflows/{made['id']}", json={"name": "m"}).json()
    assert list(made)[:5] == ["name", "flowData", "type", "workspaceId", "deployed"]
    assert list(made)[-4:] == ["webhookSecretConfigured", "id", "createdDate", "updatedDate"]
    assert list(changed)[-1] == "webhookSecret"


# --- conditions, functions and filters -------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (("number", "1", "equal", "1.0"), "yes"),
        (("number", "1", "notEqual", "2"), "yes"),
        (("number", "x", "larger", "1"), "no"),
        (("string", "1", "equal", "1.0"), "no"),
        (("string", "abc", "endsWith", "c"), "yes"),
    ],
)
def test_conditions_of_numbers_and_texts(client: httpx.Client, condition: tuple[str, ...], text: str) -> None:
    assert conditional(client, condition).json()["text"] == text


def test_a_condition_with_an_unknown_operation(client: httpx.Client) -> None:
    failed = conditional(client, ("string", "a", "zz", "a"))
    reason = "compareOperationFunctions[operation] is not a function"
    assert (failed.status_code, failed.json()["message"].endswith(reason)) == (500, True)


def conditional(client: httpx.Client, condition: tuple[str, ...]) -> httpx.Response:
    names = ("type", "value1", "operation", "value2")
    inputs = {"conditions": [dict(zip(names, condition, strict=True))]}
    name = "conditionAgentflow_1"
    edges = [
        {"source": "startAgentflow_0", "target": name},
        {"source": name, "sourceHandle": f"{name}-output-0", "target": "directReplyAgentflow_2"},
        {"source": name, "sourceHandle": f"{name}-output-1", "target": "directReplyAgentflow_3"},
    ]
    replies = [("directReplyAgentflow", {"directReplyMessage": each}) for each in ("yes", "no")]
    flow = agentflow(client, ("conditionAgentflow", inputs), *replies, edges=edges)
    return client.post(f"/prediction/{flow}", json={"question": "q"})


@pytest.mark.parametrize(
    ("code", "content", "text"),
    [
        ("return 42", 42, "got 42"),
        ("return $input + $flow.state", "q[object Object]", "got q[object Object]"),
        ("return {a: 1}", '{\n  "a": 1\n}', 'got {\n  "a": 1\n}'),
        ("return", None, "got {{ customFunctionAgentflow_1 }}"),
    ],
)
def test_what_the_function_of_an_agentflow_returns(
    client: httpx.Client, code: str, content: Any, text: str
) -> None:
    inputs = {"customFunctionJavascriptFunction": code, "customFunctionInputVariables": []}
    reply = {"directReplyMessage": "got {{ customFunctionAgentflow_1 }}"}
    flow = agentflow(client, ("customFunctionAgentflow", inputs), ("directReplyAgentflow", reply))
    answer = client.post(f"/prediction/{flow}", json={"question": "q"}).json()
    assert answer["agentFlowExecutedData"][1]["data"]["output"].get("content") == content
    assert answer["text"] == text


def test_figures_of_the_messages_that_filters_leave(client: httpx.Client) -> None:
    ids = [
        client.post(f"/prediction/{CHAT}", json={"question": "q", "chatId": "c"}).json()["chatMessageId"]
        for _ in range(3)
    ]
    client.delete(f"/chatmessage/{CHAT}", params={"chatId": "none"})
    known = client.get(f"/stats/{CHAT}").json()
    rating = {"chatflowid": CHAT, "chatId": "c", "messageId": ids[1], "rating": "THUMBS_UP"}
    client.post("/feedback", json=rating)
    rated = client.get(f"/stats/{CHAT}", params={"feedbackType": "THUMBS_UP"}).json()
    assert (rated["totalMessages"], rated["totalFeedback"]) == (2, 1)
    assert client.get(f"/stats/{CHAT}", params={"startDate": "2100-01-01"}).json()["totalMessages"] == 0
    unknown = client.get(f"/stats/{CHAT}", params={"feedbackType": "zz"}).json()
    assert unknown["totalMessages"] == known["totalMessages"]


@pytest.mark.parametrize(
    ("types", "count"), [("THUMBS_UP", 2), ('["THUMBS_UP", "zz"]', 2), ("THUMBS_DOWN", 0), ("zz", 6)]
)
def test_messages_with_some_ratings(client: httpx.Client, types: str, count: int) -> None:
    flow = agentflow(client, ("directReplyAgentflow", {"directReplyMessage": "x"}))
    ids = [
        client.post(f"/prediction/{flow}", json={"question": "q", "chatId": "c"}).json()["chatMessageId"]
        for _ in range(3)
    ]
    rating = {"chatflowid": flow, "chatId": "c", "messageId": ids[1], "rating": "THUMBS_UP"}
    client.post("/feedback", json=rating)
    query = {"feedback": "true", "feedbackType": types}
    assert len(client.get(f"/chatmessage/{flow}", params=query).json()) == count
