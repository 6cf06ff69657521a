"""The loaders of a document store: what they load, and the chunks that it is cut into.

A store keeps its loaders as JSON text, as sent. A text that cannot be read is an empty list.
"""

from __future__ import annotations

import re
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.knowledge import node_catalogue, record_manager, splitter
from flowise_mock.knowledge.files import Upload, field_of, text_of
from flowise_mock.state.outcomes import InvalidChoice, LoaderNotFound, Report
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

UPSERTED, SYNC = "UPSERTED", "SYNC"
"""The states of a store or loader: written to the vector store, or not yet."""
SPLITTER = "TextSplitter"
"""How the names of all splitters end; with another name nothing is split."""
_CONFIGS = ("embedding", "vectorStore", "recordManager")
_STORED = "FILE-STORAGE::"
"""Before the names of files in a loader's config."""


def of(target: Record) -> list[Record]:
    """The loaders of a store."""
    found = jsontext.sequence(target.get("loaders"))
    return [dict(each) for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)]


def find(target: Record, id: str) -> Record:
    """The loader of a store with that id, else NoLoader."""
    for loader in of(target):
        if loader["id"] == id:
            return loader
    raise LoaderNotFound("Document loader", id, str(target.get("name")))


def source(loader: Record) -> str:
    """Where the documents of a loader come from, as far as it can be told."""
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
    """Load, split and store the documents of each item: one result each, and one row of history.

    `with_loader` puts the id of its loader into the metadata of each document.
    """
    loaders = {loader["id"]: loader for loader in of(target)}
    for item in items:
        if item.get("docId") and str(item["docId"]) not in loaders:
            raise LoaderNotFound("Document loader", str(item["docId"]), str(target.get("name")))
    changes: Record = {}
    results = []
    for item in items:
        kept = loaders.get(item.get("docId") or "", {})
        loader = _prepared(store, target["id"], kept, item, files)
        if loader is None:
            results.append(_result([], 0) | {"docId": ""})
            continue
        texts = _texts(loader, files or _kept_files(store, target["id"], kept))
        replaced = store.remove_where("chunk", storeId=target["id"], docId=loader["id"])
        chunks = _cut(store, target["id"], loader, texts)
        count(loader, chunks)
        loaders[loader["id"]] = loader
        changes |= _configs(target, item)
        found = [document(chunk, with_loader) for chunk in chunks]
        config = _manager(target, item, kept)
        if config is None:
            result = _result(found, replaced)
        else:
            result = record_manager.indexed(store, config, target["id"], found)
        results.append(result | {"docId": loader["id"]})
    changes |= {"loaders": jsontext.dumps(list(loaders.values())), "status": UPSERTED}
    store.change("documentstore", target["id"], changes)
    _check_namespace(report, {**target, **changes})
    _remember(store, target["id"], results)
    return results


def _manager(target: Record, item: Record, kept: Record) -> Record | None:
    """The config of the record manager that an item brings, or that the store of a kept loader has."""
    manager = _config(item, "recordManager")
    if manager.get("name"):
        return _config(manager, "config")
    return manager_of(target) if kept and _config(target, "recordManagerConfig") else None


def manager_of(target: Record) -> Record:
    """The config of a store's record manager."""
    return _config(_config(target, "recordManagerConfig"), "config")


def _check_namespace(report: Report, target: Record) -> None:
    """Report a record manager whose namespace is more than letters, digits, lines and dashes."""
    namespace = manager_of(target).get("namespace")
    if isinstance(namespace, str) and not re.fullmatch(r"[A-Za-z0-9_-]*", namespace):
        report(InvalidChoice("namespace", namespace))


def _prepared(store: Store, store_id: str, kept: Record, item: Record, files: list[Upload]) -> Record | None:
    """The loader that an item asks for, made from the kept one; None where there is nothing to load."""
    asked, splitter = (jsontext.mapping(item.get(part)) for part in ("loader", "splitter"))
    name = asked.get("name") or kept.get("loaderId") or ("file" if files else None)
    if not isinstance(name, str):
        return None
    same = bool(kept) and is_on(item.get("replaceExisting"))
    id = kept["id"] if same else store.new_id()
    for file in files:
        store.create(
            "file",
            {"chatflowid": store_id, "chatId": id, "name": file.name, "type": file.type, "data": file.data},
        )
    stored = {field_of(file.name): f"{_STORED}{jsontext.dumps([file.name])}" for file in files}
    return {
        **kept,
        "id": id,
        "loaderId": name,
        "loaderName": str(kept.get("loaderName") or node_catalogue.label(name)),
        "loaderConfig": {
            **_config(kept, "loaderConfig"),
            **_config(asked, "config"),
            **stored,
            **_known(item),
        },
        "splitterId": str(splitter.get("name") or kept.get("splitterId") or ""),
        "splitterName": node_catalogue.label(str(splitter.get("name") or kept.get("splitterId") or "")),
        "splitterConfig": {**_config(kept, "splitterConfig"), **_config(splitter, "config")},
        "status": SYNC,
        **({"files": [_stored_file(store, file) for file in files]} if files else {}),
    }


