"""Vector upsert: splits the documents of a flow's loaders and indexes them in its vector store."""

from collections.abc import Sequence

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data, limits
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import node_catalogue, record_manager, splitter
from flowise_mock.knowledge.files import plain_text
from flowise_mock.state.outcomes import AmbiguousPart, InvalidChoice, MissingPart, WrongType
from flowise_mock.state.table import Record

_IN_HISTORY = ("Document Loaders", "Text Splitters", "Embeddings", "Vector Stores", "Record Manager")
"""The categories of nodes that the history shows."""


async def vector_upsert(call: Call, id: str, body: Record) -> Record:
    flow = call.store.find("chatflow", id)
    limits.check_rate(call, flow)
    call.check_key(flow)
    nodes = flow_data.nodes(flow)
    stores = [node for node in nodes if node.category == "Vector Stores"]
    named = [node for node in stores if node.id == body.get("stopNodeId")]
    if body.get("stopNodeId") and not named:
        if any(node.id == body["stopNodeId"] for node in nodes):
            call.report(WrongType("stopNodeId"))
        call.report(InvalidChoice("stopNodeId", str(body["stopNodeId"])))
    if not stores:
        call.report(MissingPart("Chatflow", "vector node"))
    if len(stores) > 1 and not named:
        call.report(AmbiguousPart("vector nodes"))
    stores = named or stores
    texts: list[tuple[Record, str]] = _texts(nodes, body)
    texts = texts or [({}, plain_text(file)) for file in call.files]
    documents = [
        {"pageContent": chunk, "metadata": metadata}
        for metadata, text in texts
        for chunk in splitter.split(text)
        if stores
    ]
    manager = next((node for node in nodes if node.category == "Record Manager"), None)
    result: Record = {"numAdded": len(documents), "numDeleted": 0, "numUpdated": 0, "numSkipped": 0}
    counts = {"numAdded": len(documents)}
    if manager:
        result = record_manager.index(call.store, manager.inputs, id, documents)
        documents = result.pop("addedDocs")
        counts = dict(result)
    summary = [_summary(node) for node in nodes if node.category in _IN_HISTORY]
    call.store.create(
        "upserthistory",
        {"chatflowid": id, "result": jsontext.dumps(counts), "flowData": jsontext.dumps(summary)},
    )
    return {**result, "addedDocs": documents}


def _summary(node: flow_data.Node) -> Record:
    """The data of a node in the history."""
    values = [
        {"label": node_catalogue.label(name), "name": name, "type": _type(value), "value": value}
        for name, value in node.inputs.items()
        if value not in ("", None) and not str(value).startswith("{{") and not isinstance(value, list)
    ]
    summary = {"label": node.label, "name": node.name, "category": node.category, "id": node.id}
    return {**summary, "paramValues": values}


def _type(value: object) -> str:
    return {bool: "boolean", int: "number", float: "number", dict: "json"}.get(type(value), "string")


def _texts(nodes: Sequence[flow_data.Node], body: Record) -> list[tuple[Record, str]]:
    """The metadata and the text of each document loader that has a text; nothing is fetched."""
    override = jsontext.mapping(body.get("overrideConfig"))
    return [
        (jsontext.mapping(node.inputs.get("metadata")), text)
        for node in nodes
        if node.category == "Document Loaders"
        and isinstance(text := override.get("text") or node.inputs.get("text"), str)
    ]
