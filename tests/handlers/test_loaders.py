"""Loaders of document stores and of flows, as real servers run them."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock.knowledge import loaders
from flowise_mock.knowledge.slices import beside
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server
FULL = {"status": True, "allowedUploadFileTypes": "text/csv,application/json"}


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


def uri(name: str, data: str, media: str = "text/plain") -> str:
    return f"data:{media};base64,{b64encode(data.encode()).decode()},filename:{name}"


def preview(client: httpx.Client, loader: str, config: dict[str, Any], **body: Any) -> httpx.Response:
    body = {"storeId": "", "loaderId": loader, "loaderConfig": config, **body}
    return client.post("/document-store/loader/preview", json=body)


def test_a_preview_reads_the_files_of_a_config(client: httpx.Client) -> None:
    table = uri("a.csv", "name,age\nAda,36\nBob,40\n", "text/csv")
    shown = preview(client, "csvFile", {"csvFile": table, "columnName": "name"}, previewChunkCount=1).json()
    assert shown == {
        "chunks": [{"pageContent": "Ada", "metadata": {"source": "blob", "blobType": "", "line": 1}}],
        "totalChunks": 2,
        "previewChunkCount": 1,
    }
    both = preview(client, "textFile", {"txtFile": json.dumps([uri("a.txt", "one"), uri("b.txt", "two")])})
    assert [each["pageContent"] for each in both.json()["chunks"]] == ["one", "two"]
    assert "previewChunkCount" not in both.json()
    assert preview(client, "textFile", {"txtFile": ""}).json()["previewChunkCount"] == 0


@pytest.mark.parametrize(
    ("loader", "config", "reason"),
    [
        ("zzz", {}, "Cannot read properties of undefined (reading 'filePath')"),
        ("textFile", {}, "Cannot read properties of undefined (reading 'startsWith')"),
        ("csvFile", {"csvFile": uri("a.csv", "a")}, "Cannot read properties of undefined (reading 'trim')"),
    ],
)
def test_a_loader_that_fails(version: Running, loader: str, config: dict[str, Any], reason: str) -> None:
    before = (
        "Error: documentStoreServices.previewChunksMiddleware - Error: documentStoreServices.previewChunks - "
    )
    with version.client() as client:
        answer = preview(client, loader, config)
    message = f"Error: documentStoreServices.splitIntoChunks - {reason}"
    expected = message if version.contract == "3.1.4" else before + message
    assert (answer.status_code, answer.json()["message"]) == (500, expected)


def test_metadata_and_keys_to_omit(client: httpx.Client) -> None:
    config = {"txtFile": uri("a.txt", "x"), "metadata": '{"k": "v"}', "omitMetadataKeys": "blobType, zz"}
    (chunk,) = preview(client, "textFile", config).json()["chunks"]
    assert chunk["metadata"] == {"source": "blob", "k": "v"}
    (chunk,) = preview(client, "textFile", {**config, "omitMetadataKeys": "*"}).json()["chunks"]
    assert chunk["metadata"] == {"k": "v"}


def test_processing_stores_the_files_of_a_config(client: httpx.Client) -> None:
    store = client.post("/document-store/store", json={"name": "s"}).json()["id"]
    body = {"storeId": store, "loaderId": "textFile", "loaderConfig": {"txtFile": uri("n.txt", "hello")}}
    loader = client.post("/document-store/loader/save", json=body).json()
    assert loader["loaderConfig"] == body["loaderConfig"]
    page = client.post(f"/document-store/loader/process/{loader['id']}", json=body).json()
    assert [each["pageContent"] for each in page["chunks"]] == ["hello"]
    (kept,) = client.get(f"/document-store/store/{store}").json()["loaders"]
    assert kept["loaderConfig"] == {"txtFile": 'FILE-STORAGE::["n.txt"]'}
    assert [(each["name"], each["size"]) for each in kept["files"]] == [("n.txt", 5)]
    again = client.post(f"/document-store/loader/process/{loader['id']}", json={**body, **kept}).json()
    assert [each["pageContent"] for each in again["chunks"]] == ["hello"]


def test_an_attachment_that_cannot_be_read(version: Running) -> None:
    with version.client() as client:
        flow = {"name": "f", "type": "CHATFLOW", "flowData": '{"nodes":[],"edges":[]}'}
        config = json.dumps({"fullFileUpload": FULL})
        id = client.post("/chatflows", json={**flow, "chatbotConfig": config}).json()["id"]
        files = [("files", ("b.json", b"{bad", "application/json"))]
        refused = client.post(f"/attachments/{id}/chat", files=files)
        query = {"chatflowId": id, "chatId": "chat", "fileName": "b.json"}
        kept = client.get("/get-upload-file", params=query)
    assert "Failed createFileAttachment: b.json (application/json - " in refused.json()["message"]
    expected = 500 if version.contract == "3.1.4" else 200
    assert (refused.status_code, kept.status_code) == (500, expected)


# --- flows -----------------------------------------------------------------------------------------


def node(id: str, category: str, inputs: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {
        "id": id,
        "data": {"id": id, "name": id, "label": id, "category": category, "inputs": inputs, **data},
    }


def retrieval(client: httpx.Client, **columns: str) -> str:
    """A flow that splits a text and answers from its documents."""
    loader = {"text": "The sky is blue. Grass is green. Water is wet.", "textSplitter": "{{s.data.instance}}"}
    nodes = [
        node("s", "Text Splitters", {"chunkSize": 20, "chunkOverlap": 5}),
        node("plainText", "Document Loaders", loader),
        node("memoryVectorStore", "Vector Stores", {"topK": "1"}),
        node("conversationalRetrievalQAChain", "Chains", {"returnSourceDocuments": True}),
    ]
    nodes[0]["data"]["name"] = "recursiveCharacterTextSplitter"
    ids = [each["id"] for each in nodes]
    edges = [{"source": one, "target": other} for one, other in pairwise(ids)]
    flow = {
        "name": "r",
        "type": "CHATFLOW",
        "flowData": json.dumps({"nodes": nodes, "edges": edges}),
        **columns,
    }
    return str(client.post("/chatflows", json=flow).json()["id"])


def test_a_retrieval_chain_splits_as_its_splitter_says(client: httpx.Client) -> None:
    id = retrieval(client)
    (source,) = client.post(f"/prediction/{id}", json={"question": "Is grass green?"}).json()[
        "sourceDocuments"
    ]
    assert source["metadata"] == {"loc": {"lines": {"from": 1, "to": 1}}}
    assert len(source["pageContent"]) <= 20
    assert client.post(f"/vector/upsert/{id}", json={}).json()["numAdded"] > 1


def test_an_upsert_overrides_only_what_the_flow_allows(client: httpx.Client) -> None:
    body = {"overrideConfig": {"text": "other"}}
    refused = client.post(f"/vector/upsert/{retrieval(client)}", json=body).json()
    settings = {"status": True, "nodes": {"plainText": [{"name": "text", "enabled": True}]}}
    allowed = retrieval(client, apiConfig=json.dumps({"overrideConfig": settings}))
    assert refused["numAdded"] > 1
    assert [
        each["pageContent"]
        for each in client.post(f"/vector/upsert/{allowed}", json=body).json()["addedDocs"]
    ] == ["other"]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "Ending nodes not found"),
        ([node("chatOpenAI", "Chat Models", {})], "Ending node must be either a Chain or Agent or Engine"),
    ],
)
def test_a_flow_needs_an_ending_node(client: httpx.Client, nodes: list[Any], message: str) -> None:
    flow = {"name": "e", "type": "CHATFLOW", "flowData": json.dumps({"nodes": nodes, "edges": []})}
    id = client.post("/chatflows", json=flow).json()["id"]
    answers = [
        client.post(f"/prediction/{id}", json={"question": "a"}),
        client.get(f"/chatflows-streaming/{id}"),
    ]
    for answer in answers:
        assert answer.status_code == 500
        assert (
            answer.json()["message"]
            == f"Error: chatflowsService.checkIfChatflowIsValidForStreaming - {message}"
        )


def test_a_rate_limit_counts_down(client: httpx.Client) -> None:
    id = retrieval(client)
    limit = {"status": True, "limitDuration": "60", "limitMax": "2", "limitMsg": "easy!"}
    client.put(f"/chatflows/{id}", json={"apiConfig": json.dumps({"rateLimit": limit})})
    answers = [client.post(f"/prediction/{id}", json={"question": "a"}) for _ in range(3)]
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert [each.status_code for each in answers] == [200, 200, 429]


def test_what_a_request_may_override(client: httpx.Client) -> None:
    params = [
        {"label": "Text", "name": "text", "type": "string"},
        {"label": "Size", "name": "size", "type": "options", "options": [{"name": "big"}, {"name": "small"}]},
        {"label": "Key", "name": "credential", "type": "credential"},
        {"label": "Files", "name": "txtFile", "type": "file", "fileType": ".txt"},
    ]
    flow = {"nodes": [node("plainText", "Document Loaders", {}, inputParams=params)], "edges": []}
    body = {"name": "c", "type": "CHATFLOW", "flowData": json.dumps(flow)}
    shown = client.get(f"/flow-config/{client.post('/chatflows', json=body).json()['id']}").json()
    assert [(each["name"], each["type"]) for each in shown] == [
        ("text", "string"),
        ("size", "big, small"),
        ("files", ".txt"),
    ]


def test_the_parts_of_a_store_are_changed_and_shown(client: httpx.Client) -> None:
    store = client.post("/document-store/store", json={"name": "s"}).json()["id"]
    body = {
        "storeId": store,
        "loaderId": "plainText",
        "loaderConfig": {"text": "some text"},
        "splitterId": "recursiveCharacterTextSplitter",
        "splitterConfig": {"chunkSize": 100, "chunkOverlap": 10},
    }
    loader = client.post("/document-store/loader/save", json=body).json()["id"]
    names = [each["name"] for each in client.get(f"/document-store/store-configs/{store}/{loader}").json()]
    assert names == ["text", "metadata", "omitMetadataKeys", "chunkSize", "chunkOverlap", "separators"]
    assert client.get(f"/document-store/store-configs/{store}/none").status_code == 404
    client.post(f"/document-store/loader/process/{loader}", json=body)
    parts = {"storeId": store, "embeddingName": "openAIEmbeddings", "vectorStoreName": "chroma"}
    added = client.post("/document-store/vectorstore/insert", json=parts).json()
    assert (added["numAdded"], added["totalChunks"]) == (1, 0)
    changed = {**parts, "vectorStoreConfig": {"topK": 2}}
    assert (
        '"topK":2'
        in client.post("/document-store/vectorstore/update", json=changed).json()["vectorStoreConfig"]
    )


LARGE: dict[str, Any] = {
    "loader": {"name": "plainText", "config": {"text": "some words " * 1_500_000}},
    "splitter": {"name": "recursiveCharacterTextSplitter", "config": {"chunkSize": 2000, "chunkOverlap": 0}},
    "embedding": {"name": "openAIEmbeddings", "config": {}},
    "vectorStore": {"name": "memoryVectorStore", "config": {}},
}


@pytest.fixture(scope="module")
def large() -> bytes:
    """An upsert that takes about a second."""
    return json.dumps(LARGE).encode()


def left(running: Running, store: str, content: bytes) -> None:
    """Send an upsert, and leave before its end."""
    path = f"{running.api}/document-store/upsert/{store}"
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(path, content=content, headers=headers, timeout=httpx.Timeout(5, read=0.2))


def test_work_ends_if_its_client_leaves(large: bytes) -> None:
    """Also if the body is so large that the server pauses reading, and so does not see the client leave."""
    running = Running(build.build(Options(token_delay=0)))
    try:
        with running.client() as client:
            for _ in range(3):
                store = client.post("/document-store/store", json={"name": "left"}).json()["id"]
                left(running, store, large)
                while running.tasks():
                    time.sleep(0.02)
                assert running.mock.store.find("documentstore", store)["status"] == "EMPTY"
                assert running.mock.store.select("chunk", storeId=store) == []
    finally:
        running.stop()


def test_a_store_that_is_deleted_during_an_upsert(large: bytes) -> None:
    """Nothing is kept of what was split for it."""
    running = Running(build.build(Options(token_delay=0)))
    try:
        with running.client() as client, ThreadPoolExecutor() as pool:
            store = client.post("/document-store/store", json={"name": "gone"}).json()["id"]
            headers = {"Content-Type": "application/json"}
            path = f"/document-store/upsert/{store}"
            upsert = pool.submit(client.post, path, content=large, headers=headers)
            while not running.tasks():
                time.sleep(0.02)
            time.sleep(0.3)
            assert client.delete(f"/document-store/store/{store}").status_code == 200
            assert upsert.result(20).status_code == 404
        assert running.mock.store.select("chunk", storeId=store) == []
    finally:
        running.stop()


def test_loaders_that_are_stored_at_once_are_all_kept(
    fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another request stores one while the text of them all is written beside the loop."""
    store = fresh_default.mock.store
    target = store.create("documentstore", {"name": "both", "loaders": "[]"})
    others = ["second", "third"]

    def loader(id: str) -> dict[str, Any]:
        return {"id": id, "loaderConfig": {}}

    async def interrupted(*given: Any) -> Any:
        written = await beside(*given)
        if others:
            await loaders.replace_chunks(store, target["id"], loader(others.pop()), [])
        return written

    monkeypatch.setattr(loaders, "beside", interrupted)
    asyncio.run(loaders.replace_chunks(store, target["id"], loader("first"), [{"pageContent": "a"}]))
    kept = json.loads(store.find("documentstore", target["id"])["loaders"])
    assert {each["id"]: each["totalChunks"] for each in kept} == {"first": 1, "second": 0, "third": 0}


def test_chunks_are_made_with_pauses_and_stored_without(fresh_default: Running) -> None:
    store = fresh_default.mock.store
    target = store.create("documentstore", {"name": "pauses", "loaders": "[]"})
    rows = [{"pageContent": "a", "storeId": target["id"], "docId": "x"}] * 1000
    seen: list[int] = []

    async def pause() -> None:
        seen.append(len(store.select("chunk", storeId=target["id"])))

    for _ in range(2):
        loader = {"id": "x", "loaderConfig": {}}
        asyncio.run(loaders.replace_chunks(store, target["id"], loader, rows, pause))
    assert seen == [0] * 1000 + [1000] * 1000
