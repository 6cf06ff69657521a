"""Document stores: their loaders and chunks, upsert, refresh and query."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows.behaviour import DocumentMetadata
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import files as uploads
from flowise_mock.knowledge import loaders, node_catalogue, ranking, record_manager
from flowise_mock.knowledge.chunking import positive
from flowise_mock.knowledge.files import Upload
from flowise_mock.knowledge.slices import LARGE, Large, beside
from flowise_mock.state.outcomes import (
    ChunkNotFound,
    Deletion,
    DisabledFeature,
    EmptyField,
    InvalidJson,
    MissingManager,
    MissingPart,
    NotFound,
    Page,
    StoreNotFound,
    WrongType,
)
from flowise_mock.state.table import Record

Shown = TypeVar("Shown")
PAGE_SIZE = 50
"""The number of chunks per page, as in Flowise."""
TOP_K = 4
"""The number of documents in the answer to a query, unless the vector store's config has `topK`."""


# --- stores ----------------------------------------------------------------------------------------


async def create_document_store(call: Call, body: Record) -> Record:
    lists = {
        column: "[]" if body.get(column) is None else body[column] for column in ("loaders", "whereUsed")
    }
    return call.store.create("documentstore", {**_without_status(body), **lists})


async def get_all_document_stores(
    call: Call, page: str | None = None, limit: str | None = None
) -> list[Record] | Page | Large:
    found = call.page("documentstore", page, limit)
    stores = found.value if isinstance(found, Page) else found

    def all_of_them() -> list[Record] | Page:
        shown = [_with_totals(call, each) for each in stores]
        return Page(shown, found.total) if isinstance(found, Page) else shown

    return await _shown(all_of_them, stores)


async def get_document_store_by_id(call: Call, id: str) -> Record | Large:
    target = call.store.find("documentstore", id)
    return await _shown(partial(_with_totals, call, target), [target])


async def update_document_store(call: Call, id: str, body: Record) -> Record | Large:
    target = call.store.change("documentstore", id, _without_status(body))
    return await _shown(partial(_with_totals, call, target), [target])


async def _shown(show: Callable[[], Shown], stores: list[Record]) -> Shown | Large:
    """What is shown of some stores: beside the event loop if the texts of their loaders are long."""
    size = sum(len(text) for each in stores if isinstance(text := each.get("loaders"), str))
    shown = await beside(size, show)
    return Large(shown) if size > LARGE else shown


async def delete_document_store(call: Call, id: str) -> Deletion:
    return call.store.remove_document_store(id)


def _with_totals(call: Call, target: Record) -> Record:
    """A store with the totals and the sources of its loaders."""
    sent = target.get("loaders")
    if sent and v8.complaint(sent) is None and not v8.trim(v8.text(sent)).startswith("["):
        call.report(WrongType("loaders"))
    found = loaders.loaders_of(target)
    totals = {
        total: sum(min(positive(loader.get(total), 0), 2**40) for loader in found)
        for total in ("totalChars", "totalChunks")
    }
    if found:
        target = {
            **target,
            "loaders": jsontext.dumps([{**each, "source": loaders.source(each)} for each in found]),
        }
    return {**target, "whereUsed": target.get("whereUsed") or [], **totals}


def _without_status(body: Record) -> Record:
    return {column: value for column, value in body.items() if column != "status"}


# --- upsert, refresh, query ------------------------------------------------------------------------


async def upsert_document(call: Call, id: str, body: Record) -> Record:
    metadata = body.get("metadata")
    found = v8.complaint(metadata) if metadata and isinstance(metadata, str) else None
    if found is not None:
        call.report(InvalidJson(*found))
    for part in ("loader", "splitter", "vectorStore", "embedding", "recordManager"):
        found = v8.complaint(body[part]) if isinstance(body.get(part), str) else None
        if found is not None:
            call.report(WrongType(part, "".join(found)))
    if body.get("docId"):
        loaders.find(call.store.find("documentstore", id), v8.text(body["docId"]))
    else:
        _check_parts(call, body)
    created = {}
    if loaders.is_on(body.get("createNewDocStore")):
        call.report(DisabledFeature("createNewDocStore"))
        id = _create_store(call, id, body)["id"]
        created = {"storeId": id}
    if not call.store.has("documentstore", id):
        raise StoreNotFound("Document store", id)
    target = call.store.find("documentstore", id)
    for file in call.files:
        uploads.check(call.report, file.name, file.type)
    sent = jsontext.mapping(body.get("loader"))
    name = sent.get("name") if isinstance(sent.get("name"), str) else "fileLoader"
    files = await loaders.opened_files(str(name), jsontext.mapping(sent.get("config")), call.files)
    return (await _upsert(call, target, [body], files))[0] | created


