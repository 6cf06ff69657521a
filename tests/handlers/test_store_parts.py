"""The parts of a document store: what is indexed, what a record manager refuses, and files that are sent."""

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
PARTS = {"embedding": {"name": "openAIEmbeddings"}, "vectorStore": {"name": "chroma"}}
CONFIG = {
    "embeddingName": "openAIEmbeddings",
    "embeddingConfig": {"modelName": "m"},
    "vectorStoreName": "chroma",
    "vectorStoreConfig": {"collectionName": "c"},
}


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


@pytest.fixture
def store(client: httpx.Client) -> str:
    id: str = client.post("/document-store/store", json={"name": "s"}).json()["id"]
    return id


def text(value: str) -> dict[str, Any]:
    return {"name": "plainText", "config": {"text": value}}


def manager(**config: Any) -> dict[str, Any]:
    return {"name": "SQLiteRecordManager", "config": {"namespace": "n", **config}}


def upsert(client: httpx.Client, store: str, **body: Any) -> httpx.Response:
    return client.post(f"/document-store/upsert/{store}", json={**PARTS, **body})


def test_a_cleanup_needs_the_sources_of_documents(client: httpx.Client, store: str) -> None:
    incremental = manager(cleanup="incremental")
    refused = upsert(client, store, loader=text("a"), recordManager=incremental)
    assert (refused.status_code, refused.json()["message"].endswith("Source id cannot be null")) == (
        500,
        True,
    )
    assert client.get(f"/document-store/store/{store}").json()["status"] == "UPSERTING"
    query = {"storeId": store, "query": "a"}
    assert client.post("/document-store/vectorstore/query", json=query).json()["docs"], (
        "it was indexed before"
    )


def test_chroma_refuses_a_cleanup_that_deletes_nothing(client: httpx.Client, store: str) -> None:
    body = {"metadata": {"source": "x"}, "recordManager": manager(cleanup="incremental")}
    refused = upsert(client, store, loader=text("a"), **body)
    assert (refused.status_code, "ids" in refused.json()["message"]) == (500, True)
    assert upsert(client, store, loader=text("b"), **body).json()["numDeleted"] == 1
    other = {**body, "recordManager": manager(cleanup="incremental", namespace="other")}
    faiss = {"vectorStore": {"name": "faiss"}}
    assert upsert(client, store, loader=text("c"), **other, **faiss).json()["numAdded"] == 1


def test_blanks_are_a_text_and_nothing_is_none(client: httpx.Client, store: str) -> None:
    assert [upsert(client, store, loader=text(each)).json()["numAdded"] for each in (" ", "")] == [1, 0]


def test_a_part_that_is_not_sent_is_removed(client: httpx.Client, store: str) -> None:
    body = {"storeId": store, **CONFIG}
    full = {**body, "recordManagerName": "SQLiteRecordManager", "recordManagerConfig": {"namespace": "n"}}
    saved = client.post("/document-store/vectorstore/save", json=full).json()
    assert (saved["status"], json.loads(saved["recordManagerConfig"])["name"]) == (
        "SYNC",
        "SQLiteRecordManager",
    )
    query = client.post("/document-store/vectorstore/query", json={"storeId": store, "query": "a"})
    assert query.json()["docs"] == [], "the store is configured, and empty"
    fewer = {"storeId": store, "embeddingName": "openAIEmbeddings", "embeddingConfig": {}}
    saved = client.post("/document-store/vectorstore/save", json=fewer).json()
    assert (saved["vectorStoreConfig"], saved["recordManagerConfig"]) == (None, None)
    refused = client.post("/document-store/vectorstore/query", json={"storeId": store, "query": "a"})
    assert refused.json()["message"].endswith(f"Vector Store for {store} is not configured")


def test_an_insert_of_one_loader_by_a_record_manager(client: httpx.Client, store: str) -> None:
    one = upsert(client, store, loader=text("a")).json()["docId"]
    upsert(client, store, loader=text("b"))
    body = {"storeId": store, **CONFIG, "docId": one, "recordManagerName": "SQLiteRecordManager"}
    body["recordManagerConfig"] = {"namespace": "n"}
    results = [client.post("/document-store/vectorstore/insert", json=body).json() for _ in range(2)]
    assert [(each["numAdded"], each["numSkipped"], each["totalKeys"]) for each in results] == [
        (1, 0, 1),
        (0, 1, 1),
    ]


def test_a_loader_that_is_processed_keeps_what_was_saved(client: httpx.Client, store: str) -> None:
    body = {"storeId": store, "loaderId": "plainText", "loaderConfig": {"text": "a"}, "loaderName": "Mine"}
    saved = client.post("/document-store/loader/save", json=body).json()
    other = {**body, "loaderName": "Other", "loaderConfig": {"text": "b"}}
    page = client.post(f"/document-store/loader/process/{saved['id']}", json=other).json()
    assert (page["file"]["loaderName"], page["chunks"][0]["pageContent"]) == ("Mine", "b")
    assert "splitterName" not in page["file"]
    refused = client.post(f"/document-store/loader/process/{saved['id']}", json={"storeId": store})
    assert refused.json()["message"].endswith("Cannot convert undefined or null to object")


# --- files -----------------------------------------------------------------------------------------

NAMES = [
    ("README", "text/plain", "File type not allowed: files must have a valid file extension"),
    ("a.bin", "application/octet-stream", 'MIME type "application/octet-stream" is not supported'),
    ("a.yml", "text/yaml", "Expected: yaml"),
    ("a%2fb.txt", "text/plain", "Invalid filename: unsafe characters"),
    ("a.JPEG", "image/jpeg", None),
    ("folder/a.txt", "text/plain", None),
]


