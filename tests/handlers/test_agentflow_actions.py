"""Agentflows with functions, requests, tools, loops; functions and webhooks of flows; MCP; templates."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.flows import functions
from flowise_mock.server import build
from flowise_mock.server.build import Options
from flowise_mock.state.outcomes import FailedFunction

pytestmark = pytest.mark.server
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
RPC = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(params=["3.0.5", "3.1.4"], scope="module")
def version(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(build.build(Options(contract=request.param, token_delay=0, hang=0.3)))
    running.contract = request.param
    yield running
    running.stop()


@pytest.fixture
def client(version: Running) -> Iterator[httpx.Client]:
    with version.client() as client:
        yield client


@pytest.fixture(scope="module")
def new() -> Iterator[httpx.Client]:
    running = Running(build.build(Options(contract="3.1.4", token_delay=0, hang=0.3)))
    with running.client() as client:
        yield client
    running.stop()


def flow(
    client: httpx.Client, *nodes: tuple[str, dict[str, Any]], type: str = "AGENTFLOW", **start: Any
) -> str:
    """An agentflow of nodes in a row."""
    every = [("startAgentflow", {"startInputType": "chatInput", **start}), *nodes]
    if type != "AGENTFLOW":
        every = list(nodes)
    graph = {
        "nodes": [
            {"id": name, "data": {"id": name, "name": name, "label": name, "inputs": inputs}}
            for name, inputs in every
        ],
        "edges": [{"source": one[0], "target": other[0]} for one, other in pairwise(every)],
    }
    body = {"name": "a", "type": type, "flowData": json.dumps(graph)}
    return str(client.post("/chatflows", json=body).json()["id"])


def executed(client: httpx.Client, id: str, question: str = "7") -> list[dict[str, Any]]:
    answer = client.post(f"/prediction/{id}", json={"question": question}).json()
    return [each["data"] for each in answer["agentFlowExecutedData"]]


def test_nodes_that_act_show_what_they_would_send(client: httpx.Client) -> None:
    variables = [{"variableName": "q", "variableValue": "<p>{{ question }}</p>"}]
    code = {
        "customFunctionJavascriptFunction": "return 'fn:' + $q",
        "customFunctionInputVariables": variables,
    }
    tool = {
        "toolAgentflowSelectedTool": "calculator",
        "toolInputArgs": [{"inputArgName": "i", "inputArgValue": "2"}],
    }
    id = flow(
        client,
        ("customFunctionAgentflow", code),
        ("httpAgentflow", {"method": "GET", "url": "http://x.example/{{ question }}"}),
        ("toolAgentflow", tool),
        ("executeFlowAgentflow", {"executeFlowInput": "ask {{ question }}"}),
        ("iterationAgentflow", {"iterationInput": "[1,2]"}),
    )
    _, function, request, used, other, iteration = executed(client, id)
    assert function["input"] == {
        "inputVariables": [{"variableName": "q", "variableValue": "7"}],
        "code": "return 'fn:' + $q",
    }
    assert function["output"] == {"content": "fn:7"}
    assert request["input"] == {"http": {"method": "GET", "url": "http://x.example/7"}}
    assert request["output"]["http"]["status"] == 200
    assert used["input"]["selectedTool"] == "calculator"
    assert other["input"] == {"messages": [{"role": "user", "content": "ask 7"}]}
    assert [each["role"] for each in other["chatHistory"]] == ["user", "user"]
    assert (iteration["input"], iteration["output"]) == ({"iterationInput": [1, 2]}, {})


def test_a_loop_goes_back_until_it_was_done_often_enough(version: Running) -> None:
    with version.client() as client:
        loop = ("loopAgentflow", {"loopBackToNode": "llmAgentflow-LLM", "maxLoopCount": 2})
        nodes = executed(client, flow(client, ("llmAgentflow", {"llmMessages": []}), loop))
    assert [each["name"] for each in nodes] == ["startAgentflow", *["llmAgentflow", "loopAgentflow"] * 2]
    assert nodes[2]["output"]["content"] == "Loop back to llmAgentflow (llmAgentflow)"
    ended = "Loop completed after reaching maximum iteration count of 2."
    expected = ended if version.contract == "3.1.4" else nodes[2]["output"]["content"]
    assert nodes[4]["output"] == {"content": expected, "nodeID": "llmAgentflow", "maxLoopCount": 2}


def test_a_condition_agent_takes_one_branch(client: httpx.Client) -> None:
    names = ("startAgentflow", "conditionAgentAgentflow", "no", "yes")
    inputs: dict[str, dict[str, Any]] = {name: {"directReplyMessage": name} for name in names}
    inputs["startAgentflow"] = {"startInputType": "chatInput"}
    inputs["conditionAgentAgentflow"] = {
        "conditionAgentInput": "{{ question }}",
        "conditionAgentScenarios": [{"scenario": "about the weather"}, {"scenario": "about a refund"}],
    }
    kinds = {"no": "directReplyAgentflow", "yes": "directReplyAgentflow"}
    nodes = [
        {
            "id": name,
            "data": {"id": name, "name": kinds.get(name, name), "label": name, "inputs": inputs[name]},
        }
        for name in names
    ]
    source = "conditionAgentAgentflow"
    edges = [
        {"source": "startAgentflow", "target": source},
        *(
            {"source": source, "target": name, "sourceHandle": f"{source}-output-{number}"}
            for number, name in enumerate(("no", "yes"))
        ),
    ]
    body = {"name": "c", "type": "AGENTFLOW", "flowData": json.dumps({"nodes": nodes, "edges": edges})}
    id = client.post("/chatflows", json=body).json()["id"]
    found = executed(client, id, "I want a refund")
    assert [each["id"] for each in found] == ["startAgentflow", source, "yes"]
    assert [each["isFulfilled"] for each in found[1]["output"]["conditions"]] == [False, True]


# --- functions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("return 5", 5),
        ("return 'hi ' + $input;", "hi there"),
        ("return {answer: 42, of: ['x', null]}", {"answer": 42, "of": ["x", None]}),
        ("return JSON.stringify({a: 1 + 1})", '{"a":2}'),
        ("return [undefined, {a: $flow.none, b: 1}]", [None, {"b": 1}]),
        ("return JSON.stringify(undefined)", functions.UNDEFINED),
        ("return $flow.chatId + ' ' + $flow.none", "c undefined"),
        (r"return 'it\'s \"so\"'", 'it\'s "so"'),
    ],
)
def test_what_a_function_returns(code: str, value: Any) -> None:
    returned = functions.run(code, {"input": "there", "flow": {"chatId": "c"}})
    assert returned is not None
    assert returned.value == value


@pytest.mark.parametrize(
    "code",
    [
        "const a = 1; return a",
        "return fetch('x')",
        "return fetch",
        "return 'a",
        "return [1",
        "return 1 2",
        "return " + "1 + " * 5000 + "1",
        "return " + " + ".join(["$long"] * 1000),
        "return [" + ", ".join(["$long"] * 1000) + "]",
        "return " + "JSON.stringify(" * 60 + "'\"'" + ")" * 60,
    ],
)
def test_a_function_that_would_have_to_run(code: str) -> None:
    assert functions.run(code, {"long": "x" * 10_000}) is None


@pytest.mark.parametrize("code", ["", "return", "return ;", "const a = 1", "return undefined"])
def test_a_function_that_returns_nothing(code: str) -> None:
    assert functions.run(code, {}) == functions.Returned(functions.UNDEFINED)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("throw new Error(1)", "Error: 1"),
        ("return $none", "ReferenceError: $none is not defined"),
        ("return name;", "ReferenceError: name is not defined"),
        ('throw Error("a" + $name);', "Error: aAnn"),
        ("throw new Error()", "Error"),
        ("throw new Error({a: 1})", "Error: [object Object]"),
    ],
)
def test_what_a_function_throws(code: str, text: str) -> None:
    with pytest.raises(FailedFunction) as failure:
        functions.run(code, {"name": "Ann"})
    assert failure.value.reason == f"Error: NodeVM Execution Error: {text}"
    assert functions.run("throw new Error(compute())", {}) is None


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"question": ["a"]}, {"question": ["a"]}),
        ({"question": {}}, {"question": {}}),
        ({"question": 12}, {"question": 12}),
        ({"question": None}, {}),
        ({"form": {"a": 1}}, {"question": "a: 1"}),
    ],
)
def test_the_question_that_a_start_node_shows(client: httpx.Client, body: Any, shown: Any) -> None:
    """What was sent, or the text of a form."""
    data = {"id": "a", "name": "startAgentflow", "inputs": {"startInputType": "chatInput"}}
    graph = {"nodes": [{"id": "a", "data": data}], "edges": []}
    flow = {"name": "f", "type": "AGENTFLOW", "flowData": json.dumps(graph)}
    id = client.post("/chatflows", json=flow).json()["id"]
    (start,) = client.post(f"/prediction/{id}", json=body).json()["agentFlowExecutedData"]
    assert start["data"]["input"] == start["data"]["output"] == shown


def test_a_function_that_throws() -> None:
    with pytest.raises(FailedFunction, match="boom"):
        functions.run("throw new Error('boom')", {})


def function_flow(client: httpx.Client, code: str) -> httpx.Response:
    data = {"id": "f", "name": "customFunction", "outputs": {"output": "EndingNode"}}
    graph = {"nodes": [{"id": "f", "data": {**data, "inputs": {"javascriptFunction": code}}}], "edges": []}
    body = {"name": "f", "type": "CHATFLOW", "flowData": json.dumps(graph)}
    id = client.post("/chatflows", json=body).json()["id"]
    return client.post(f"/prediction/{id}", json={"question": "q", "chatId": "c"})


def test_a_flow_answers_what_its_function_returns(version: Running) -> None:
    with version.client() as client:
        found = function_flow(client, "return {answer: 42}").json()
        refused = function_flow(client, "return 5")
        plain = function_flow(client, "const a = $input; return a").json()
    if version.contract == "3.1.4":
        assert (found["answer"], "text" in found) == (42, False)
    else:
        assert found["text"] == '{\n  "answer": 42\n}'
    assert "Cannot create property 'question' on number '5'" in refused.json()["message"]
    assert "text" in plain


def test_a_function_of_the_editor(client: httpx.Client) -> None:
    body = {"javascriptFunction": "return 'a' + $b", "functionInputVariables": {"b": "q"}}
    assert client.post("/node-custom-function", json=body).json() == "aq"
    failed = client.post("/node-custom-function", json={"javascriptFunction": "throw new Error('x')"}).json()
    assert failed["message"].endswith(
        "Error running custom function: Error: Error: NodeVM Execution Error: Error: x"
    )


# --- webhooks, MCP, templates ----------------------------------------------------------------------


def test_the_signature_of_a_webhook(new: httpx.Client) -> None:
    id = flow(new, startInputType="webhookTrigger", webhookEnableAuth=True)
    body = b'{"a":1}'
    headers = {"Content-Type": "application/json"}
    assert "no secret has been generated" in new.post(f"/webhook/{id}", content=body, headers=headers).text
    secret = new.post(f"/chatflows/{id}/webhook-secret").json()["webhookSecret"]
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    missing = new.post(f"/webhook/{id}", content=body, headers=headers)
    assert (missing.status_code, missing.json()["message"]) == (
        401,
        "Missing signature header: x-webhook-signature",
    )
    for sent, status in ((signature, 200), (f"{signature[:-1]}x", 401)):
        signed = new.post(f"/webhook/{id}", content=body, headers={**headers, "X-Webhook-Signature": sent})
        assert signed.status_code == status
    assert "webhookSecret" not in new.get(f"/chatflows/{id}").json()
    assert new.delete(f"/chatflows/{id}/webhook-secret").status_code == 204


def test_the_parameters_of_a_webhook(new: httpx.Client) -> None:
    params: dict[str, Any] = {
        "webhookEnableValidation": True,
        "webhookHeaderParams": [{"name": "X-A", "required": True}],
        "webhookBodyParams": [
            {"name": "item", "type": "string", "required": True},
            {"name": "n", "type": "number"},
        ],
        "webhookQueryParams": [{"name": "q", "required": True}],
    }
    id = flow(new, startInputType="webhookTrigger", **params)

    def send(body: Any, query: str = "?q=1", **headers: str) -> str:
        answer = new.post(f"/webhook/{id}{query}", json=body, headers=headers)
        return str(answer.json().get("message", answer.status_code))

    assert send({}) == "Missing required headers: X-A"
    assert send({"n": 1}, **{"X-A": "1"}) == "Missing required webhook body parameters: item"
    assert send({"item": 5, "n": "x"}, **{"X-A": "1"}) == "Invalid type for parameter(s): item, n"
    assert send({"item": "a", "n": "2"}, "", **{"X-A": "1"}) == "Missing required query parameters: q"
    assert send({"item": "a", "n": "2"}, **{"X-A": "1"}) == "200"


def test_a_flow_as_a_server_of_mcp(new: httpx.Client) -> None:
    blank = {"enabled": False, "token": "", "description": "", "toolName": ""}
    assert new.get(f"/mcp-server/{CHAT}").json() == blank
    made = new.post(f"/mcp-server/{CHAT}", json={"enabled": True, "toolName": "ask", "description": "Asks"})
    assert (made.status_code, made.json()["toolName"]) == (201, "ask")
    token = made.json()["token"]

    def send(method: str, token: str = token, **params: Any) -> httpx.Response:
        headers = {**RPC, "Authorization": f"Bearer {token}"}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return new.post(f"/mcp/{CHAT}", json=body, headers=headers)

    def result(answer: httpx.Response) -> Any:
        head, data = answer.text.strip().split("\n", 1)
        assert (head, answer.headers["content-type"]) == ("event: message", "text/event-stream")
        return json.loads(data.removeprefix("data: "))["result"]

    about: Any = {
        "protocolVersion": "2025-03-26",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    assert result(send("initialize", **about))["serverInfo"]["name"] == "flowise-ask"
    assert [each["name"] for each in result(send("tools/list"))["tools"]] == ["ask"]
    answer = result(send("tools/call", name="ask", arguments={"question": "hi"}))
    assert "hi" in answer["content"][0]["text"]
    assert result(send("tools/call", name="zz"))["isError"] is True
    wrong = send("ping", "zz")
    assert (wrong.status_code, wrong.json()["error"]["message"], wrong.json()["id"]) == (
        401,
        "Unauthorized",
        None,
    )
    types = [row["chatType"] for row in new.get(f"/chatmessage/{CHAT}").json()]
    assert "MCP" in types
    assert new.delete(f"/mcp/{CHAT}", headers={"Authorization": f"Bearer {token}"}).status_code == 405
    renewed = new.post(f"/mcp-server/{CHAT}/refresh").json()["token"]
    assert send("ping").status_code == 401
    new.delete(f"/mcp-server/{CHAT}")
    assert send("ping", renewed).status_code == 404


def test_custom_templates(client: httpx.Client) -> None:
    kept = client.post(
        "/marketplaces/custom", json={"name": "T", "chatflowId": CHAT, "usecases": "[]"}
    ).json()
    tool = {"schema": "[]", "func": "return 1"}
    client.post("/marketplaces/custom", json={"name": "U", "tool": tool})
    shown = {each["name"]: each for each in client.get("/marketplaces/custom").json()}
    assert "Chains" in shown["T"]["categories"]
    assert (shown["U"]["type"], shown["U"]["func"]) == ("Tool", "return 1")
    assert client.post("/marketplaces/custom", json={}).status_code == 412
    assert client.delete(f"/marketplaces/custom/{kept['id']}").json()["affected"] == 1
    assert [each["name"] for each in client.get("/marketplaces/custom").json()] == ["U"]


# --- starts, executions, messages, bodies ------------------------------------------------------------


def test_the_state_of_the_run_before(client: httpx.Client) -> None:
    state: dict[str, Any] = {"startPersistState": True, "startState": [{"key": "n", "value": "x"}]}
    update = {"llmMessages": [], "llmUpdateState": [{"key": "n", "value": "{{ question }}"}]}
    id = flow(client, ("llmAgentflow", update), **state)
    body = {"question": "first", "chatId": "c"}
    first = client.post(f"/prediction/{id}", json=body).json()["agentFlowExecutedData"]
    second = client.post(f"/prediction/{id}", json={**body, "question": "second"}).json()[
        "agentFlowExecutedData"
    ]
    assert first[0]["data"]["output"] == {"question": "first", "persistState": True}
    assert (first[0]["data"]["state"], second[0]["data"]["state"]) == ({"n": "x"}, {"n": "first"})
    assert second[1]["data"]["input"]["llmUpdateState"] == [{"key": "n", "value": "second"}]


def test_a_flow_has_one_start(client: httpx.Client) -> None:
    graph: dict[str, Any] = {
        "nodes": [
            {"id": name, "data": {"id": name, "name": name, "inputs": {}}}
            for name in ("startAgentflow", "directReplyAgentflow", "stickyNoteAgentflow")
        ],
        "edges": [],
    }
    body = {"name": "o", "type": "AGENTFLOW", "flowData": json.dumps(graph)}
    id = client.post("/chatflows", json=body).json()["id"]
    refused = client.post(f"/prediction/{id}", json={"question": "a"})
    assert refused.status_code == 500
    assert refused.json()["message"].endswith("Multiple starting nodes are not allowed")


def test_pages_and_changes_of_executions(client: httpx.Client) -> None:
    id = flow(client, ("directReplyAgentflow", {"directReplyMessage": "hi"}))
    ran = client.post(f"/prediction/{id}", json={"question": "a"}).json()["executionId"]
    refused = client.get("/executions", params={"page": "a"})
    assert (refused.status_code, 'Provided "skip" value' in refused.json()["message"]) == (500, True)
    assert client.put(f"/executions/{ran}", json={"state": "ZZZ"}).json()["state"] == "ZZZ"
    assert client.request("DELETE", "/executions", json={"executionIds": []}).json()["deletedCount"] == 0
    assert client.request("DELETE", "/executions", json={"executionIds": "x"}).status_code == 400


def test_internal_streams_and_several_types_of_chats(client: httpx.Client) -> None:
    body = {"question": "hi", "streaming": True}
    assert '"event":"end"' in client.post(f"/internal-prediction/{CHAT}", json=body).text
    heard = client.post(f"/internal-prediction/{CHAT}", json={**body, "chatId": "i"}).text
    assert '"event":"token"' in heard
    client.post(f"/prediction/{CHAT}", json={"question": "hi"})
    query = "chatType=EXTERNAL&chatType=INTERNAL"
    types = {row["chatType"] for row in client.get(f"/chatmessage/{CHAT}?{query}").json()}
    assert types == {"EXTERNAL", "INTERNAL"}
    shown = client.get(f"/internal-chatmessage/{CHAT}", params={"feedback": "true", "chatId": "i"}).json()
    assert [row["feedback"] for row in shown] == [None, None]


def test_messages_that_clients_store(version: Running) -> None:
    sent = {"role": "userMessage", "chatflowid": CHAT, "content": "x", "chatType": "EXTERNAL", "chatId": "c"}
    with version.client() as client:
        kept = client.post(f"/chatmessage/{CHAT}", json=sent)
        refused = client.post(f"/chatmessage/{CHAT}", json={"role": "userMessage", "content": "x"})
    if version.contract == "3.1.4":  # the operation was removed in 3.0.10
        assert kept.headers["content-type"].startswith("text/html")
    else:
        assert (kept.json()["content"], kept.json()["sessionId"]) == ("x", None)
        assert "NOT NULL constraint failed: chat_message.chatflowid" in refused.json()["message"]


def test_json_that_only_javascript_reads(client: httpx.Client) -> None:
    tool = b'{"name": "half \\ud800", "description": "d", "color": "c", "func": 1e400}'
    made = client.post("/tools", content=tool, headers={"Content-Type": "application/json"}).json()
    assert (made["name"], made["func"]) == ("half \ufffd", None)


def test_a_charset_that_forms_cannot_have(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}
    refused = client.post("/tools", content=b"a=1", headers=headers)
    assert (refused.status_code, refused.json()["message"]) == (415, 'unsupported charset "UTF-16"')


def test_the_data_of_a_credential_is_merged(client: httpx.Client) -> None:
    body = {
        "name": "k",
        "credentialName": "openAIApi",
        "plainDataObj": {"openAIApiKey": "secret", "region": "eu"},
    }
    id = client.post("/credentials", json=body).json()["id"]
    client.put(f"/credentials/{id}", json={"plainDataObj": {"openAIApiKey": "new"}})
    shown = client.get(f"/credentials/{id}").json()["plainDataObj"]
    assert shown["region"] == "eu"
    assert shown["openAIApiKey"].startswith("_FLOWISE_BLANK")
