"""Vector upsert: the documents of a flow's own loaders, cut and written to its vector store."""

from flowise_mock import documents, flowdata, jsontext
from flowise_mock.call import Call
from flowise_mock.outcomes import Lacks
from flowise_mock.prediction import limits
from flowise_mock.store import Record


async def vector_upsert(call: Call, id: str, body: Record) -> Record:
    flow = call.store.find("chatflow", id)
    limits.check_rate(call, flow)
    call.check_key(flow)
    nodes = flowdata.nodes(flow)
    stores = [node for node in nodes if node.category == "Vector Stores"]
    if body.get("stopNodeId"):
        stores = [node for node in stores if node.id == body["stopNodeId"]] or stores
    if not stores:
        call.report(Lacks("Chatflow", "vector store node"))
    texts = [documents.text_of(file) for file in call.files] or _loaded(nodes)
    chunks = [chunk for text in texts for chunk in documents.split(text)] if stores else []
    result: Record = {"numAdded": len(chunks), "numDeleted": 0, "numUpdated": 0, "numSkipped": 0}
    summary = [
        {"label": node.label, "name": node.name, "category": node.category, "id": node.id} for node in stores
    ]
    call.store.create(
        "upserthistory",
        {"chatflowid": id, "result": jsontext.dumps(result), "flowData": jsontext.dumps(summary)},
    )
    return {**result, "addedDocs": [{"pageContent": text, "metadata": {"chatflowid": id}} for text in chunks]}


def _loaded(nodes: list[flowdata.Node]) -> list[str]:
    """The texts that stand in the flow's document loaders; nothing is fetched."""
    found = (node.inputs.get("text") for node in nodes if node.category == "Document Loaders")
    return [text for text in found if isinstance(text, str)]
