"""The loaders of a document store: their documents, and the chunks of these.

A store has its loaders as JSON text, as sent. A text that cannot be read is an empty list.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.formats.opened import LoadFailure
from flowise_mock.knowledge import documents, node_catalogue, record_manager, splitter
from flowise_mock.knowledge.documents import Document
from flowise_mock.knowledge.files import Upload, field_of, plain_text
from flowise_mock.knowledge.files import store as store_file
from flowise_mock.state.outcomes import (
    InvalidChoice,
    InvalidSplitter,
    LoaderNotFound,
    Outcome,
    Report,
    UnknownComponent,
    UnreadableFile,
)
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

UPSERTED, SYNC = "UPSERTED", "SYNC"
"""The states of a store or loader: written to the vector store, or not yet."""
_CONFIGS = ("embedding", "vectorStore", "recordManager")
_STORED = "FILE-STORAGE::"
"""The prefix of file names in a loader's config."""


def loaders_of(target: Record) -> list[Record]:
    """The loaders of a store."""
    found = jsontext.sequence(target.get("loaders"))
    return [dict(each) for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)]


def find(target: Record, id: str) -> Record:
    """The loader of a store with that id. Raises LoaderNotFound."""
    for loader in loaders_of(target):
        if loader["id"] == id:
            return loader
    raise LoaderNotFound("Document loader", id, str(target.get("name")))


def source(loader: Record) -> str:
    """The source of a loader's documents, as far as it is known."""
    files = loader.get("files")
    if isinstance(files, list) and files:
        return ", ".join(str(each.get("name")) for each in files if isinstance(each, dict))
    config = _config(loader, "loaderConfig")
    return str(next((config[key] for key in ("url", "website", "webPath") if config.get(key)), "None"))


def upsert(
    store: Store,
    report: Report,
    target: Record,
    items: list[Record],
    files: list[Upload],
    *,
    with_loader: bool,
) -> list[Record]:
    """Load, split and store the documents of each item. Returns a result per item; adds a row of history.

    `with_loader` puts the id of its loader into the metadata of each document.
    """
    loaders = {loader["id"]: loader for loader in loaders_of(target)}
    for item in items:
        if item.get("docId") and str(item["docId"]) not in loaders:
            raise LoaderNotFound("Document loader", str(item["docId"]), str(target.get("name")))
    changes: Record = {}
    results = []
    for item in items:
        stored = loaders.get(item.get("docId") or "", {})
        loader = _prepare(store, target["id"], stored, item, files)
        if loader is None:
            results.append(_result([], 0) | {"docId": ""})
            continue
        loaders[loader["id"]] = loader
        try:
            split = chunks_of(report, loader, files or load_files(store, target["id"], stored))
        except Outcome:
            _store_failed(store, target["id"], list(loaders.values()), loader, files)
            raise
        replaced = store.remove_where("chunk", storeId=target["id"], docId=loader["id"])
        chunks = replace_chunks(store, target["id"], loader, split)
        changes |= _configs(item)
        documents = [to_document(chunk, with_loader) for chunk in chunks if chunk["pageContent"].strip()]
        config = _manager(target, item, stored)
        if config is None:
            result = _result(documents, replaced)
        else:
            result = record_manager.index(store, config, target["id"], documents)
        results.append(result | {"docId": loader["id"]})
    changes |= {"loaders": jsontext.dumps(list(loaders.values())), "status": UPSERTED}
    store.change("documentstore", target["id"], changes)
    check_components(report, {**target, **changes})
    _check_namespace(report, {**target, **changes})
    _add_history(store, target["id"], results)
    return results


def _manager(target: Record, item: Record, stored: Record) -> Record | None:
    """The config of an item's record manager; for a stored loader, else that of the store."""
    manager = _config(item, "recordManager")
    if manager.get("name"):
        return _config(manager, "config")
    return manager_of(target) if stored and _config(target, "recordManagerConfig") else None


def manager_of(target: Record) -> Record:
    """The config of a store's record manager."""
    return _config(_config(target, "recordManagerConfig"), "config")


def _check_namespace(report: Report, target: Record) -> None:
    """Report a record manager whose namespace has other characters than letters, digits, _ and -."""
    namespace = manager_of(target).get("namespace")
    if isinstance(namespace, str) and not re.fullmatch(r"[A-Za-z0-9_-]*", namespace):
        report(InvalidChoice("namespace", namespace))


