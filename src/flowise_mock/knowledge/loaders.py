"""The loaders of a document store: their documents, and the chunks of these.

A store has its loaders as JSON text, as sent. A text that cannot be read is an empty list.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.knowledge import documents, file_inputs, node_catalogue, record_manager
from flowise_mock.knowledge.chunking import all_chunks
from flowise_mock.knowledge.documents import Document
from flowise_mock.knowledge.file_inputs import STORED
from flowise_mock.knowledge.files import Upload, field_of
from flowise_mock.knowledge.files import store as store_file
from flowise_mock.knowledge.slices import Pause, beside, collected, never
from flowise_mock.state.outcomes import InvalidChoice, LoaderNotFound, Outcome, Report, UnknownComponent
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

UPSERTED, UPSERTING, SYNC = "UPSERTED", "UPSERTING", "SYNC"
"""The states of a store or loader: written to the vector store, being written, or not yet."""
_CONFIGS = ("embedding", "vectorStore", "recordManager")


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


async def upsert(
    store: Store,
    report: Report,
    target: Record,
    items: list[Record],
    files: list[Upload],
    pause: Pause = never,
    *,
    with_loader: bool,
) -> list[Record]:
    """Load, split and store the documents of each item. Returns a result per item; adds a row of history.

    `with_loader` puts the id of its loader into the metadata of each document.
    """
    kept = await beside(len(str(target.get("loaders"))), loaders_of, target)
    loaders = {loader["id"]: loader for loader in kept}
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
            found = files or load_files(store, target["id"], stored)
            split = await all_chunks(report, loader, found, pause)
        except Outcome:
            _store_failed(store, target["id"], list(loaders.values()), loader, files)
            raise
        rows = await collected(chunk_rows(target["id"], loader, split), pause)
        documents = await collected(
            (to_document(row, with_loader) for row in rows if row["pageContent"]), pause
        )
        target, replaced = await replace_chunks(store, target["id"], loader, rows, pause)
        changes |= _configs(item)
        config = _manager(target, item, stored)
        if config is None:
            result = _result(documents, replaced)
        else:
            target = store.change("documentstore", target["id"], {**changes, "status": UPSERTING})
            result = index(store, report, target, config, documents)
        results.append(result | {"docId": loader["id"]})
    changes |= {"status": UPSERTED}
    store.change("documentstore", target["id"], changes)
    check_components(report, {**target, **changes})
    _check_namespace(report, {**target, **changes})
    _add_history(store, {**target, **changes}, results)
    return results


def index(store: Store, report: Report, target: Record, config: Record, documents: list[Record]) -> Record:
    """Index documents by the record manager with this config. Only Chroma refuses a cleanup of nothing."""
    is_chroma = _config(target, "vectorStoreConfig").get("name") == "chroma"

    def reported(found: Outcome) -> None:
        if is_chroma or getattr(found, "field", "") != record_manager.STALE_IDS:
            report(found)

    return record_manager.index(store, reported, config, target["id"], documents)


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
    config = {**_config(stored, "loaderConfig"), **_config(sent, "config"), **_metadata(item)}
    return {
        **stored,
        "id": id,
        "loaderId": name,
        "loaderName": str(stored.get("loaderName") or node_catalogue.label(name)),
        "loaderConfig": config | stored_names(name, config, files),
        "splitterId": str(splitter.get("name") or stored.get("splitterId") or ""),
        "splitterName": node_catalogue.label(str(splitter.get("name") or stored.get("splitterId") or "")),
        "splitterConfig": {**_config(stored, "splitterConfig"), **_config(splitter, "config")},
        "totalChunks": 0,
        "totalChars": 0,
        "status": SYNC,
        **({"files": [_file_entry(store, file) for file in files]} if files else {}),
    }


def stored_names(loader: str, config: Record, files: list[Upload]) -> Record:
    """The inputs of a loader whose files are stored now, with their names."""
    names: dict[str, list[str]] = {}
    given = file_inputs.inputs_of(loader, config)
    for file in files:
        names.setdefault(given[0] if len(given) == 1 else field_of(file.name), []).append(file.name)
    return {field: f"{STORED}{jsontext.dumps(each)}" for field, each in names.items()}


def keep_files(store: Store, store_id: str, loader: Record, files: list[Upload]) -> Record:
    """Store the files that the config of a loader holds. Returns the loader with their names."""
    if not files:
        return loader
    for file in files:
        store_file(store, store_id, loader["id"], file)
    config = loader["loaderConfig"] | stored_names(loader["loaderId"], loader["loaderConfig"], files)
    return {**loader, "loaderConfig": config, "files": [_file_entry(store, file) for file in files]}


async def opened_files(loader: str, config: Record, files: list[Upload]) -> list[Upload]:
    """The files of a request, or those that the config of a loader holds, with their slow part done."""
    return await documents.opened(files or file_inputs.sent_files(loader, config), loader)


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
        "totalChunks": 0,
        "totalChars": 0,
        "status": SYNC,
    }


def check_components(report: Report, target: Record) -> None:
    """Report a part of a store whose node does not exist."""
    for part, known in node_catalogue.COMPONENTS.items():
        name = _config(target, f"{part}Config").get("name")
        if name and str(name) not in known:
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


def chunk_rows(store_id: str, loader: Record, found: Iterable[Document]) -> Iterator[Record]:
    """The chunks of a loader, numbered from 1, as `replace_chunks` stores them."""
    ids = {"docId": loader["id"], "storeId": store_id}
    for number, each in enumerate(found, start=1):
        metadata = jsontext.dumps(each.metadata)
        yield {**ids, "chunkNo": number, "pageContent": each.text, "metadata": metadata}


async def replace_chunks(
    store: Store, store_id: str, loader: Record, rows: Iterable[Record], pause: Pause = never
) -> tuple[Record, int]:
    """Store the chunks of a loader in place of its older ones, and keep it in its store with its totals.

    They are made with pauses and stored without one: a client that leaves, or another request, never sees a
    part of them. Returns the store, and the number of the older chunks. Raises NotFound.
    """
    batch = store.batch("chunk")
    update_totals(loader, await collected((store.create_in(batch, row) for row in rows), pause))
    size = sum(len(value) for value in loader["loaderConfig"].values() if isinstance(value, str))
    before: Any = ()
    while store.find("documentstore", store_id).get("loaders") is not before:
        before = store.find("documentstore", store_id).get("loaders")
        text = await beside(size + len(str(before)), _with_loader, before, loader)
    replaced = store.remove_where("chunk", storeId=store_id, docId=loader["id"])
    store.add(batch)
    return store.change("documentstore", store_id, {"loaders": text}), replaced


def _with_loader(kept: Any, loader: Record) -> str:
    """The loaders of a store as text, with one that is changed or added."""
    known = {each["id"]: each for each in loaders_of({"loaders": kept})}
    known[loader["id"]] = loader
    return jsontext.dumps(list(known.values()))


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


def _add_history(store: Store, target: Record, results: list[Record]) -> None:
    names: tuple[str, ...] = ("numAdded", "numDeleted", "numUpdated", "numSkipped")
    if not any("totalKeys" in result for result in results):  # there is no record manager
        names = names[:1]
    counts = {name: sum(result[name] for result in results) for name in names}
    store.create(
        "upserthistory",
        {
            "chatflowid": target["id"],
            "result": jsontext.dumps(counts),
            "flowData": jsontext.dumps(_parts_of(target)),
        },
    )


_PART_CATEGORIES = {
    "embedding": "Embeddings", "vectorStore": "Vector Stores", "recordManager": "Record Manager",
}  # fmt: skip


def _parts_of(target: Record) -> list[Record]:
    """The parts of a store as the nodes of a flow, for the history."""
    parts = {part: _config(target, f"{part}Config") for part in _CONFIGS}
    return [
        node_catalogue.summary(
            node_catalogue.label(str(part["name"])),
            str(part["name"]),
            _PART_CATEGORIES[name],
            f"{part['name']}_0",
            {key: value for key, value in _config(part, "config").items() if key != "credential"},
        )
        for name, part in parts.items()
        if part.get("name")
    ]


def is_on(value: Any) -> bool:
    """Whether a switch is on; a form sends it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


_TEXT, _COUNT = (str,), (int, float)
_LOADER: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "loaderId": _TEXT, "loaderName": _TEXT, "loaderConfig": (dict,), "splitterId": _TEXT,
    "splitterName": _TEXT, "splitterConfig": (dict,), "totalChunks": _COUNT, "totalChars": _COUNT,
    "status": _TEXT, "files": (list,), "storeId": _TEXT, "source": _TEXT, "credential": _TEXT,
}  # fmt: skip


def valid_fields(loader: Record) -> Record:
    """The known fields of a loader that have a valid type: a client may write any JSON into a store."""
    return {key: loader[key] for key, types in _LOADER.items() if isinstance(loader.get(key), types)}