@pytest.mark.parametrize(("name", "media", "reason"), NAMES)
@pytest.mark.parametrize(
    "path", ["/prediction/{chat}", "/vector/upsert/{rag}", "/document-store/upsert/{store}"]
)
def test_files_whose_names_do_not_fit(
    version: Running, client: httpx.Client, store: str, path: str, name: str, media: str, reason: str | None
) -> None:
    target = path.format(chat=CHAT, rag=rag(client), store=store)
    fields = {"question": "q", "loader": json.dumps({"name": "textFile"})}
    fields |= {part: json.dumps(value) for part, value in PARTS.items()}
    answer = client.post(target, data=fields, files={"files": (name, b"hi", media)})
    if reason is None or version.contract == "3.0.5":
        assert answer.status_code == 200
    else:
        assert (answer.status_code, reason in answer.json()["message"]) == (500, True)


UPLOADS: list[tuple[dict[str, Any], str | None]] = [
    ({}, "filename is required and must be a string"),
    ({"name": 5}, "filename is required and must be a string"),
    ({"name": "a.csv", "mime": "text/csv"}, "Expected: txt"),
    ({"name": "/a.txt"}, "Invalid filename: unsafe characters"),
    ({"name": "a/b.txt"}, None),
    ({"name": "a.txt", "data": "data:;base64,aGk="}, "MIME type is required and must be a string"),
    ({"name": "a.txt", "data": "x,aGk="}, "(reading 'split')"),
    ({"name": "a.txt", "data": ""}, None),
]


@pytest.mark.parametrize(("upload", "reason"), UPLOADS)
def test_uploads_whose_names_do_not_fit(real: Running, upload: dict[str, Any], reason: str | None) -> None:
    body = {"type": "file", "data": "data:text/plain;base64,aGk=", **upload}
    with real.client() as client:
        answer = client.post(f"/prediction/{CHAT}", json={"question": "q", "uploads": [body]})
    assert answer.status_code == (200 if reason is None else 500)
    assert reason is None or reason in answer.json()["message"]


def test_a_file_is_stored_without_its_folder(client: httpx.Client) -> None:
    config = {"fullFileUpload": {"status": True, "allowedUploadFileTypes": "text/plain"}}
    client.put(f"/chatflows/{CHAT}", json={"chatbotConfig": json.dumps(config)})
    sent = {"files": ("../up/a.txt", b"hi", "text/plain")}
    assert client.post(f"/attachments/{CHAT}/c", files=sent).json()[0]["name"] == "a.txt"


# --- the documents of flows ------------------------------------------------------------------------


def rag(client: httpx.Client, loader: str = "plainText", **inputs: Any) -> str:
    """A flow with a loader, a splitter and a vector store."""
    data = {
        loader: (
            "Document Loaders",
            {"text": "The sky is blue.", "textSplitter": "{{s.data.instance}}", **inputs},
        ),
        "s": ("Text Splitters", inputs.pop("splitter", {"chunkSize": 100, "chunkOverlap": 10})),
        "memoryVectorStore": ("Vector Stores", {}),
        "conversationalRetrievalQAChain": ("Chains", {"returnSourceDocuments": True}),
    }
    names = {"s": "recursiveCharacterTextSplitter"}
    nodes = [
        {
            "id": id,
            "data": {
                "id": id,
                "name": names.get(id, id),
                "label": id,
                "category": category,
                "inputs": values,
            },
        }
        for id, (category, values) in data.items()
    ]
    ends = [*list(data)[2:]]
    edges = [{"source": ends[0], "target": ends[1]}]
    body = {"name": "r", "type": "CHATFLOW", "flowData": json.dumps({"nodes": nodes, "edges": edges})}
    id: str = client.post("/chatflows", json=body).json()["id"]
    return id


@pytest.mark.parametrize(
    ("loader", "inputs", "reason"),
    [
        (
            "csvFile",
            {"csvFile": "data:text/csv;base64,YSxiCjEsMgo=,filename:x.csv", "columnName": "z"},
            "Error: Column z not found in CSV file.",
        ),
        ("plainText", {"splitter": {"chunkSize": 5, "chunkOverlap": 5}}, "Error: Cannot have chunkOverlap"),
        (
            "plainText",
            {"splitter": {"chunkSize": 5, "chunkOverlap": -1}},
            "TypeError: Cannot read properties",
        ),
    ],
)
def test_a_flow_fails_if_its_documents_cannot_be_read(
    client: httpx.Client, loader: str, inputs: dict[str, Any], reason: str
) -> None:
    id = rag(client, loader, **inputs)
    for path in ("/prediction", "/vector/upsert"):
        failed = client.post(f"{path}/{id}", json={"question": "q"})
        assert (failed.status_code, f" - {reason}" in failed.json()["message"]) == (500, True)
    streamed = client.post(f"/prediction/{id}", json={"question": "q", "streaming": True}).text
    assert [word for word in ("error", "token", "end") if f'"event":"{word}"' in streamed] == ["error", "end"]


def test_a_document_without_text_is_no_source(client: httpx.Client) -> None:
    id = rag(client, text="")
    assert client.post(f"/prediction/{id}", json={"question": "q"}).json()["sourceDocuments"] == []
    assert client.post(f"/vector/upsert/{id}", json={}).json()["numAdded"] == 0