def _create_store(call: Call, id: str, body: Record) -> Record:
    call.store.find("documentstore", id)
    columns = _without_status(jsontext.mapping(body.get("docStore")))
    is_database = call.store.tables["documentstore"].database is not None
    return call.store.create(
        "documentstore", columns if is_database else {"name": "Document Store", **columns}
    )


def _check_parts(call: Call, item: Record) -> None:
    """Report a missing part of an upsert, in the order in which Flowise checks."""
    loader = jsontext.mapping(item.get("loader")).get("name")
    if not isinstance(loader, str) or loader not in node_catalogue.LOADERS:
        call.report(MissingPart("Document store", "Loader"))
    if not jsontext.mapping(item.get("vectorStore")).get("name"):
        call.report(MissingPart("Document store", "Vector store"))
    if not jsontext.mapping(item.get("embedding")).get("name"):
        call.report(MissingPart("Document store", "Embedding"))


async def refresh_document(call: Call, id: str, body: Record) -> list[Record]:
    target = call.store.find("documentstore", id)
    if body.get("items") and not isinstance(body["items"], list | str):
        call.report(WrongType("items"))
    sent_items = list(body["items"]) if isinstance(body.get("items"), list | str) else []
    for item in sent_items:
        if item is None:
            call.report(WrongType("item"))
        fields = jsontext.mapping(item)
        if not fields.get("docId"):
            _check_parts(call, fields)
    sent = [item for item in sent_items if isinstance(item, dict)]
    items = sent or [{"docId": loader["id"]} for loader in loaders.loaders_of(target)]
    return await _upsert(call, target, [{"replaceExisting": True, **item} for item in items], [])


async def _upsert(call: Call, target: Record, items: list[Record], files: list[Upload]) -> list[Record]:
    return await loaders.upsert(
        call.store, call.report, target, items, files, call.pause, with_loader=has_loader_ids(call)
    )


def has_loader_ids(call: Call) -> bool:
    """Whether the metadata of a document has the id of its loader in this version."""
    return call.behaviour.document_metadata is DocumentMetadata.WITH_LOADER


async def query_vector_store(call: Call, body: Record) -> Record:
    started = time.perf_counter()
    if body.get("storeId") is None:
        target = oldest_store(call)
    else:
        target = call.store.find("documentstore", v8.text(body["storeId"]))
    parts = {"embeddingConfig": "Embedding", "vectorStoreConfig": "Vector Store"}
    missing = [noun for column, noun in parts.items() if not target.get(column)]
    found: list[Record] = []
    if missing:
        id = v8.text(body["storeId"]) if "storeId" in body else "undefined"
        call.report(MissingPart("Document store", missing[0], id))
    else:
        found = await _found(call, target, body)
    docs = [
        {
            **loaders.to_document(chunk, has_loader_ids(call)),
            "id": chunk["id"],
            "chunkNo": chunk.get("chunkNo"),
        }
        for chunk in found
    ]
    return {"timeTaken": round((time.perf_counter() - started) * 1000), "docs": docs}


async def _found(call: Call, target: Record, body: Record) -> list[Record]:
    """The chunks that answer a query; none if no chunk was written to the vector store."""
    if "query" not in body:
        call.report(EmptyField("query"))
    query = body.get("query", "")
    if not isinstance(query, str):
        message = "Cannot read properties of null (reading 'replace')" if query is None else ""
        call.report(WrongType("query", message or "text.replace is not a function"))
    loaders.check_components(call.report, target)
    if target.get("status") not in (loaders.UPSERTED, loaders.UPSERTING, "STALE"):
        return []
    return await _nearest(call, target, v8.text(query), jsontext.mapping(body.get("inputs")))


def oldest_store(call: Call) -> Record:
    """The oldest store, which a real database finds if it gets no id."""
    stores = call.store.select("documentstore")
    if not stores:
        raise NotFound("Document store", "undefined")
    return min(stores, key=lambda each: str(each.get("createdDate")))


async def delete_vector_store_from_store(call: Call, id: str) -> Deletion:
    target = call.store.find("documentstore", id)
    parts = {"embedding": "Embedding", "vectorStore": "Vector Store", "recordManager": "Record Manager"}
    for part, noun in parts.items():
        if not target.get(f"{part}Config"):
            missing = MissingManager if part == "recordManager" else MissingPart
            call.report(missing("Document store", noun, id))
    if target.get("status") != loaders.UPSERTED:
        call.report(EmptyField("ids"))
    record_manager.clear(call.store, loaders.manager_of(target), id)
    call.store.change("documentstore", id, {"status": loaders.SYNC})
    return Deletion(1)


