"""Document stores: loaders, the chunks their documents are cut into, upsert, refresh and query.

A store keeps its loaders as JSON text, as sent. A text that cannot be read is an empty list.
"""

import time
from typing import Any

from flowise_mock import documents, jsontext
from flowise_mock.call import Call, Upload
from flowise_mock.outcomes import Deleted, Lacks, NotFound
from flowise_mock.store import Record

PAGE_SIZE = 50
"""Chunks on a page, as in Flowise."""
TOP_K = 4
"""Documents that a query answers with, unless the vector store's config says `topK`."""
_CONFIGS = ("embedding", "vectorStore", "recordManager")
_UPSERTED, _SYNC = "UPSERTED", "SYNC"


# --- stores ----------------------------------------------------------------------------------------


async def create_document_store(call: Call, body: Record) -> Record:
    return call.store.create("documentstore", _without_status(body))


async def get_all_document_stores(call: Call) -> list[Record]:
    return call.store.select("documentstore")


async def get_document_store_by_id(call: Call, id: str) -> Record:
    return call.store.find("documentstore", id)


async def update_document_store(call: Call, id: str, body: Record) -> Record:
    return call.store.change("documentstore", id, body)


async def delete_document_store(call: Call, id: str) -> Deleted:
    return call.store.remove_document_store(id)


def _without_status(body: Record) -> Record:
    return {column: value for column, value in body.items() if column != "status"}


# --- upsert, refresh, query ------------------------------------------------------------------------


async def upsert_document(call: Call, id: str, body: Record) -> Record:
    target = call.store.find("documentstore", id)
    if body.get("createNewDocStore"):
        named = jsontext.mapping(body.get("docStore"))
        target = call.store.create("documentstore", {"name": "Document Store", **_without_status(named)})
    return _upserted(call, target, [body], call.files)[0]


async def refresh_document(call: Call, id: str, body: Record) -> list[Record]:
    target = call.store.find("documentstore", id)
    items = body.get("items") or [{"docId": loader["id"]} for loader in _loaders(target)]
    return _upserted(call, target, [{"replaceExisting": True, **item} for item in items], [])


async def query_vector_store(call: Call, body: Record) -> Record:
    started = time.perf_counter()
    target = call.store.find("documentstore", body["storeId"])
    if target.get("status") != _UPSERTED:
        call.report(Lacks("Document store", "vector store"))
        found = []
    else:
        found = _nearest(call, target, body["query"])
    docs = [{**_document(chunk), "id": chunk["id"], "chunkNo": chunk.get("chunkNo")} for chunk in found]
    return {"timeTaken": round((time.perf_counter() - started) * 1000), "docs": docs}


async def delete_vector_store_from_store(call: Call, id: str) -> Deleted:
    target = call.store.find("documentstore", id)
    for part in _CONFIGS:
        if not target.get(f"{part}Config"):
            call.report(Lacks("Document store", part))
    call.store.change("documentstore", id, {"status": _SYNC})
    return Deleted(1)


def _nearest(call: Call, target: Record, question: str) -> list[Record]:
    """The chunks of a store that share most words with the question, the best first."""
    vector_store = jsontext.mapping(target.get("vectorStoreConfig"))
    config = jsontext.mapping(vector_store.get("config"))
    chunks = documents.ranked(call.store.select("chunk", storeId=target["id"]), question)
    return chunks[: _number(config.get("topK"), TOP_K)]


# --- loaders ---------------------------------------------------------------------------------------


async def delete_loader_from_document_store(call: Call, store_id: str, loader_id: str) -> Deleted:
    target = call.store.find("documentstore", store_id)
    loader = _loader(target, loader_id)
    left = [each for each in _loaders(target) if each["id"] != loader["id"]]
    call.store.remove_where("chunk", storeId=store_id, docId=loader_id)
    return Deleted(1, call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(left)}))


def _loaders(target: Record) -> list[Record]:
    found = jsontext.sequence(target.get("loaders"))
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)]


def _loader(target: Record, id: str) -> Record:
    for loader in _loaders(target):
        if loader["id"] == id:
            return loader
    raise NotFound("Loader", id)


