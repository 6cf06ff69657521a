"""Create, read, list, change and delete every resource, over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.state.store import Store

pytestmark = pytest.mark.server

FLOW_DATA = json.dumps({"nodes": [], "edges": []})
RESOURCES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "tool": ("/tools", {"name": "clock", "description": "tells the time", "color": "#112233"}, {"name": "watch"}),
    "variable": ("/variables", {"name": "CITY", "value": "Bern", "type": "static"}, {"value": "Basel"}),
    "assistant": ("/assistants", {"details": {"name": "helper", "model": "gpt-4"}}, {"iconSrc": "/i.png"}),
    "chatflow": ("/chatflows", {"name": "walk", "flowData": FLOW_DATA, "type": "CHATFLOW"}, {"deployed": True}),
    "store": ("/document-store/store", {"name": "shelf", "description": "books"}, {"name": "rack"}),
}  # fmt: skip


def json_of(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_life_of_a_record(api: httpx.Client, resource: str) -> None:
    path, body, change = RESOURCES[resource]
    created = json_of(api.post(path, json=body))
    assert {**created, **body} == created
    one = f"{path}/{created['id']}"
    if resource != "variable":  # the documentation has no operation that reads one variable
        assert json_of(api.get(one)) == created
    assert created in json_of(api.get(path))
    changed = json_of(api.put(one, json=change))
    assert changed == {**created, **change, "updatedDate": changed["updatedDate"]}
    assert changed["updatedDate"] > created["updatedDate"]
    assert json_of(api.get(path))[0] == changed or resource == "assistant"
    deleted = api.delete(one)
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert created["id"] not in [each["id"] for each in json_of(api.get(path))]
    assert json_of(api.delete(one), 404)["message"].startswith(noun_of(resource))
    assert json_of(api.put(one, json=change), 404)["statusCode"] == 404
    if resource != "variable":
        assert json_of(api.get(one), 404)["success"] is False


def noun_of(resource: str) -> str:
    return {"store": "Document store"}.get(resource, resource.capitalize())


def flow(api: httpx.Client, **more: Any) -> str:
    body = {"name": "talk", "flowData": FLOW_DATA, "type": "CHATFLOW", **more}
    return str(json_of(api.post("/chatflows", json=body))["id"])


def predict(api: httpx.Client, id: str, question: str, **more: Any) -> Any:
    return json_of(api.post(f"/prediction/{id}", json={"question": question, **more}))


def test_a_conversation_is_stored(api: httpx.Client) -> None:
    id = flow(api)
    first = predict(api, id, "who are you?")
    predict(api, id, "and now?", overrideConfig={"sessionId": "mine"}, chatId=first["chatId"])
    rows = json_of(api.get(f"/chatmessage/{id}"))
    assert [(row["role"], row["content"]) for row in rows] == [
        ("userMessage", "who are you?"),
        ("apiMessage", first["text"]),
        ("userMessage", "and now?"),
        ("apiMessage", "talk echoes: and now?"),
    ]
    assert rows[1]["id"] == first["chatMessageId"]
    assert {row["chatId"] for row in rows} == {first["chatId"]}
    assert [row["sessionId"] for row in rows] == [first["chatId"]] * 2 + ["mine"] * 2
    newest_first = json_of(api.get(f"/chatmessage/{id}", params={"order": "DESC"}))
    assert newest_first == rows[::-1]
    by_session = json_of(api.get(f"/chatmessage/{id}", params={"sessionId": "mine"}))
    assert by_session == rows[2:]
    since = json_of(api.get(f"/chatmessage/{id}", params={"startDate": rows[2]["createdDate"]}))
    assert since == rows[2:]
    assert json_of(api.get(f"/chatmessage/{id}", params={"chatType": "INTERNAL"})) == []
    api.delete(f"/chatmessage/{id}", params={"sessionId": "mine"})
    assert json_of(api.get(f"/chatmessage/{id}")) == rows[:2]


def test_feedback_has_the_flow_and_the_chat_of_its_message(api: httpx.Client) -> None:
    id = flow(api)
    liked, other = predict(api, id, "one"), predict(api, id, "two")
    created = json_of(
        api.post("/feedback", json={"messageId": liked["chatMessageId"], "rating": "THUMBS_UP"})
    )
    assert (created["chatflowid"], created["chatId"]) == (id, liked["chatId"])
    rows = json_of(api.get(f"/chatmessage/{id}", params={"feedback": "true"}))
    assert [row.get("feedback", {}).get("rating") for row in rows] == [None, "THUMBS_UP", None, None]
    rated = json_of(api.get(f"/chatmessage/{id}", params={"feedback": "true", "feedbackType": "THUMBS_UP"}))
    assert [row["content"] for row in rated] == ["one", liked["text"]]
    changed = json_of(api.put(f"/feedback/{created['id']}", json={"content": "nice"}))
    assert (changed["content"], changed["rating"]) == ("nice", "THUMBS_UP")
    json_of(api.post("/feedback", json={"messageId": other["chatMessageId"], "rating": "THUMBS_DOWN"}))
    ordered = json_of(api.get(f"/feedback/{id}", params={"sortOrder": "desc"}))
    assert [row["rating"] for row in ordered] == ["THUMBS_DOWN", "THUMBS_UP"]
    assert json_of(api.get(f"/feedback/{id}", params={"chatId": liked["chatId"]})) == [changed]
    unknown = {"messageId": "00000000-0000-4000-8000-000000000000", "rating": "THUMBS_UP"}
    assert "list the" in json_of(api.post("/feedback", json=unknown), 404)["message"]


def test_deleting_a_chatflow_deletes_its_messages_feedback_and_history(api: httpx.Client) -> None:
    id = flow(api)
    answer = predict(api, id, "hello")
    json_of(api.post("/feedback", json={"messageId": answer["chatMessageId"], "rating": "THUMBS_UP"}))
    json_of(api.post(f"/vector/upsert/{id}", json={}))
    assert len(json_of(api.get(f"/upsert-history/{id}"))) == 1
    json_of(api.delete(f"/chatflows/{id}"))
    assert json_of(api.get(f"/chatmessage/{id}"), 404)["success"] is False
    assert json_of(api.get(f"/feedback/{id}")) == []
    assert json_of(api.get(f"/upsert-history/{id}")) == []


def test_leads_by_chatflow(api: httpx.Client) -> None:
    id = flow(api)
    lead = json_of(api.post("/leads", json={"chatflowid": id, "name": "Ann", "email": "ann@example.com"}))
    assert lead["chatId"]
    assert json_of(api.get(f"/leads/{id}")) == [lead]


def test_a_document_store_from_text_to_answer(api: httpx.Client) -> None:
    store = json_of(api.post("/document-store/store", json={"name": "sky"}))
    assert store["status"] == "EMPTY"
    sky = "The sky is blue because air scatters short waves.\n\nThe sea is deep."
    body = {
        "loader": {"name": "plainText", "config": {"text": sky}},
        "splitter": {
            "name": "recursiveCharacterTextSplitter",
            "config": {"chunkSize": 50, "chunkOverlap": 0},
        },
        "embedding": {"name": "openAIEmbeddings", "config": {}},
        "vectorStore": {"name": "faiss", "config": {}},
        "metadata": {"author": "Ann"},
    }
    result = json_of(api.post(f"/document-store/upsert/{store['id']}", json=body))
    assert result["numAdded"] == 2
    assert [doc["pageContent"] for doc in result["addedDocs"]] == sky.split("\n\n")
    assert result["addedDocs"][0]["metadata"]["author"] == "Ann"
    stored = json_of(api.get(f"/document-store/store/{store['id']}"))
    (loader,) = json.loads(stored["loaders"])
    assert (stored["status"], loader["totalChunks"], loader["totalChars"]) == ("UPSERTED", 2, len(sky) - 2)
    page = json_of(api.get(f"/document-store/chunks/{store['id']}/{loader['id']}/1"))
    assert (page["count"], page["currentPage"], page["storeName"]) == (2, 1, "sky")
    assert [chunk["chunkNo"] for chunk in page["chunks"]] == [1, 2]
    beyond = json_of(api.get(f"/document-store/chunks/{store['id']}/{loader['id']}/99"))
    assert (beyond["chunks"], beyond["count"]) == ([], 2)
    query = {"storeId": store["id"], "query": "how deep is the sea?"}
    found = json_of(api.post("/document-store/vectorstore/query", json=query))
    assert [doc["pageContent"] for doc in found["docs"]] == sky.split("\n\n")[::-1]
    second = f"/document-store/chunks/{store['id']}/{loader['id']}/{page['chunks'][1]['id']}"
    edited = json_of(api.put(second, json={"pageContent": "The lake is shallow."}))
    assert edited["chunks"][1]["pageContent"] == "The lake is shallow."
    assert api.delete(second).status_code == 200
    assert json_of(api.get(f"/document-store/chunks/{store['id']}/{loader['id']}/1"))["count"] == 1
    refreshed = json_of(api.post(f"/document-store/refresh/{store['id']}", json={}))
    assert [(each["numAdded"], each["numDeleted"]) for each in refreshed] == [(2, 1)]
    history = json_of(api.get(f"/upsert-history/{store['id']}"))
    assert [json.loads(row["result"])["numAdded"] for row in history] == [2, 2]
    json_of(api.patch(f"/upsert-history/{store['id']}", json={"ids": [history[0]["id"]]}))
    assert json_of(api.get(f"/upsert-history/{store['id']}")) == history[1:]
    assert api.delete(f"/document-store/loader/{store['id']}/{loader['id']}").status_code == 200
    assert json.loads(json_of(api.get(f"/document-store/store/{store['id']}"))["loaders"]) == []
    json_of(api.get(f"/document-store/chunks/{store['id']}/{loader['id']}/1"), 404)


def test_metadata_without_a_value(api: httpx.Client) -> None:
    store = json_of(api.post("/document-store/store", json={"name": "odd"}))
    loader = {"name": "plainText", "config": {"text": "hi"}}
    body = {"metadata": {"a": None, "b": 1}, "loader": loader}
    (doc,) = json_of(api.post(f"/document-store/upsert/{store['id']}", json=body))["addedDocs"]
    assert {"a", "b"} & set(doc["metadata"]) == {"b"}


def test_files_are_upserted_too(api: httpx.Client) -> None:
    store = json_of(api.post("/document-store/store", json={"name": "files"}))
    files = [("files", ("a.txt", b"first text", "text/plain")), ("files", ("b.txt", b"second", "text/plain"))]
    fields = {"vectorStore": '{"name":"faiss"}', "metadata": '{"k":"v"}', "replaceExisting": "false"}
    result = json_of(api.post(f"/document-store/upsert/{store['id']}", data=fields, files=files))
    assert [doc["pageContent"] for doc in result["addedDocs"]] == ["first text", "second"]
    assert result["addedDocs"][0]["metadata"]["k"] == "v"


@pytest.mark.parametrize("what", ["loader", "store"])
def test_files_go_with_their_loader_and_store(what: str, mock: Running, api: httpx.Client) -> None:
    kept = len(mock.mock.store.select("file"))
    store = json_of(api.post("/document-store/store", json={"name": "files"}))["id"]
    fields = {"vectorStore": '{"name":"faiss"}', "replaceExisting": "false"}
    files = [("files", ("a.txt", b"first text", "text/plain"))]
    json_of(api.post(f"/document-store/upsert/{store}", data=fields, files=files))
    (chunk,) = mock.mock.store.select("chunk", storeId=store)
    assert len(mock.mock.store.select("file")) == kept + 1
    path = (
        f"/document-store/loader/{store}/{chunk['docId']}"
        if what == "loader"
        else f"/document-store/store/{store}"
    )
    assert api.delete(path).status_code == 200
    assert len(mock.mock.store.select("file")) == kept


@pytest.mark.parametrize(
    ("cleanup", "changed"), [("full", (1, 2, 0)), ("incremental", (1, 2, 0)), ("none", (1, 0, 0))]
)
def test_a_record_manager_skips_indexed_documents(
    api: httpx.Client, cleanup: str, changed: tuple[int, ...]
) -> None:
    store = json_of(api.post("/document-store/store", json={"name": "managed"}))
    body = {
        "loader": {"name": "plainText", "config": {"text": "one\n\ntwo"}},
        "splitter": {"name": "recursiveCharacterTextSplitter", "config": {"chunkSize": 4, "chunkOverlap": 0}},
        "embedding": {"name": "openAIEmbeddings", "config": {}},
        "vectorStore": {"name": "faiss", "config": {}},
        "recordManager": {
            "name": "SQLiteRecordManager",
            "config": {"namespace": cleanup, "cleanup": cleanup},
        },
    }
    path = f"/document-store/upsert/{store['id']}"

    def upsert(**more: Any) -> tuple[int, ...]:
        result = json_of(api.post(path, json={**body, **more}))
        counts = tuple(result[count] for count in ("numAdded", "numDeleted", "numSkipped"))
        assert len(result["addedDocs"]) == result["numAdded"]
        return counts

    assert upsert() == (2, 0, 0)
    (loader,) = json.loads(json_of(api.get(f"/document-store/store/{store['id']}"))["loaders"])
    again = {"docId": loader["id"], "replaceExisting": True}
    assert upsert(**again) == (0, 0, 2)
    (refreshed,) = json_of(api.post(f"/document-store/refresh/{store['id']}", json={}))
    assert (refreshed["numAdded"], refreshed["numSkipped"]) == (0, 2)
    other = {"name": "plainText", "config": {"text": "six"}}
    assert upsert(**again, loader=other, splitter={}) == changed


def test_a_flow_with_a_record_manager_skips_indexed_documents(api: httpx.Client) -> None:
    nodes = [
        {
            "id": "text",
            "data": {"category": "Document Loaders", "name": "plainText", "inputs": {"text": "hi"}},
        },
        {"id": "store", "data": {"category": "Vector Stores", "name": "faiss"}},
        {"id": "records", "data": {"category": "Record Manager", "name": "SQLiteRecordManager"}},
    ]
    id = flow(api, flowData=json.dumps({"nodes": nodes, "edges": []}))
    for counts in ((1, 0), (0, 1)):
        result = json_of(api.post(f"/vector/upsert/{id}", json={}))
        assert (result["numAdded"], result["numSkipped"]) == counts


def test_where_used_lists_the_flows_of_a_store(api: httpx.Client) -> None:
    store = json_of(api.post("/document-store/store", json={"name": "used"}))
    node = {"id": "n", "data": {"name": "documentStore", "inputs": {"selectedStore": store["id"]}}}
    id = flow(api, flowData=json.dumps({"nodes": [node], "edges": []}))
    path = f"/document-store/store/{store['id']}"
    assert json.loads(json_of(api.get(path))["whereUsed"]) == [id]
    json_of(api.put(f"/chatflows/{id}", json={"flowData": FLOW_DATA}))
    assert json.loads(json_of(api.get(path))["whereUsed"]) == []


def test_attachments_return_the_text(api: httpx.Client) -> None:
    id = flow(api)
    files = [("files", ("a.txt", b"hello", "text/plain")), ("files", ("b.png", b"\x89PNG", "image/png"))]
    attachments = json_of(api.post(f"/attachments/{id}/chat", files=files))
    assert attachments == [
        {"name": "a.txt", "mimeType": "text/plain", "size": "5", "content": "hello"},
        {"name": "b.png", "mimeType": "image/png", "size": "4", "content": "\ufffdPNG"},
    ]
    (encoded,) = json_of(api.post(f"/attachments/{id}/chat", files=files[:1], data={"base64": "true"}))
    assert encoded["content"] == "aGVsbG8="
    json_of(api.post("/attachments/nope/chat", files=files), 404)


def test_a_flow_bound_to_a_key_needs_that_key(mock: Running, api: httpx.Client) -> None:
    keys = {record["keyName"]: record for record in mock.mock.store.select("apikey")}
    id = flow(api, apikeyid=keys["flowise-mock"]["id"])
    body = {"question": "may I?"}
    with mock.client(key=None) as stranger, mock.client(key="wrong") as wrong:
        for client in (stranger, wrong):
            refused = json_of(client.post(f"/prediction/{id}", json=body), 401)
            assert "bound to an API key" in refused["error"]
        json_of(stranger.post(f"/prediction/{flow(api)}", json=body))
    predict(api, id, "may I?")
    assert json_of(api.get("/chatflows/apikey/flowise-mock"))["id"] == id
    json_of(api.get("/chatflows/apikey/unknown"), 404)


def test_a_stream_has_the_answer_in_tokens(api: httpx.Client) -> None:
    id = flow(api)
    with api.stream("POST", f"/prediction/{id}", json={"question": "one two", "streaming": True}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        text = response.read().decode()
    frames = text.removesuffix("\n\n").split("\n\n")
    assert all(frame.startswith("message:\ndata:{") for frame in frames)
    events = [json.loads(frame.split("data:", 1)[1]) for frame in frames]
    assert [event["event"] for event in events] == ["start", *["token"] * 4, "metadata", "end"]
    assert "".join(event["data"] for event in events if event["event"] == "token") == "talk echoes: one two"
    rows = json_of(api.get(f"/chatmessage/{id}"))
    assert rows[1]["id"] == events[-2]["data"]["chatMessageId"]


@pytest.mark.parametrize("wanted", [{}, {"feedback": "true"}, {"feedbackType": "THUMBS_UP"}])
def test_a_chat_costs_what_it_holds_and_not_the_ratings_of_its_flow(
    api: httpx.Client, mock: Running, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, str]
) -> None:
    id = "d290f1ee-6c54-4b01-90e6-d701748f0851"
    for number in range(300):
        row = {"id": f"rating-{number}", "chatflowid": id, "messageId": f"m-{number}", "rating": "THUMBS_UP"}
        mock.mock.store.put("feedback", row)
    read = 0
    select = Store.select

    def counted(self: Store, name: str, /, **equal: Any) -> list[Any]:
        nonlocal read
        found = select(self, name, **equal)
        read += len(found) if name == "feedback" else 0
        return found

    monkeypatch.setattr(Store, "select", counted)
    assert api.get(f"/chatmessage/{id}", params={"chatId": "chat-1", **wanted}).status_code == 200
    assert read <= 10
