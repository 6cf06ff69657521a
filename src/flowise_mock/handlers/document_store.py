"""Document stores: loaders, the chunks their documents are cut into, upsert, refresh and query.

A store keeps its loaders as JSON text, as sent. A text that cannot be read is an empty list.
"""

import re
import time
from typing import Any

from flowise_mock import catalogue, documents, jsontext, v8
from flowise_mock.call import Call, Upload
from flowise_mock.outcomes import (
    Deleted,
    Disabled,
    Empty,
    Lacks,
    Mistyped,
    NoChunk,
    NoLoader,
    NoStore,
    NotFound,
    NotJson,
    Page,
    Unknown,
)
from flowise_mock.store import Record

PAGE_SIZE = 50
"""Chunks on a page, as in Flowise."""
TOP_K = 4
"""Documents that a query answers with, unless the vector store's config says `topK`."""
_CONFIGS = ("embedding", "vectorStore", "recordManager")
_UPSERTED, _SYNC = "UPSERTED", "SYNC"
_STORED = "FILE-STORAGE::"
"""Before the names of files in a loader's config."""


# --- stores ----------------------------------------------------------------------------------------


async def create_document_store(call: Call, body: Record) -> Record:
    return call.store.create("documentstore", _without_status(body))


async def get_all_document_stores(
    call: Call, page: str | None = None, limit: str | None = None
) -> list[Record] | Page:
    return call.paged([_counted(each) for each in call.store.select("documentstore")], page, limit)


async def get_document_store_by_id(call: Call, id: str) -> Record:
    return _counted(call.store.find("documentstore", id))


async def update_document_store(call: Call, id: str, body: Record) -> Record:
    return _counted(call.store.change("documentstore", id, body))


async def delete_document_store(call: Call, id: str) -> Deleted:
    return call.store.remove_document_store(id)


def _counted(target: Record) -> Record:
    """A store with what its loaders count together, and what they come from."""
    loaders = _loaders(target)
    totals = {
        total: sum(int(loader.get(total) or 0) for loader in loaders)
        for total in ("totalChars", "totalChunks")
    }
    if loaders:
        target = {
            **target,
            "loaders": jsontext.dumps([{**each, "source": _source(each)} for each in loaders]),
        }
    return {**target, **totals}


def _source(loader: Record) -> str:
    """Where the documents of a loader come from, as far as it can be told."""
    files = loader.get("files")
    if isinstance(files, list) and files:
        return ", ".join(str(each.get("name")) for each in files if isinstance(each, dict))
    config = _config(loader, "loaderConfig")
    return str(next((config[key] for key in ("url", "website", "webPath") if config.get(key)), "None"))


def _without_status(body: Record) -> Record:
    return {column: value for column, value in body.items() if column != "status"}


# --- upsert, refresh, query ------------------------------------------------------------------------


async def upsert_document(call: Call, id: str, body: Record) -> Record:
    metadata = body.get("metadata")
    found = v8.complaint(metadata) if isinstance(metadata, str) else None
    if found is not None:
        call.report(NotJson(*found))
    if body.get("docId"):
        _loader(call.store.find("documentstore", id), str(body["docId"]))
    else:
        _check_parts(call, body)
    if _yes(body.get("createNewDocStore")):
        call.report(Disabled("createNewDocStore"))
        id = _new_store(call, id, body)["id"]
    if not call.store.has("documentstore", id):
        raise NoStore("Document store", id)
    target = call.store.find("documentstore", id)
    return _upserted(call, target, [body], call.files)[0]


def _new_store(call: Call, id: str, body: Record) -> Record:
    call.store.find("documentstore", id)
    named = jsontext.mapping(body.get("docStore"))
    return call.store.create("documentstore", {"name": "Document Store", **_without_status(named)})


def _check_parts(call: Call, item: Record) -> None:
    """Report what an upsert lacks, in the order in which Flowise looks."""
    loader = jsontext.mapping(item.get("loader")).get("name")
    if not isinstance(loader, str) or loader not in catalogue.LOADERS:
        call.report(Lacks("Document store", "Loader"))
    if not jsontext.mapping(item.get("vectorStore")):
        call.report(Lacks("Document store", "Vector store"))
    if not jsontext.mapping(item.get("embedding")):
        call.report(Lacks("Document store", "Embedding"))