def _upserted(call: Call, target: Record, items: list[Record], files: list[Upload]) -> list[Record]:
    """Load, cut and store the documents of each item; one result each, and one row of history."""
    loaders = {loader["id"]: loader for loader in _loaders(target)}
    for item in items:
        if item.get("docId") and item["docId"] not in loaders:
            raise NotFound("Loader", item["docId"])
    changes: Record = {}
    results = []
    for item in items:
        kept = loaders.get(item.get("docId") or "", {})
        loader = _prepared(call, kept, item, files)
        if loader is None:
            results.append(_result([], 0, ""))
            continue
        texts = _texts(loader, files)
        replaced = call.store.remove_where("chunk", storeId=target["id"], docId=loader["id"])
        chunks = _cut(call, target["id"], loader, texts, jsontext.mapping(item.get("metadata")))
        _count(loader, chunks)
        loaders[loader["id"]] = loader
        changes |= _configs(target, item)
        results.append(_result(chunks, replaced, loader["id"]))
    for part in _CONFIGS[:2]:
        if not (changes.get(f"{part}Config") or target.get(f"{part}Config")):
            call.report(Lacks("Document store", part))
    changes |= {"loaders": jsontext.dumps(list(loaders.values())), "status": _UPSERTED}
    call.store.change("documentstore", target["id"], changes)
    _remember(call, target["id"], results)
    return results


def _prepared(call: Call, kept: Record, item: Record, files: list[Upload]) -> Record | None:
    """The loader that an item asks for, made from the kept one; None where there is nothing to load."""
    asked, splitter = (jsontext.mapping(item.get(part)) for part in ("loader", "splitter"))
    name = asked.get("name") or kept.get("loaderId") or ("file" if files else None)
    if not isinstance(name, str):
        call.report(Lacks("Document store", "loader"))
        return None
    same = bool(kept) and bool(item.get("replaceExisting"))
    return {
        **kept,
        "id": kept["id"] if same else call.store.new_id(),
        "loaderId": name,
        "loaderName": str(kept.get("loaderName") or name),
        "loaderConfig": {**_config(kept, "loaderConfig"), **_config(asked, "config")},
        "splitterId": str(splitter.get("name") or kept.get("splitterId") or ""),
        "splitterName": str(splitter.get("name") or kept.get("splitterName") or ""),
        "splitterConfig": {**_config(kept, "splitterConfig"), **_config(splitter, "config")},
        "status": _SYNC,
        **({"files": [_stored_file(call, file) for file in files]} if files else {}),
    }


def _config(holder: Record, key: str) -> Record:
    return jsontext.mapping(holder.get(key))


def _stored_file(call: Call, file: Upload) -> Record:
    return {
        "id": call.store.new_id(), "name": file.name, "mimePrefix": file.type,
        "size": len(file.data), "status": "NEW", "uploaded": call.store.now(),
    }  # fmt: skip


def _texts(loader: Record, files: list[Upload]) -> list[str]:
    """The documents a loader yields: the files, its text, or what else its config says in words.

    Nothing is fetched: a loader of web pages yields its address, which can be searched all the same.
    """
    if files:
        return [documents.text_of(file) for file in files]
    config = loader["loaderConfig"]
    if isinstance(config.get("text"), str):
        return [config["text"]]
    said = "\n".join(value for value in config.values() if isinstance(value, str))
    return [said] if said else []


def _cut(call: Call, store_id: str, loader: Record, texts: list[str], metadata: Record) -> list[Record]:
    if loader["splitterId"]:
        config = loader["splitterConfig"]
        size = _number(config.get("chunkSize"), documents.CHUNK_SIZE)
        overlap = _number(config.get("chunkOverlap"), documents.CHUNK_OVERLAP)
        texts = [chunk for text in texts for chunk in documents.split(text, size, overlap)]
    told = jsontext.dumps({"source": loader["loaderName"], **metadata, "docId": loader["id"]})
    return [
        call.store.create(
            "chunk",
            {
                "docId": loader["id"],
                "storeId": store_id,
                "chunkNo": number,
                "pageContent": text,
                "metadata": told,
            },
        )
        for number, text in enumerate(texts, start=1)
    ]