def _prepare(store: Store, store_id: str, stored: Record, item: Record, files: list[Upload]) -> Record | None:
    """The stored loader with the changes of an item; None if there is nothing to load."""
    sent, splitter = (jsontext.mapping(item.get(part)) for part in ("loader", "splitter"))
    name = sent.get("name") or stored.get("loaderId") or ("file" if files else None)
    if not isinstance(name, str):
        return None
    replaces = bool(stored) and is_on(item.get("replaceExisting"))
    id = stored["id"] if replaces else store.new_id()
    for file in files:
        store_file(store, store_id, id, file)
    fields = {field_of(file.name): f"{_STORED}{jsontext.dumps([file.name])}" for file in files}
    return {
        **stored,
        "id": id,
        "loaderId": name,
        "loaderName": str(stored.get("loaderName") or node_catalogue.label(name)),
        "loaderConfig": {
            **_config(stored, "loaderConfig"),
            **_config(sent, "config"),
            **fields,
            **_metadata(item),
        },
        "splitterId": str(splitter.get("name") or stored.get("splitterId") or ""),
        "splitterName": node_catalogue.label(str(splitter.get("name") or stored.get("splitterId") or "")),
        "splitterConfig": {**_config(stored, "splitterConfig"), **_config(splitter, "config")},
        "status": SYNC,
        **({"files": [_file_entry(store, file) for file in files]} if files else {}),
    }


def _metadata(item: Record) -> Record:
    """The metadata that an item has for its documents."""
    metadata = jsontext.mapping(item.get("metadata"))
    return {"metadata": metadata} if metadata else {}


def _config(holder: Record, key: str) -> Record:
    return jsontext.mapping(holder.get(key))


def _file_entry(store: Store, file: Upload) -> Record:
    return {
        "id": store.new_id(), "name": file.name, "mimePrefix": file.type,
        "size": len(file.data), "status": "NEW", "uploaded": store.now(),
    }  # fmt: skip


def load_files(store: Store, store_id: str, stored: Record) -> list[Upload]:
    """The stored files of a loader."""
    found = store.select("file", chatflowid=store_id, chatId=stored.get("id") or "none")
    return [Upload(each["name"], each["type"], each["data"]) for each in found]


def of_config(store: Store, body: Record) -> Record:
    """The loader that a body describes, which may be new."""
    name = str(body.get("loaderId") or "")
    return {
        "id": str(body.get("id") or store.new_id()),
        "loaderId": name,
        "loaderName": str(body.get("loaderName") or node_catalogue.label(name)),
        "loaderConfig": _config(body, "loaderConfig"),
        "splitterId": str(body.get("splitterId") or ""),
        "splitterName": str(body.get("splitterName") or ""),
        "splitterConfig": _config(body, "splitterConfig"),
        "status": SYNC,
    }


def check_components(report: Report, target: Record) -> None:
    """Report a part of a store whose node does not exist."""
    for part, known in node_catalogue.COMPONENTS.items():
        name = _config(target, f"{part}Config").get("name")
        if name and name not in known:
            report(UnknownComponent(part, str(name)))


def _store_failed(
    store: Store, store_id: str, loaders: list[Record], loader: Record, files: list[Upload]
) -> None:
    """Store a loader whose documents could not be read or split: a real server stores it before it tries."""
    loader.update(totalChunks=0, totalChars=0, status="SYNCING")
    if files:
        loader.pop("files", None)
        store.remove_where("file", chatflowid=store_id, chatId=loader["id"])
        for file in files:
            data = f"data:{file.type};base64,{b64encode(file.data).decode()},filename:{file.name}"
            loader["loaderConfig"] |= {field_of(file.name): jsontext.dumps([data])}
    store.change("documentstore", store_id, {"loaders": jsontext.dumps(loaders), "status": "STALE"})


def _documents(report: Report, loader: Record, files: list[Upload]) -> list[Document]:
    """The documents of a loader: the files, its text, or the other texts of its config.

    Nothing is fetched. A loader of web pages has its address as text, which can be searched.
    """
    config = loader["loaderConfig"]
    if files:
        return [each for file in files for each in _read(report, loader, file)]
    if isinstance(config.get("text"), str):
        return [Document(config["text"], {})]
    texts = "\n".join(value for value in config.values() if isinstance(value, str))
    return [Document(texts, {})] if texts else []


def _read(report: Report, loader: Record, file: Upload) -> list[Document]:
    try:
        return documents.load(file, loader["loaderConfig"], loader["loaderId"])
    except LoadFailure as failure:
        report(UnreadableFile(file.name, file.type, str(failure), failure.place))
        return [Document(plain_text(file), {"source": "blob", "blobType": ""})]


def chunks_of(report: Report, loader: Record, files: list[Upload]) -> list[Document]:
    """The documents of a loader, split as it says. Reports files and settings that a real server refuses."""
    found = _documents(report, loader, files)
    own = jsontext.mapping(loader["loaderConfig"].get("metadata"))
    if loader["splitterConfig"] and loader["splitterId"]:
        size, overlap = _sizes(report, loader)
        found = [chunk for document in found for chunk in _split(document, size, overlap)]
    return [Document(each.text, each.metadata | own) for each in found]


