"""Vector upsert: splits the documents of a flow's loaders and indexes them in its vector store."""

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data, flow_documents, limits
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import files, node_catalogue, record_manager
from flowise_mock.knowledge.slices import collected
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
    override = jsontext.mapping(body.get("overrideConfig"))
    for file in call.files:
        files.check(call.report, file.name, file.type)
    found = flow_documents.documents(call.report, flow, override, call.files) if stores else ()
    documents = [
        {"pageContent": document.text, "metadata": document.metadata}
        for document in await collected(found, call.pause)
    ]
    manager = next((node for node in nodes if node.category == "Record Manager"), None)
    result: Record = {"numAdded": len(documents), "numDeleted": 0, "numUpdated": 0, "numSkipped": 0}
    counts = {"numAdded": len(documents)}
    if manager:
        result = record_manager.index(call.store, call.report, manager.inputs, id, documents)
        documents = result.pop("addedDocs")
        counts = dict(result)
    summary = [
        node_catalogue.summary(node.label, node.name, node.category, node.id, node.inputs)
        for node in nodes
        if node.category in _IN_HISTORY
    ]
    call.store.create(
        "upserthistory",
        {"chatflowid": id, "result": jsontext.dumps(counts), "flowData": jsontext.dumps(summary)},
    )
    return {**result, "addedDocs": documents}
