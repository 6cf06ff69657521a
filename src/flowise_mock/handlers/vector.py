"""Vector upsert: the documents of a flow's own loaders, cut and written to its vector store."""

from flowise_mock import catalogue, documents, flowdata, jsontext
from flowise_mock.call import Call
from flowise_mock.outcomes import Lacks, Several, Unknown
from flowise_mock.prediction import limits
from flowise_mock.store import Record

_WRITTEN = ("Document Loaders", "Text Splitters", "Embeddings", "Vector Stores", "Record Manager")
"""Kinds of nodes that the history tells of."""


async def vector_upsert(call: Call, id: str, body: Record) -> Record:
    flow = call.store.find("chatflow", id)
    limits.check_rate(call, flow)
    call.check_key(flow)
    nodes = flowdata.nodes(flow)
    stores = [node for node in nodes if node.category == "Vector Stores"]
    named = [node for node in stores if node.id == body.get("stopNodeId")]
    if body.get("stopNodeId") and not named:
        call.report(Unknown("stopNodeId", str(body["stopNodeId"])))
    if not stores:
        call.report(Lacks("Chatflow", "vector node"))
    if len(stores) > 1 and not named:
        call.report(Several("vector nodes"))
    stores = named or stores
    texts = [documents.text_of(file) for file in call.files] or _loaded(nodes)
    chunks = [chunk for text in texts for chunk in documents.split(text)] if stores else []
    result: Record = {"numAdded": len(chunks), "numDeleted": 0, "numUpdated": 0, "numSkipped": 0}
    summary = [_summary(node) for node in nodes if node.category in _WRITTEN]
    call.store.create(
        "upserthistory",
        {"chatflowid": id, "result": jsontext.dumps(result), "flowData": jsontext.dumps(summary)},
    )
    return {**result, "addedDocs": [{"pageContent": text, "metadata": {"chatflowid": id}} for text in chunks]}


def _summary(node: flowdata.Node) -> Record:
    """What the history keeps of a node."""
    told = [
        {"label": catalogue.label(name), "name": name, "type": _type(value), "value": value}
        for name, value in node.inputs.items()
        if value not in ("", None) and not str(value).startswith("{{") and not isinstance(value, list)
    ]
    shown = {"label": node.label, "name": node.name, "category": node.category, "id": node.id}
    return {**shown, "paramValues": told}


def _type(value: object) -> str:
    return {bool: "boolean", int: "number", float: "number", dict: "json"}.get(type(value), "string")


def _loaded(nodes: list[flowdata.Node]) -> list[str]:
    """The texts that stand in the flow's document loaders; nothing is fetched."""
    found = (node.inputs.get("text") for node in nodes if node.category == "Document Loaders")
    return [text for text in found if isinstance(text, str)]