async def _nearest(call: Call, target: Record, question: str, inputs: Record) -> list[Record]:
    """The chunks of a store that share most words with the question, the best one first.

    `inputs` override the config of the vector store.
    """
    vector_store = jsontext.mapping(target.get("vectorStoreConfig"))
    config = {**jsontext.mapping(vector_store.get("config")), **inputs}
    chunks = await ranking.rank(call.store.select("chunk", storeId=target["id"]), question, call.pause)
    return chunks[: positive(config.get("topK"), TOP_K)]


# --- loaders ---------------------------------------------------------------------------------------


async def delete_loader_from_document_store(call: Call, store_id: str, loader_id: str) -> Deletion:
    target = call.store.find("documentstore", store_id)
    loader = loaders.find(target, loader_id)
    others = [each for each in loaders.loaders_of(target) if each["id"] != loader["id"]]
    call.store.remove_where("chunk", storeId=store_id, docId=loader_id)
    call.store.remove_where("file", chatflowid=store_id, chatId=loader_id)
    changed = call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(others)})
    return Deletion(1, _with_totals(call, changed))


# --- chunks ----------------------------------------------------------------------------------------


async def get_document_store_file_chunks(call: Call, store_id: str, loader_id: str, chunk_id: str) -> Record:
    number = re.match(r"[+-]?\d+", chunk_id)
    if number is None:
        call.report(WrongType("skip"))
    return page_of_chunks(call, store_id, loader_id, max(int(number[0][:9]) if number else 1, 1))


async def edit_document_store_file_chunk(
    call: Call, store_id: str, loader_id: str, chunk_id: str, body: Record
) -> Record:
    chunk = _chunk(call, store_id, loader_id, chunk_id)
    if body.get("pageContent") is None:
        call.report(WrongType("pageContent", "null" if "pageContent" in body else "undefined"))
    changes = {"pageContent": v8.text(body.get("pageContent", chunk.get("pageContent", "")))}
    if body.get("metadata"):
        changes["metadata"] = jsontext.dumps(body["metadata"])
    call.store.change("chunk", chunk["id"], changes)
    _recount(call, store_id, loader_id)
    return page_of_chunks(call, store_id, loader_id, 1)


async def delete_document_store_file_chunk(
    call: Call, store_id: str, loader_id: str, chunk_id: str
) -> Deletion:
    chunk = _chunk(call, store_id, loader_id, chunk_id)
    call.store.remove("chunk", chunk["id"])
    _recount(call, store_id, loader_id)
    return Deletion(1, page_of_chunks(call, store_id, loader_id, 1))


def _chunk(call: Call, store_id: str, loader_id: str, chunk_id: str) -> Record:
    loaders.find(call.store.find("documentstore", store_id), loader_id)
    found = call.store.select("chunk", storeId=store_id, docId=loader_id, id=chunk_id)
    if not found:
        raise ChunkNotFound("Document Chunk", chunk_id)
    return found[0]


def _recount(call: Call, store_id: str, loader_id: str) -> None:
    target = call.store.find("documentstore", store_id)
    found = loaders.loaders_of(target)
    for loader in found:
        if loader["id"] == loader_id:
            loaders.update_totals(loader, call.store.select("chunk", storeId=store_id, docId=loader_id))
    call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(found)})


def page_of_chunks(call: Call, store_id: str, loader_id: str, number: int) -> Record:
    """A page of the chunks of one loader, or of `all` loaders."""
    target = call.store.find("documentstore", store_id)
    is_all = loader_id == "all"
    chunks = call.store.select("chunk", storeId=store_id, docId=None if is_all else loader_id)
    file: Record = {}
    if not is_all:
        loader = loaders.find(target, loader_id)
        fields = {
            **loader,
            "storeId": store_id,
            "status": target.get("status"),
            "source": loaders.source(loader),
        }
        file = {"file": loaders.valid_fields(fields)}
    first = (number - 1) * PAGE_SIZE
    return {
        "chunks": sorted(chunks, key=lambda chunk: chunk.get("chunkNo", 0))[first : first + PAGE_SIZE],
        "count": len(chunks),
        **file,
        "currentPage": number,
        "storeName": target.get("name"),
        "description": target.get("description"),
        "workspaceId": target.get("workspaceId"),
        "docId": loader_id,
        "characters": sum(len(str(chunk.get("pageContent", ""))) for chunk in chunks),
    }
