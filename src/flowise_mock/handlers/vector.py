"""Vector upsert: the documents of a flow's own loaders, cut and written to its vector store."""

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data, limits
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import node_catalogue, record_manager, splitter
from flowise_mock.knowledge.files import text_of
from flowise_mock.state.outcomes import AmbiguousPart, InvalidChoice, MissingPart, WrongType
from flowise_mock.state.table import Record

_WRITTEN = ("Document Loaders", "Text Splitters", "Embeddings", "Vector Stores", "Record Manager")
"""Kinds of nodes that the history tells of."""


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
    loaded: list[tuple[Record, str]] = _loaded(nodes, body)
    loaded = loaded or [({}, text_of(file)) for file in call.files]
    found = [
        {"pageContent": chunk, "metadata": known}
        for known, text in loaded
        for chunk in splitter.split(text)
        if stores
    ]
    manager = next((node for node in nodes if node.category == "Record Manager"), None)
    result: Record = {"numAdded": len(found), "numDeleted": 0, "numUpdated": 0, "numSkipped": 0}
    told = {"numAdded": len(found)}
    if manager:
        result = record_manager.indexed(call.store, manager.inputs, id, found)
        found = result.pop("addedDocs")
        told = dict(result)
    summary = [_summary(node) for node in nodes if node.category in _WRITTEN]
    call.store.create(
        "upserthistory",
        {"chatflowid": id, "result": jsontext.dumps(told), "flowData": jsontext.dumps(summary)},
    )
    return {**result, "addedDocs": found}


def _summary(node: flow_data.Node) -> Record:
    """What the history keeps of a node."""
    told = [
        {"label": node_catalogue.label(name), "name": name, "type": _type(value), "value": value}
        for name, value in node.inputs.items()
        if value not in ("", None) and not str(value).startswith("{{") and not isinstance(value, list)
    ]
    shown = {"label": node.label, "name": node.name, "category": node.category, "id": node.id}
    return {**shown, "paramValues": told}


def _type(value: object) -> str:
    return {bool: "boolean", int: "number", float: "number", dict: "json"}.get(type(value), "string")


def _loaded(nodes: list[flow_data.Node], body: Record) -> list[tuple[Record, str]]:
    """What is known of the texts in the flow's document loaders, and the texts; nothing is fetched."""
    override = jsontext.mapping(body.get("overrideConfig"))
    return [
        (jsontext.mapping(node.inputs.get("metadata")), text)
        for node in nodes
        if node.category == "Document Loaders"
        and isinstance(text := override.get("text") or node.inputs.get("text"), str)
    ]