def _known(item: Record) -> Record:
    """What an item says of its documents, which the loader keeps."""
    metadata = jsontext.mapping(item.get("metadata"))
    return {"metadata": metadata} if metadata else {}


def _config(holder: Record, key: str) -> Record:
    return jsontext.mapping(holder.get(key))


def _stored_file(store: Store, file: Upload) -> Record:
    return {
        "id": store.new_id(), "name": file.name, "mimePrefix": file.type,
        "size": len(file.data), "status": "NEW", "uploaded": store.now(),
    }  # fmt: skip


def _texts(loader: Record, files: list[Upload]) -> list[str]:
    """The documents a loader yields: the files, its text, or what else its config says in words.

    Nothing is fetched: a loader of web pages yields its address, which can be searched all the same.
    """
    if files:
        return [text_of(file) for file in files]
    config = loader["loaderConfig"]
    if isinstance(config.get("text"), str):
        return [config["text"]]
    said = "\n".join(value for value in config.values() if isinstance(value, str))
    return [said] if said else []


def _kept_files(store: Store, store_id: str, kept: Record) -> list[Upload]:
    """The files that a loader was given before."""
    found = store.select("file", chatflowid=store_id, chatId=kept.get("id") or "none")
    return [Upload(each["name"], each["type"], each["data"]) for each in found]


def _cut(store: Store, store_id: str, loader: Record, texts: list[str]) -> list[Record]:
    metadata = jsontext.mapping(loader["loaderConfig"].get("metadata"))
    if loader["splitterId"].endswith(SPLITTER):
        config = loader["splitterConfig"]
        size = positive(config.get("chunkSize"), splitter.CHUNK_SIZE)
        overlap = positive(config.get("chunkOverlap"), splitter.CHUNK_OVERLAP)
        texts = [chunk for text in texts for chunk in splitter.split(text, size, overlap)]
        metadata = {"loc": {"lines": {"from": 1, "to": 1}}, **metadata}
    if loader.get("files"):
        metadata = {"source": "blob", "blobType": "", **metadata}
    told = jsontext.dumps(metadata)
    return [
        store.create(
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


def positive(value: Any, default: int) -> int:
    """A positive whole number out of a config, where it may be text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if number > 0 else default


def count(loader: Record, chunks: list[Record]) -> None:
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


def _result(found: list[Record], replaced: int) -> Record:
    return {
        "numAdded": len(found), "numDeleted": replaced, "numUpdated": 0, "numSkipped": 0, "addedDocs": found,
    }  # fmt: skip


def document(chunk: Record, with_loader: bool) -> Record:
    """A chunk as a document; its metadata names its loader if `with_loader`."""
    metadata = jsontext.mapping(chunk.get("metadata"))
    if with_loader:
        metadata = {**metadata, "docId": chunk["docId"]}
    return {"pageContent": chunk.get("pageContent", ""), "metadata": metadata}


def _remember(store: Store, store_id: str, results: list[Record]) -> None:
    told = ("numAdded", "numDeleted", "numUpdated", "numSkipped")
    managed = any("totalKeys" in result for result in results)
    counts = {count: sum(result[count] for result in results) for count in (told if managed else told[:1])}
    store.create(
        "upserthistory", {"chatflowid": store_id, "result": jsontext.dumps(counts), "flowData": "[]"}
    )


def is_on(value: Any) -> bool:
    """Whether a switch is on, which a form has as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


_TEXT, _COUNT = (str,), (int, float)
_LOADER: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "loaderId": _TEXT, "loaderName": _TEXT, "loaderConfig": (dict,), "splitterId": _TEXT,
    "splitterName": _TEXT, "splitterConfig": (dict,), "totalChunks": _COUNT, "totalChars": _COUNT,
    "storeId": _TEXT, "source": _TEXT, "credential": _TEXT, "status": _TEXT,
}  # fmt: skip


def typed(loader: Record) -> Record:
    """A loader as its page shows it: a client may have written anything into the text it stands in."""
    return {key: loader[key] for key, types in _LOADER.items() if isinstance(loader.get(key), types)}
