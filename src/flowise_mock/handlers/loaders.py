"""Loaders: documents are previewed, saved and processed, and written to the vector store, step by step."""

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows.call import Call
from flowise_mock.handlers import document_store
from flowise_mock.knowledge import documents, file_inputs, loaders, node_catalogue
from flowise_mock.knowledge.chunking import all_chunks, positive
from flowise_mock.knowledge.slices import collected
from flowise_mock.state.outcomes import InvalidChoice, UnknownComponent, WrongType
from flowise_mock.state.table import Record


async def preview_file_chunks(call: Call, body: Record) -> Record:
    id = v8.text(body["storeId"]) if body.get("storeId") else ""
    if id and call.store.get("documentstore", id) is None:
        call.report(InvalidChoice("storeId", id))
    if not isinstance(body.get("loaderConfig"), dict):
        call.report(WrongType("loaderConfig"))
    loader = loaders.of_config(call.store, body)
    files = await loaders.opened_files(loader["loaderId"], loader["loaderConfig"], [])
    chunks = await all_chunks(call.report, loader, files, call.pause)
    shown = [{"pageContent": each.text, "metadata": each.metadata} for each in chunks]
    count = min(positive(body.get("previewChunkCount"), 0) or len(shown), len(shown))
    counted = {"previewChunkCount": count} if body.get("previewChunkCount") or not shown else {}
    return {"chunks": shown[:count], "totalChunks": len(shown), **counted}


async def save_processing_loader(call: Call, body: Record) -> Record:
    target = _store(call, body)
    loader = {**loaders.of_config(call.store, body), "status": "SYNCING"}
    loader = {key: value for key, value in loader.items() if key in body or key not in _FROM_BODY}
    others = [each for each in loaders.loaders_of(target) if each["id"] != loader["id"]]
    call.store.change("documentstore", target["id"], {"loaders": jsontext.dumps([*others, loader])})
    return {**loader, "source": loaders.source(loader)}


_FROM_BODY = ("loaderId", "loaderName", "loaderConfig", "splitterId", "splitterName", "splitterConfig")


async def process_loader(call: Call, id: str, body: Record) -> Record:
    """Load and split what the body describes. The stored loader keeps its other fields."""
    target = _store(call, body)
    known = {each["id"]: each for each in loaders.loaders_of(target)}
    if not isinstance(body.get("loaderConfig"), dict):
        call.report(WrongType("loaderConfig"))
    if id not in known:
        call.report(WrongType("loaderId"))
    loader = {**known.get(id, {}), **loaders.of_config(call.store, {**known.get(id, {}), **body, "id": id})}
    sent = file_inputs.sent_files(loader["loaderId"], loader["loaderConfig"])
    loader = loaders.keep_files(call.store, target["id"], loader, sent)
    stored = loaders.load_files(call.store, target["id"], loader)
    files = await documents.opened(sent or stored, loader["loaderId"])
    split = await all_chunks(call.report, loader, files, call.pause)
    changed = ("loaderConfig", "files") if sent else ()
    kept = known.get(id, loader) | {name: loader[name] for name in changed} | {"status": loaders.SYNC}
    rows = await collected(loaders.chunk_rows(target["id"], kept, split), call.pause)
    await loaders.replace_chunks(call.store, target["id"], kept, rows, call.pause)
    return document_store.page_of_chunks(call, target["id"], id, 1)


async def save_vector_store_config(call: Call, body: Record) -> Record:
    return _configure(call, body)


async def insert_into_vector_store(call: Call, body: Record) -> Record:
    """Insert the chunks of a store, or of one loader. A part that is not sent is used a last time."""
    before = _store(call, body)
    target = _configure(call, body)
    used = before | {column: target[column] for column in _COLUMNS if target.get(column)}
    if not used.get("vectorStoreConfig"):
        call.report(UnknownComponent("vectorStore", ""))
    loaders.check_components(call.report, used)
    chosen = {"docId": v8.text(body["docId"])} if body.get("docId") else {}
    chunks = call.store.select("chunk", storeId=target["id"], **chosen)
    added = [loaders.to_document(each, document_store.has_loader_ids(call)) for each in chunks]
    result: Record = {"numAdded": len(added), "addedDocs": added}
    if used.get("recordManagerConfig"):
        result = loaders.index(call.store, call.report, used, loaders.manager_of(used), added)
    call.store.change("documentstore", target["id"], {"status": loaders.UPSERTED})
    return {**result, "totalChars": 0, "totalChunks": 0, "whereUsed": []}


_COLUMNS = ("embeddingConfig", "vectorStoreConfig", "recordManagerConfig")


async def update_vector_store_config_only(call: Call, body: Record) -> Record:
    return _configure(call, body)


async def get_doc_store_configs(call: Call, store_id: str, loader_id: str) -> list[Record]:
    loader = loaders.find(call.store.find("documentstore", store_id), loader_id)
    return [
        {"node": label, "nodeId": f"{name}_0", **input}
        for name, label in (
            (loader.get("loaderId"), node_catalogue.label(str(loader.get("loaderId")))),
            (loader.get("splitterId"), node_catalogue.label(str(loader.get("splitterId")))),
        )
        if name
        for input in node_catalogue.overridable(str(name))
    ]


def _store(call: Call, body: Record) -> Record:
    """The store of a body; the oldest one if it names none."""
    if body.get("storeId") is None:
        return document_store.oldest_store(call)
    return call.store.find("documentstore", v8.text(body["storeId"]))


def _configure(call: Call, body: Record) -> Record:
    """Store the configs of a body. A part without a name loses its config, unless one is sent for it."""
    target = _store(call, body)
    columns: Record = {}
    for part in ("embedding", "vectorStore", "recordManager"):
        name, config = body.get(f"{part}Name"), jsontext.mapping(body.get(f"{part}Config"))
        if name:
            columns[f"{part}Config"] = jsontext.dumps({"config": config, "name": name})
        elif not config:
            columns[f"{part}Config"] = None
    if target.get("status") != loaders.UPSERTED and any(columns.values()):
        columns["status"] = loaders.SYNC
    return call.store.change("documentstore", target["id"], columns)