def _number(value: Any, default: int) -> int:
    """A positive whole number out of a config, where it may be text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if number > 0 else default


def _count(loader: Record, chunks: list[Record]) -> None:
    loader["totalChunks"] = len(chunks)
    loader["totalChars"] = sum(len(chunk.get("pageContent", "")) for chunk in chunks)


def _configs(target: Record, item: Record) -> Record:
    """The configs that an item brings, as the texts that the store keeps."""
    given = {part: jsontext.mapping(item.get(part)) for part in _CONFIGS}
    return {
        f"{part}Config": jsontext.dumps({"config": _config(value, "config"), "name": value.get("name", "")})
        for part, value in given.items()
        if value
    }


def _result(chunks: list[Record], replaced: int, loader_id: str) -> Record:
    return {
        "numAdded": len(chunks), "numDeleted": replaced, "numUpdated": 0, "numSkipped": 0,
        "addedDocs": [_document(chunk) for chunk in chunks], "docId": loader_id,
    }  # fmt: skip


def _document(chunk: Record) -> Record:
    return {"pageContent": chunk.get("pageContent", ""), "metadata": chunk.get("metadata")}


def _remember(call: Call, store_id: str, results: list[Record]) -> None:
    counts = {
        count: sum(result[count] for result in results)
        for count in ("numAdded", "numDeleted", "numUpdated", "numSkipped")
    }
    call.store.create(
        "upserthistory", {"chatflowid": store_id, "result": jsontext.dumps(counts), "flowData": "[]"}
    )


# --- chunks ----------------------------------------------------------------------------------------


async def get_document_store_file_chunks(call: Call, store_id: str, loader_id: str, chunk_id: str) -> Record:
    return _page(call, store_id, loader_id, max(int(chunk_id), 1))


async def edit_document_store_file_chunk(
    call: Call, store_id: str, loader_id: str, chunk_id: str, body: Record
) -> Record:
    chunk = _chunk(call, store_id, loader_id, chunk_id)
    changes = {"pageContent": body.get("pageContent", chunk.get("pageContent", ""))}
    if "metadata" in body:
        changes["metadata"] = jsontext.dumps(body["metadata"])
    call.store.change("chunk", chunk["id"], changes)
    _recount(call, store_id, loader_id)
    return _page(call, store_id, loader_id, 1)


async def delete_document_store_file_chunk(
    call: Call, store_id: str, loader_id: str, chunk_id: str
) -> Deleted:
    chunk = _chunk(call, store_id, loader_id, chunk_id)
    call.store.remove("chunk", chunk["id"])
    _recount(call, store_id, loader_id)
    return Deleted(1, _page(call, store_id, loader_id, 1))


def _chunk(call: Call, store_id: str, loader_id: str, chunk_id: str) -> Record:
    _loader(call.store.find("documentstore", store_id), loader_id)
    chunk = call.store.find("chunk", chunk_id)
    if (chunk.get("storeId"), chunk.get("docId")) != (store_id, loader_id):
        raise NotFound("Chunk", chunk_id)
    return chunk


def _recount(call: Call, store_id: str, loader_id: str) -> None:
    target = call.store.find("documentstore", store_id)
    loaders = _loaders(target)
    for loader in loaders:
        if loader["id"] == loader_id:
            _count(loader, call.store.select("chunk", storeId=store_id, docId=loader_id))
    call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(loaders)})


def _page(call: Call, store_id: str, loader_id: str, number: int) -> Record:
    target = call.store.find("documentstore", store_id)
    loader = _loader(target, loader_id)
    chunks = call.store.select("chunk", storeId=store_id, docId=loader_id)
    first = (number - 1) * PAGE_SIZE
    return {
        "chunks": chunks[first : first + PAGE_SIZE],
        "count": len(chunks),
        "file": _typed({**loader, "storeId": store_id}),
        "currentPage": number,
        "storeName": target.get("name"),
        "description": target.get("description"),
    }


_TEXT, _COUNT = (str,), (int, float)
_LOADER: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "loaderId": _TEXT, "loaderName": _TEXT, "loaderConfig": (dict,), "splitterId": _TEXT,
    "splitterName": _TEXT, "splitterConfig": (dict,), "totalChunks": _COUNT, "totalChars": _COUNT,
    "storeId": _TEXT, "source": _TEXT, "credential": _TEXT,
}  # fmt: skip


def _typed(loader: Record) -> Record:
    """A loader as its page shows it: a client may have written anything into the text it stands in."""
    return {key: loader[key] for key, types in _LOADER.items() if isinstance(loader.get(key), types)}