def _sizes(report: Report, loader: Record) -> tuple[int, int]:
    """The size of chunks and their overlap; a 0 counts as none, so the default is used."""
    if loader["splitterId"] not in node_catalogue.SPLITTERS:
        report(InvalidSplitter("Cannot read properties of undefined (reading 'filePath')"))
    config = loader["splitterConfig"]
    size = positive(config.get("chunkSize"), splitter.CHUNK_SIZE)
    overlap = positive(config.get("chunkOverlap"), splitter.CHUNK_OVERLAP)
    if str(config.get("chunkOverlap", "")).startswith("-"):
        report(InvalidSplitter("Cannot read properties of undefined (reading 'length')"))
    if overlap >= size:
        report(InvalidSplitter("Cannot have chunkOverlap >= chunkSize"))
        overlap = 0  # what a mock without this condition always did
    return size, overlap


def _split(document: Document, size: int, overlap: int) -> list[Document]:
    """The chunks of a document, each with the lines that it comes from."""
    chunks: list[Document] = []
    place = 0
    for chunk in splitter.split(document.text, size, overlap):
        place = max(document.text.find(chunk, max(place, 0)), 0)
        first = document.text.count("\n", 0, place) + 1
        loc = {
            **jsontext.mapping(document.metadata.get("loc")),
            "lines": {"from": first, "to": first + chunk.count("\n")},
        }
        chunks.append(Document(chunk, document.metadata | {"loc": loc}))
        place += 1
    return chunks


def replace_chunks(store: Store, store_id: str, loader: Record, found: list[Document]) -> list[Record]:
    """Store the chunks of a loader in place of its older ones, and set its totals."""
    store.remove_where("chunk", storeId=store_id, docId=loader["id"])
    ids = {"docId": loader["id"], "storeId": store_id}
    chunks = [
        store.create(
            "chunk",
            {**ids, "chunkNo": number, "pageContent": each.text, "metadata": jsontext.dumps(each.metadata)},
        )
        for number, each in enumerate(found, start=1)
    ]
    update_totals(loader, chunks)
    return chunks


def positive(value: Any, default: int) -> int:
    """A positive whole number of a config, in which it may be text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if number > 0 else default


def update_totals(loader: Record, chunks: list[Record]) -> None:
    """Set the numbers of chunks and characters of a loader."""
    loader["totalChunks"] = len(chunks)
    loader["totalChars"] = sum(len(chunk.get("pageContent", "")) for chunk in chunks)


def _configs(item: Record) -> Record:
    """The configs of an item, as the texts that the store has."""
    configs = {part: jsontext.mapping(item.get(part)) for part in _CONFIGS}
    return {
        f"{part}Config": jsontext.dumps({"config": _config(value, "config"), "name": value.get("name", "")})
        for part, value in configs.items()
        if value
    }


def _result(added: list[Record], replaced: int) -> Record:
    return {
        "numAdded": len(added), "numDeleted": replaced, "numUpdated": 0, "numSkipped": 0, "addedDocs": added,
    }  # fmt: skip


def to_document(chunk: Record, with_loader: bool) -> Record:
    """Convert a chunk to a document; its metadata has the id of its loader if `with_loader`."""
    metadata = jsontext.mapping(chunk.get("metadata"))
    if with_loader:
        metadata = {**metadata, "docId": chunk["docId"]}
    return {"pageContent": chunk.get("pageContent", ""), "metadata": metadata}


def _add_history(store: Store, store_id: str, results: list[Record]) -> None:
    names: tuple[str, ...] = ("numAdded", "numDeleted", "numUpdated", "numSkipped")
    if not any("totalKeys" in result for result in results):  # there is no record manager
        names = names[:1]
    counts = {name: sum(result[name] for result in results) for name in names}
    store.create(
        "upserthistory", {"chatflowid": store_id, "result": jsontext.dumps(counts), "flowData": "[]"}
    )


def is_on(value: Any) -> bool:
    """Whether a switch is on; a form sends it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


_TEXT, _COUNT = (str,), (int, float)
_LOADER: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "loaderId": _TEXT, "loaderName": _TEXT, "loaderConfig": (dict,), "splitterId": _TEXT,
    "splitterName": _TEXT, "splitterConfig": (dict,), "totalChunks": _COUNT, "totalChars": _COUNT,
    "storeId": _TEXT, "source": _TEXT, "files": (list,), "credential": _TEXT, "status": _TEXT,
}  # fmt: skip


def valid_fields(loader: Record) -> Record:
    """The known fields of a loader that have a valid type: a client may write any JSON into a store."""
    return {key: loader[key] for key, types in _LOADER.items() if isinstance(loader.get(key), types)}
