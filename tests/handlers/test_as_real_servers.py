"""What blind comparisons with real servers found: files, keys, webhooks, joins, stores, other operations."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server
UNKNOWN = "12345678-0000-4000-8000-000000000000"
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"


@pytest.fixture(params=["3.0.5", "3.1.4"], scope="module")
def version(request: pytest.FixtureRequest) -> Iterator[Running]:
    options = Options(contract=request.param, token_delay=0, hang=0.3, permissions={"low": ["tools:view"]})
    running = Running(build.build(options))
    running.contract = request.param
    yield running
    running.stop()


@pytest.fixture
def client(real: Running) -> Iterator[httpx.Client]:
    real.reset()
    with real.client() as client:
        yield client


# --- files, credentials, keys ----------------------------------------------------------------------


def test_a_stored_file_comes_back_whole(version: Running) -> None:
    upload = {
        "data": "data:text/plain;base64,aGVsbG8=",
        "type": "file",
        "name": "n.txt",
        "mime": "text/plain",
    }
    query = {"chatflowId": CHAT, "chatId": "c", "fileName": "n.txt"}
    with version.client() as client:
        client.post(f"/prediction/{CHAT}", json={"question": "q", "chatId": "c", "uploads": [upload]})
        answer = client.get("/get-upload-file", params=query)
        again = client.post("/openai-assistants-file/download", json=query)
        client.delete(f"/chatmessage/{CHAT}", params={"chatId": "c", "hardDelete": "true"})
        gone = client.get("/get-upload-file", params=query)
    assert answer.content == again.content == b"hello"
    assert "content-type" not in answer.headers
    assert (gone.status_code, gone.json()["message"]) == (500, "File n.txt not found")


def test_the_life_of_a_credential(version: Running) -> None:
    body = {"name": "a", "credentialName": "openAIApi", "plainDataObj": {"openAIApiKey": "secret"}}
    with version.client() as client:
        created = client.post("/credentials", json=body).json()
        one = f"/credentials/{created['id']}"
        assert client.get(one).json()["plainDataObj"]["openAIApiKey"].startswith("_FLOWISE_BLANK_")
        assert client.put(one, json={"name": "b"}).json()["encryptedData"] == created["encryptedData"]
        listed = client.get("/credentials", params={"credentialName": "openAIApi"}).json()
        assert [each["name"] for each in listed] == ["b"]
        assert ("encryptedData" in listed[0]) == (version.contract == "3.0.5")
        assert not any("encryptedData" in each for each in client.get("/credentials").json())
        assert client.get("/credentials", params={"credentialName": "x"}).json() == []
        assert client.delete(one).json() == {"raw": [], "affected": 1}
        refused = client.post("/credentials", json={})
    assert (refused.status_code, "credential.name" in refused.json()["message"]) == (500, True)


def test_a_key_is_created_changed_and_deleted(version: Running) -> None:
    with version.client() as client:
        made = client.post("/apikey", json={"keyName": "ci", "permissions": ["tools:view"]}).json()
        key = next(each for each in made if each["keyName"] == "ci")
        assert httpx.get(
            f"{version.api}/tools", headers={"Authorization": f"Bearer {key['apiKey']}"}
        ).is_success
        changed = client.put(f"/apikey/{key['id']}", json={"keyName": "cd", "permissions": ["tools:view"]})
        assert "cd" in {each["keyName"] for each in changed.json()}
        assert client.delete(f"/apikey/{key['id']}").json() == {"raw": [], "affected": 1}
        assert client.post("/apikey", json={}).status_code == 412


def test_a_key_keeps_its_date(version: Running) -> None:
    with version.client() as client:
        first, second = client.get("/apikey").json(), client.get("/apikey").json()
    assert first == second
    assert all(each["updatedDate"].endswith("000Z") for each in first)


def test_the_key_that_changed_last_comes_first_on_each_page(version: Running) -> None:
    future = {"Flowise-Mock-Time": "2999-01-01T00:00:00.000Z"}
    with version.client() as client:
        oldest = client.get("/apikey").json()[-1]
        body = {"keyName": oldest["keyName"], "permissions": ["tools:view"]}
        changed = client.put(f"/apikey/{oldest['id']}", json=body, headers=future).json()
        page = client.get("/apikey", params={"page": 1, "limit": 1}).json()
    assert len(changed) > 1
    assert [each["id"] for each in (changed[0], page["data"][0])] == [oldest["id"]] * 2


@pytest.mark.parametrize("old", ["2.2.8", "3.0.0"])
def test_a_key_of_the_file_has_the_day_of_its_creation(old: str) -> None:
    running = Running(build.build(Options(contract=old)))
    try:
        with running.client() as client:
            listed = client.post("/apikey", json={"keyName": "ci"}).json()
            made = next(each for each in listed if each["keyName"] == "ci")
            changed = client.put(f"/apikey/{made['id']}", json={"keyName": "cd"}).json()
            unknown = client.put(f"/apikey/{uuid.uuid4()}", json={"keyName": "cd"})
            shown = client.get("/apikey").json()
    finally:
        running.stop()
    assert listed[-1] == made
    assert list(made) == ["keyName", "apiKey", "apiSecret", "createdAt", "id", "chatFlows"]
    assert re.fullmatch(r"\d\d-[A-Z][a-z]{2}-\d\d", made["createdAt"])
    assert changed == shown == [{**each, "keyName": "cd"} if each == made else each for each in listed]
    assert (unknown.status_code, unknown.json()) == (200, [])


@pytest.mark.parametrize("streaming", [True, "true", "false", 1])
def test_an_internal_prediction_streams_for_any_true_value(version: Running, streaming: object) -> None:
    body = {"question": "q", "streaming": streaming, "chatId": "inner"}
    with version.client() as client:
        answer = client.post(f"/internal-prediction/{CHAT}", json=body)
        without_chat = client.post(f"/internal-prediction/{CHAT}", json={**body, "chatId": None})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert '"event":"metadata"' in answer.text
    assert without_chat.text.count("event") == 1
    assert without_chat.text.endswith('data:{"event":"end","data":"[DONE]"}\n\n')


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "Ending nodes not found"),
        (
            [{"id": "m", "data": {"id": "m", "name": "bufferMemory", "category": "Memory"}}],
            "Ending node must be either a Chain or Agent or Engine",
        ),
    ],
)
def test_an_internal_prediction_needs_an_ending_node(
    version: Running, nodes: list[object], message: str
) -> None:
    flow = {"name": "f", "type": "CHATFLOW", "flowData": json.dumps({"nodes": nodes, "edges": []})}
    with version.client() as client:
        path = f"/internal-prediction/{client.post('/chatflows', json=flow).json()['id']}"
        answer = client.post(path, json={"question": "q"})
        stream = client.post(path, json={"question": "q", "streaming": True, "chatId": "c"})
        unheard = client.post(path, json={"question": "q", "streaming": True})
    assert (answer.status_code, answer.json()["message"]) == (500, message)
    events = [json.loads(line[5:]) for line in stream.text.splitlines() if line.startswith("data:")]
    assert events == [{"event": "error", "data": message}, {"event": "end", "data": "[DONE]"}]
    assert unheard.text.count("event") == 1


def test_an_internal_stream_without_a_chat_ends_after_its_pauses() -> None:
    running = Running(build.build(Options(contract="3.1.4", token_delay=0.001)))
    try:
        with running.client() as client:
            body = {"question": "q", "streaming": True}
            answer = client.post(f"/internal-prediction/{CHAT}", json=body)
    finally:
        running.stop()
    assert answer.text == 'message:\ndata:{"event":"end","data":"[DONE]"}\n\n'


def test_a_preview_for_an_unknown_store(version: Running) -> None:
    body = {"storeId": str(uuid.uuid4()), "loaderId": "plainText", "loaderConfig": {"text": "a"}}
    with version.client() as client:
        answer = client.post("/document-store/loader/preview", json=body)
    assert answer.status_code == (404 if version.contract == "3.1.4" else 200)
    if version.contract == "3.1.4":
        where = "Error: documentStoreServices.getDocumentStoreById - Document store"
        assert answer.json()["message"] == f"{where} {body['storeId']} not found"


def test_whether_a_flow_has_changed(version: Running) -> None:
    with version.client() as client:
        flow = client.get("/chatflows").json()[0]
        path = "/chatflows/has-changed"
        assert client.get(f"{path}/{flow['id']}/{flow['updatedDate']}").json() == {"hasChanged": False}
        assert client.get(f"{path}/{flow['id']}/2001-01-01T00:00:00.000Z").json() == {"hasChanged": True}
        statuses = [client.get(f"{path}/{id}/2001-01-01").status_code for id in ("nope", str(uuid.uuid4()))]
    assert statuses == ([400, 404] if version.contract == "3.1.4" else [500, 500])


def test_what_a_key_with_one_permission_may_do(version: Running) -> None:
    paths = ("/apikey", "/credentials", "/executions", "/marketplaces/templates")
    with version.client("low") as client:
        statuses = {client.get(path).status_code for path in paths}
        more = client.post("/apikey", json={"keyName": "k", "permissions": ["tools:create"]})
    assert statuses == ({403} if version.contract == "3.1.4" else {200})
    assert more.status_code == (403 if version.contract == "3.1.4" else 200)


# --- bodies and headers ----------------------------------------------------------------------------

TOOL = '{"name":"t","description":"d","color":"c"}'


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b"\xef\xbb\xbf" + TOOL.encode()),
        ("application/json; charset=utf-16le", TOOL.encode("utf-16le")),
        ("application/json; charset=utf-16", TOOL.encode("utf-16")),
        ("application/json", TOOL.replace('"t"', '"t\xff"').encode("latin-1")),
        ("application/json", (TOOL[:-1] + ',"x":' + "[" * 500 + "]" * 500 + "}").encode()),
        ("application/x-www-form-urlencoded", b"name=t&description=d&color=c"),
    ],
)
def test_a_body_that_express_reads(version: Running, media: str, body: bytes) -> None:
    with version.client() as client:
        answer = client.post("/tools", content=body, headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["description"]) == (200, "d")


def test_a_broken_body_is_refused_before_everything_else(version: Running) -> None:
    headers = {"Content-Type": "application/json", "Origin": "http://a.example"}
    for method, path in (("GET", "/ping"), ("POST", "/nowhere"), ("POST", "/tools")):
        answer = httpx.request(method, version.api + path, content="{", headers=headers)
        assert answer.status_code == 400
        assert not {"vary", "content-security-policy", "access-control-allow-origin"} & set(answer.headers)
    packed = httpx.post(f"{version.api}/tools", content="{}", headers={**headers, "Content-Encoding": "gzip"})
    assert (packed.status_code, packed.json()["message"]) == (400, "incorrect header check")
    other = httpx.post(f"{version.api}/tools", content="{}", headers={**headers, "Content-Encoding": "zzz"})
    assert (other.status_code, other.json()["message"]) == (415, 'unsupported content encoding "zzz"')
    assert httpx.get(f"{version.api}/ping", headers={"X-Long": "a" * 20_000}).status_code == 431


def test_fields_of_forms_and_queries_are_nested(version: Running) -> None:
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    with version.client() as client:
        answer = client.post(
            f"/prediction/{CHAT}", content="question=q&overrideConfig[sessionId]=s9", headers=media
        )
        assert answer.json()["sessionId"] == "s9"
        assert client.get(f"/chatmessage/{CHAT}?chatId=a&chatId=s9").json() == []


def test_preflights(client: httpx.Client) -> None:
    flow = client.post("/chatflows", json={"name": "f", "type": "CHATFLOW", "flowData": FLOW}).json()["id"]
    wanted = {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
    known = client.options(f"/prediction/{flow}", headers=wanted)
    assert (known.status_code, known.headers["access-control-allow-origin"]) == (204, "http://a.example")
    assert "access-control-allow-credentials" not in known.headers
    unknown = client.options(f"/prediction/{UNKNOWN}", headers=wanted)
    assert (unknown.status_code, unknown.text, unknown.headers["allow"]) == (200, "POST", "POST")
    assert client.options("/tools", headers=wanted).text == "POST,GET,HEAD,PUT,DELETE"


def test_not_modified(version: Running) -> None:
    with version.client() as client:
        tag = client.get("/version").headers["etag"]
        for wanted in (tag, "*", f'"a", {tag}'):
            answer = client.get("/version", headers={"If-None-Match": wanted})
            assert (answer.status_code, answer.headers["etag"]) == (304, tag)
        fresh = {"If-None-Match": tag, "Cache-Control": "no-cache"}
        assert client.get("/version", headers=fresh).status_code == 200


# --- flows -----------------------------------------------------------------------------------------

FLOW = json.dumps({"nodes": [], "edges": []})


def agentflow(client: httpx.Client, nodes: list[tuple[str, str, dict[str, Any]]], edges: list[str]) -> str:
    """Create an agentflow; an edge is `source target` or `source target branch`."""
    data = [
        {"id": id, "data": {"id": id, "name": name, "label": id, "inputs": given}}
        for id, name, given in nodes
    ]
    lines = [each.split() for each in edges]
    drawn = [
        {"source": s, "target": t, "sourceHandle": f"{s}-output-{rest[0] if rest else s}"}
        for s, t, *rest in lines
    ]
    body = {"name": "a", "type": "AGENTFLOW", "flowData": json.dumps({"nodes": data, "edges": drawn})}
    id: str = client.post("/chatflows", json=body).json()["id"]
    return id


def hook(client: httpx.Client, **inputs: str) -> str:
    given = {"startInputType": "webhookTrigger", "webhookMethod": "POST", **inputs}
    reply = {"directReplyMessage": "<p>Got {{ $webhook.body.a }}</p>"}
    nodes = [("s", "startAgentflow", given), ("r", "directReplyAgentflow", reply)]
    return agentflow(client, nodes, ["s r"])


def test_a_webhook_answers_as_its_start_node_says(client: httpx.Client) -> None:
    answer = client.post(f"/webhook/{hook(client)}", json={"a": "zed"}).json()
    assert (answer["text"], answer["question"]) == ("Got zed", " ")
    started = answer["agentFlowExecutedData"][0]["data"]["input"]["webhook"]
    assert (started["body"], started["headers"]["authorization"]) == ({"a": "zed"}, "[REDACTED]")
    later = client.post(f"/webhook/{hook(client, webhookResponseMode='async')}", json={})
    assert (later.status_code, later.json()["status"]) == (202, "PROCESSING")
    stream = client.post(f"/webhook/{hook(client, webhookResponseMode='stream')}", json={})
    assert stream.headers["content-type"].startswith("text/event-stream")


def test_a_webhook_refuses_what_it_does_not_expect(client: httpx.Client) -> None:
    id = hook(client, webhookContentType="application/json")
    assert client.get(f"/webhook/{id}").json()["message"] == "Method GET not allowed. Expected POST"
    assert client.post(f"/webhook/{id}", data={"a": "1"}).status_code == 415
    assert "Webhook Trigger" in client.post(f"/prediction/{id}", json={"question": "q"}).json()["message"]
    assert client.post(f"/webhook/{CHAT}", json={}).status_code == 404


def test_webhooks_came_with_3_1_3(version: Running) -> None:
    with version.client() as client:
        answer = client.post(f"/webhook/{CHAT}", json={})
    assert answer.headers["content-type"].startswith("application/json") == (version.contract == "3.1.4")


@pytest.mark.parametrize(("decision", "text"), [("proceed", "done"), ("reject", "reject")])
def test_a_node_waits_for_all_its_decisions(client: httpx.Client, decision: str, text: str) -> None:
    nodes = [
        ("s", "startAgentflow", {"startInputType": "chatInput"}),
        ("a", "humanInputAgentflow", {"humanInputDescription": "one"}),
        ("b", "humanInputAgentflow", {"humanInputDescription": "two"}),
        ("d", "directReplyAgentflow", {"directReplyMessage": "done"}),
        ("n", "directReplyAgentflow", {"directReplyMessage": "nah"}),
    ]
    id = agentflow(client, nodes, ["s a", "a b 0", "a n 1", "b d 0", "b n 1"])
    for body in ({"question": "q"}, {"humanInput": {"type": "proceed"}}):
        client.post(f"/prediction/{id}", json={"chatId": "w", **body})
    last = client.post(f"/prediction/{id}", json={"chatId": "w", "humanInput": {"type": decision}})
    assert last.json()["text"] == text


def test_executions_are_filtered_published_and_deleted(client: httpx.Client) -> None:
    nodes = [("s", "startAgentflow", {}), ("r", "directReplyAgentflow", {"directReplyMessage": "hi"})]
    id = agentflow(client, nodes, ["s r"])
    execution = client.post(f"/prediction/{id}", json={"question": "q"}).json()["executionId"]
    assert client.get("/executions", params={"startDate": "2100-01-01"}).json()["total"] == 0
    assert client.get("/executions", params={"id": execution, "state": "zz"}).json()["total"] == 1
    assert client.get(f"/public-executions/{execution}").status_code == 500
    assert client.put(f"/executions/{execution}", json={"isPublic": True}).json()["isPublic"] is True
    assert client.get(f"/public-executions/{execution}").json()["id"] == execution
    assert (
        client.request("DELETE", "/executions", json={"executionIds": [execution]}).json()["deletedCount"]
        == 1
    )
    assert client.request("DELETE", "/executions", json={}).status_code == 400


def test_only_true_streams(client: httpx.Client) -> None:
    for value, streams in ((True, True), ("true", True), (1, False), ("yes", False)):
        answer = client.post(f"/prediction/{CHAT}", json={"question": "q", "streaming": value})
        assert answer.headers["content-type"].startswith("text/event-stream") == streams


def test_internal_chats_are_apart(client: httpx.Client) -> None:
    assert client.post(f"/internal-prediction/{CHAT}", json={"question": "q"}).status_code == 200
    assert {each["chatType"] for each in client.get(f"/internal-chatmessage/{CHAT}").json()} == {"INTERNAL"}
    assert client.get(f"/stats/{CHAT}").json()["totalMessages"] >= 2


# --- document stores -------------------------------------------------------------------------------

PARTS = {"embedding": {"name": "openAIEmbeddings"}, "vectorStore": {"name": "faiss"}}
TEXT = {"name": "plainText", "config": {"text": "Shops close at noon.\n\nBanks open at nine."}}


def splitter(**config: Any) -> dict[str, Any]:
    return {"name": "recursiveCharacterTextSplitter", "config": config}


def store(client: httpx.Client) -> str:
    id: str = client.post("/document-store/store", json={"name": "s"}).json()["id"]
    return id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"splitter": splitter(chunkSize=60, chunkOverlap=0)}, "Cannot have chunkOverlap >= chunkSize"),
        ({"splitter": {"name": "nope", "config": {"chunkSize": 9}}}, "(reading 'filePath')"),
        ({"embedding": {"name": "zzz"}}, "(reading 'name')"),
        ({"vectorStore": {"name": "zzz"}}, "(reading 'name')"),
        ({"recordManager": {"name": "zzz"}}, "(reading 'name')"),
    ],
)
def test_an_upsert_that_a_real_server_refuses(version: Running, changes: dict[str, Any], reason: str) -> None:
    with version.client() as client:
        id = store(client)
        refused = client.post(f"/document-store/upsert/{id}", json={"loader": TEXT, **PARTS, **changes})
        shown = client.get(f"/document-store/store/{id}").json()
    assert (refused.status_code, refused.json()["message"].endswith(reason)) == (500, True)
    assert len(shown["loaders"]) == 1
    if "splitter" in changes:
        assert (shown["loaders"][0]["status"], shown["totalChunks"]) == ("SYNCING", 0)


def test_the_default_contract_takes_an_overlap_of_0(fresh_default: Running) -> None:
    with fresh_default.client() as client:
        id = store(client)
        body = {"loader": TEXT, "splitter": splitter(chunkSize=25, chunkOverlap=0), **PARTS}
        assert client.post(f"/document-store/upsert/{id}", json=body).json()["numAdded"] == 2


def test_a_query_looks_at_its_store_and_its_inputs(version: Running) -> None:
    with version.client() as client:
        id = store(client)
        query = {"storeId": id, "query": "Banks"}
        empty = client.post("/document-store/vectorstore/query", json=query)
        assert empty.json()["message"].endswith(f"Embedding for {id} is not configured")
        body = {"loader": TEXT, "splitter": splitter(chunkSize=25, chunkOverlap=5), **PARTS}
        assert client.post(f"/document-store/upsert/{id}", json=body).json()["numAdded"] == 2
        one = client.post("/document-store/vectorstore/query", json={**query, "inputs": {"topK": 1}}).json()
    assert [each["pageContent"] for each in one["docs"]] == ["Banks open at nine."]


def test_a_file_is_read_by_its_loader(version: Running) -> None:
    fields = {"loader": json.dumps({"name": "csvFile", "config": {"columnName": "name"}})}
    fields |= {part: json.dumps(value) for part, value in PARTS.items()}
    with version.client() as client:
        answer = client.post(
            f"/document-store/upsert/{store(client)}",
            data=fields,
            files={"files": ("a.csv", "name,age\nAda,36\nBob,40\n", "text/csv")},
        ).json()
    assert [each["pageContent"] for each in answer["addedDocs"]] == ["Ada", "Bob"]


def test_the_steps_of_an_upsert(version: Running) -> None:
    with version.client() as client:
        id = store(client)
        body = {"storeId": id, "loaderId": "plainText", "loaderConfig": TEXT["config"], "loaderName": "P"}
        body |= {
            "splitterId": "recursiveCharacterTextSplitter",
            "splitterConfig": {"chunkSize": 25, "chunkOverlap": 5},
        }
        preview = client.post("/document-store/loader/preview", json={**body, "previewChunkCount": 1}).json()
        assert (len(preview["chunks"]), preview["totalChunks"]) == (1, 2)
        saved = client.post("/document-store/loader/save", json=body).json()
        assert saved["status"] == "SYNCING"
        processed = client.post(f"/document-store/loader/process/{saved['id']}", json=body).json()
        assert processed["count"] == 2
        parts = {"storeId": id, "embeddingName": "openAIEmbeddings", "vectorStoreName": "faiss"}
        client.post("/document-store/vectorstore/save", json=parts)
        assert client.post("/document-store/vectorstore/insert", json=parts).json()["numAdded"] == 2


# --- other operations ------------------------------------------------------------------------------


def test_operations_with_a_fixed_answer(version: Running) -> None:
    with version.client() as client:
        assert client.get("/datasets").json() == {"message": "Forbidden"}
        assert client.get("/fetch-links").status_code == 412
        assert "flowise-mock-not-imitated" in client.get("/fetch-links", params={"url": "x"}).headers


def test_an_operation_that_is_not_imitated_says_so(
    version: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with version.client() as client:
        answer = client.get("/pricing")
        unknown = client.get("/nowhere")
    assert answer.headers["flowise-mock-not-imitated"] == "GET /pricing"
    assert "flowise-mock-not-imitated" not in unknown.headers
    assert "GET /pricing is an operation of Flowise that is not imitated" in caplog.text


def test_strict_operations() -> None:
    running = Running(build.build(Options(contract="3.1.4", strict_operations=True)))
    try:
        answer = httpx.get(f"{running.api}/pricing", headers={"Authorization": f"Bearer {KEY}"})
    finally:
        running.stop()
    assert (answer.status_code, "GET /pricing" in answer.json()["message"]) == (501, True)


def test_the_table_of_operations(capsys: pytest.CaptureFixture[str]) -> None:
    from flowise_mock import cli

    assert cli.main(["contract", "--flowise", "3.1.4", "--operations"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "described     GET /tools" in lines
    assert "fixed answer  GET /logs" in lines
    assert "not imitated  GET /pricing" in lines
    assert lines[-1].startswith(f"{len(lines) - 1} operations: ")
