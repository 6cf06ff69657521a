"""The documents that a retrieval flow finds: chunks of its document stores, and documents of its loaders."""

from __future__ import annotations

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data, flow_documents
from flowise_mock.flows.call import Call
from flowise_mock.flows.scripted import reply_parts
from flowise_mock.flows.turn import Turn
from flowise_mock.knowledge import ranking
from flowise_mock.knowledge.chunking import positive
from flowise_mock.knowledge.slices import collected
from flowise_mock.state.table import Record

SOURCES = 4
"""The number of documents that a retrieval chain shows."""


def are_shown(turn: Turn) -> bool:
    """Whether the answer shows documents that are to be found; a script may have its own."""
    return _shows_sources(turn.flow) and not reply_parts(turn, "sourceDocuments")


async def find(call: Call, turn: Turn) -> list[Record]:
    """The documents that share most words with the question."""
    chunks = [
        {"pageContent": each.text, "metadata": each.metadata}
        for each in await collected(flow_documents.documents(call.report, turn.flow, {}), call.pause)
    ]
    for store in sorted(flow_data.document_stores(turn.flow), reverse=True):
        chunks = call.store.select("chunk", storeId=store) + chunks
    nodes = flow_data.nodes(turn.flow)
    most = next((node.inputs.get("topK") for node in nodes if node.category == "Vector Stores"), None)
    found = await ranking.rank(chunks, turn.question, call.pause)
    return [_document(chunk) for chunk in found[: positive(most, SOURCES)]]


@flow_data.kept
def _shows_sources(flow: Record) -> bool:
    nodes = flow_data.nodes(flow)
    return any(node.inputs.get("returnSourceDocuments") in (True, "true") for node in nodes)


def _document(chunk: Record) -> Record:
    metadata = jsontext.mapping(chunk.get("metadata"))
    return {"pageContent": chunk.get("pageContent", ""), "metadata": metadata}