def _yes(value: Any) -> bool:
    """Whether a switch is on, which a form has as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


async def refresh_document(call: Call, id: str, body: Record) -> list[Record]:
    target = call.store.find("documentstore", id)
    sent = [item for item in jsontext.sequence(body.get("items")) if isinstance(item, dict)]
    items = sent or [{"docId": loader["id"]} for loader in _loaders(target)]
    return _upserted(call, target, [{"replaceExisting": True, **item} for item in items], [])


async def query_vector_store(call: Call, body: Record) -> Record:
    started = time.perf_counter()
    if not body.get("storeId") and "query" in body:
        target = _any_store(call)
    else:
        if "query" not in body:
            call.report(Empty("query"))
        target = call.store.find("documentstore", str(body.get("storeId") or ""))
    if target.get("status") != _UPSERTED:
        call.report(
            Lacks(
                "Document store",
                "Vector Store" if target.get("embeddingConfig") else "Embedding",
                target["id"],
            )
        )
        found = []
    else:
        found = _nearest(call, target, str(body.get("query", "")))
    docs = [
        {**_document(chunk, chunk["docId"]), "id": chunk["id"], "chunkNo": chunk.get("chunkNo")}
        for chunk in found
    ]
    return {"timeTaken": round((time.perf_counter() - started) * 1000), "docs": docs}


def _any_store(call: Call) -> Record:
    """The first store that can be asked: a database that is given no id finds some record."""
    stores = call.store.select("documentstore")
    ready = [each for each in stores if each.get("status") == _UPSERTED] or stores
    if not ready:
        raise NotFound("Document store", "undefined")
    return ready[-1]


async def delete_vector_store_from_store(call: Call, id: str) -> Deleted:
    target = call.store.find("documentstore", id)
    parts = {"embedding": "Embedding", "vectorStore": "Vector Store", "recordManager": "Record Manager"}
    for part, noun in parts.items():
        if not target.get(f"{part}Config"):
            call.report(Lacks("Document store", noun, id))
    if target.get("status") != _UPSERTED:
        call.report(Empty("ids"))
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
    changed = call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(left)})
    return Deleted(1, _counted(changed))


def _loaders(target: Record) -> list[Record]:
    found = jsontext.sequence(target.get("loaders"))
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)]


def _loader(target: Record, id: str) -> Record:
    for loader in _loaders(target):
        if loader["id"] == id:
            return loader
    raise NoLoader("Document loader", id, str(target.get("name")))


def _upserted(call: Call, target: Record, items: list[Record], files: list[Upload]) -> list[Record]:
    """Load, cut and store the documents of each item; one result each, and one row of history."""
    loaders = {loader["id"]: loader for loader in _loaders(target)}
    for item in items:
        if item.get("docId") and str(item["docId"]) not in loaders:
            raise NoLoader("Document loader", str(item["docId"]), str(target.get("name")))
    changes: Record = {}
    results = []
    for item in items:
        kept = loaders.get(item.get("docId") or "", {})
        loader = _prepared(call, target["id"], kept, item, files)
        if loader is None:
            results.append(_result([], 0, ""))
            continue
        texts = _texts(loader, files or _kept_files(call, target["id"], kept))
        replaced = call.store.remove_where("chunk", storeId=target["id"], docId=loader["id"])
        chunks = _cut(call, target["id"], loader, texts)
        _count(loader, chunks)
        loaders[loader["id"]] = loader
        changes |= _configs(target, item)
        result = _result(chunks, replaced, loader["id"])
        if item.get("recordManager") or (kept and target.get("recordManagerConfig")):
            result["totalKeys"] = len(call.store.select("chunk", storeId=target["id"]))
        results.append(result)
    changes |= {"loaders": jsontext.dumps(list(loaders.values())), "status": _UPSERTED}
    call.store.change("documentstore", target["id"], changes)
    _check_namespace(call, changes.get("recordManagerConfig") or target.get("recordManagerConfig"))
    _remember(call, target["id"], results)
    return results


def _check_namespace(call: Call, manager: Any) -> None:
    """Report a record manager whose namespace is more than letters, digits, lines and dashes."""
    config = jsontext.mapping(jsontext.mapping(manager).get("config"))
    namespace = config.get("namespace")
    if isinstance(namespace, str) and not re.fullmatch(r"[A-Za-z0-9_-]*", namespace):
        call.report(Unknown("namespace", namespace))


def _prepared(call: Call, store_id: str, kept: Record, item: Record, files: list[Upload]) -> Record | None:
    """The loader that an item asks for, made from the kept one; None where there is nothing to load."""
    asked, splitter = (jsontext.mapping(item.get(part)) for part in ("loader", "splitter"))
    name = asked.get("name") or kept.get("loaderId") or ("file" if files else None)
    if not isinstance(name, str):
        return None
    same = bool(kept) and _yes(item.get("replaceExisting"))
    id = kept["id"] if same else call.store.new_id()
    for file in files:
        call.store.create(
            "file",
            {"chatflowid": store_id, "chatId": id, "name": file.name, "type": file.type, "data": file.data},
        )
    stored = {documents.field_of(file.name): f"{_STORED}{jsontext.dumps([file.name])}" for file in files}
    return {
        **kept,
        "id": id,
        "loaderId": name,
        "loaderName": str(kept.get("loaderName") or catalogue.label(name)),
        "loaderConfig": {
            **_config(kept, "loaderConfig"),
            **_config(asked, "config"),
            **stored,
            **_known(item),
        },
        "splitterId": str(splitter.get("name") or kept.get("splitterId") or ""),
        "splitterName": catalogue.label(str(splitter.get("name") or kept.get("splitterId") or "")),
        "splitterConfig": {**_config(kept, "splitterConfig"), **_config(splitter, "config")},
        "status": _SYNC,
        **({"files": [_stored_file(call, file) for file in files]} if files else {}),
    }


def _known(item: Record) -> Record:
    """What an item says of its documents, which the loader keeps."""
    metadata = jsontext.mapping(item.get("metadata"))
    return {"metadata": metadata} if metadata else {}


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


def _kept_files(call: Call, store_id: str, kept: Record) -> list[Upload]:
    """The files that a loader was given before."""
    found = call.store.select("file", chatflowid=store_id, chatId=kept.get("id") or "none")
    return [Upload(each["name"], each["type"], each["data"]) for each in found]


def _cut(call: Call, store_id: str, loader: Record, texts: list[str]) -> list[Record]:
    metadata = jsontext.mapping(loader["loaderConfig"].get("metadata"))
    if loader["splitterId"]:
        config = loader["splitterConfig"]
        size = _number(config.get("chunkSize"), documents.CHUNK_SIZE)
        overlap = _number(config.get("chunkOverlap"), documents.CHUNK_OVERLAP)
        texts = [chunk for text in texts for chunk in documents.split(text, size, overlap)]
        metadata = {"loc": {"lines": {"from": 1, "to": 1}}, **metadata}
    if loader.get("files"):
        metadata = {"source": "blob", "blobType": "", **metadata}
    told = jsontext.dumps(metadata)
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
        "addedDocs": [_document(chunk, loader_id) for chunk in chunks], "docId": loader_id,
    }  # fmt: skip


def _document(chunk: Record, loader_id: str) -> Record:
    metadata = {**jsontext.mapping(chunk.get("metadata")), "docId": loader_id}
    return {"pageContent": chunk.get("pageContent", ""), "metadata": metadata}


def _remember(call: Call, store_id: str, results: list[Record]) -> None:
    told = ("numAdded", "numDeleted", "numUpdated", "numSkipped")
    managed = any("totalKeys" in result for result in results)
    counts = {count: sum(result[count] for result in results) for count in (told if managed else told[:1])}
    call.store.create(
        "upserthistory", {"chatflowid": store_id, "result": jsontext.dumps(counts), "flowData": "[]"}
    )


# --- chunks ----------------------------------------------------------------------------------------


async def get_document_store_file_chunks(call: Call, store_id: str, loader_id: str, chunk_id: str) -> Record:
    number = re.match(r"[+-]?\d+", chunk_id)
    if number is None:
        call.report(Mistyped("skip"))
    return _page(call, store_id, loader_id, max(int(number[0][:9]) if number else 1, 1))


async def edit_document_store_file_chunk(
    call: Call, store_id: str, loader_id: str, chunk_id: str, body: Record
) -> Record:
    chunk = _chunk(call, store_id, loader_id, chunk_id)
    if body.get("pageContent") is None:
        call.report(Mistyped("pageContent"))
    changes = {"pageContent": v8.text(body.get("pageContent", chunk.get("pageContent", "")))}
    if body.get("metadata"):
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
    found = call.store.select("chunk", storeId=store_id, docId=loader_id, id=chunk_id)
    if not found:
        raise NoChunk("Document Chunk", chunk_id)
    return found[0]


def _recount(call: Call, store_id: str, loader_id: str) -> None:
    target = call.store.find("documentstore", store_id)
    loaders = _loaders(target)
    for loader in loaders:
        if loader["id"] == loader_id:
            _count(loader, call.store.select("chunk", storeId=store_id, docId=loader_id))
    call.store.change("documentstore", store_id, {"loaders": jsontext.dumps(loaders)})


def _page(call: Call, store_id: str, loader_id: str, number: int) -> Record:
    """A page of the chunks of one loader, or of `all` of them."""
    target = call.store.find("documentstore", store_id)
    every = loader_id == "all"
    chunks = call.store.select("chunk", storeId=store_id, docId=None if every else loader_id)
    shown: Record = {}
    if not every:
        loader = _loader(target, loader_id)
        told = {**loader, "storeId": store_id, "status": target.get("status"), "source": _source(loader)}
        shown = {"file": _typed(told)}
    first = (number - 1) * PAGE_SIZE
    return {
        "chunks": sorted(chunks, key=lambda chunk: chunk.get("chunkNo", 0))[first : first + PAGE_SIZE],
        "count": len(chunks),
        **shown,
        "currentPage": number,
        "storeName": target.get("name"),
        "description": target.get("description"),
        "workspaceId": target.get("workspaceId"),
        "docId": loader_id,
        "characters": sum(len(str(chunk.get("pageContent", ""))) for chunk in chunks),
    }


_TEXT, _COUNT = (str,), (int, float)
_LOADER: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "loaderId": _TEXT, "loaderName": _TEXT, "loaderConfig": (dict,), "splitterId": _TEXT,
    "splitterName": _TEXT, "splitterConfig": (dict,), "totalChunks": _COUNT, "totalChars": _COUNT,
    "storeId": _TEXT, "source": _TEXT, "credential": _TEXT, "status": _TEXT,
}  # fmt: skip


def _typed(loader: Record) -> Record:
    """A loader as its page shows it: a client may have written anything into the text it stands in."""
    return {key: loader[key] for key, types in _LOADER.items() if isinstance(loader.get(key), types)}
