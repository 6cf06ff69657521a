"""The record manager of a vector store: it skips documents that are already indexed.

It works as LangChain's, which Flowise uses: text and metadata identify a document within a namespace. Its
`cleanup` deletes at once; real record managers compare whole seconds.
"""

from __future__ import annotations

from flowise_mock.contract import jsontext
from flowise_mock.state.outcomes import EmptyField, Report
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

STALE_IDS = "ids"
"""The list of what a cleanup deletes."""


def index(store: Store, report: Report, config: Record, default: str, documents: list[Record]) -> Record:
    """Index documents. Returns the counts of an upsert; `addedDocs` are the new documents.

    `config` is that of the record manager in a flow or a store; `default` is the namespace if it has none.
    Reports a document without a source if the cleanup needs it (it is indexed before that is noticed), and
    a cleanup that finds nothing to delete.
    """
    namespace = str(config.get("namespace") or default)
    indexed = {row["key"]: row for row in store.select("record", namespace=namespace)}
    source = str(config.get("sourceIdKey") or "source")
    by_key = {_key(each): each for each in documents}
    added = {key: each for key, each in by_key.items() if key not in indexed}
    for key, each in added.items():
        row = {"namespace": namespace, "key": key, "source": jsontext.dumps(each["metadata"].get(source))}
        store.create("record", row)
    sources = {jsontext.dumps(each["metadata"].get(source)) for each in documents}
    cleanup = config.get("cleanup")
    if cleanup == "incremental" and not all(each["metadata"].get(source) for each in documents):
        report(EmptyField(source))
    stale = [
        row
        for key, row in indexed.items()
        if key not in by_key
        and (cleanup == "full" or (cleanup == "incremental" and row["source"] in sources))
    ]
    if cleanup == "incremental" and documents and not stale:
        report(EmptyField(STALE_IDS))
    deleted = store.remove_records("record", stale)
    return {
        "numAdded": len(added), "numDeleted": deleted, "numUpdated": 0,
        "numSkipped": len(by_key) - len(added), "totalKeys": len(indexed) + len(added) - deleted,
        "addedDocs": list(added.values()),
    }  # fmt: skip


def clear(store: Store, config: Record, default: str) -> None:
    """Delete the records of a namespace, whose vectors are deleted too."""
    store.remove_where("record", namespace=str(config.get("namespace") or default))


def _key(document: Record) -> str:
    return jsontext.dumps([document["pageContent"], document["metadata"]])
