"""The record manager of a vector store: it knows what is written, so that nothing is written twice.

As LangChain's, which Flowise uses: documents are told apart by their text and metadata, within a
namespace. What its `cleanup` takes away is gone at once, where real ones look at whole seconds.
"""

from __future__ import annotations

from flowise_mock.contract import jsontext
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record


def indexed(store: Store, config: Record, default: str, found: list[Record]) -> Record:
    """Write down `found`, and return what an upsert counts; `addedDocs` are those that were new.

    `config` is the record manager's, as a flow or a store keeps it; `default` is the namespace of one
    that names none.
    """
    namespace = str(config.get("namespace") or default)
    held = {row["key"]: row for row in store.select("record", namespace=namespace)}
    source = str(config.get("sourceIdKey") or "source")
    asked = {_key(each): each for each in found}
    added = {key: each for key, each in asked.items() if key not in held}
    for key, each in added.items():
        told = jsontext.dumps(each["metadata"].get(source))
        store.create("record", {"namespace": namespace, "key": key, "source": told})
    sources = {jsontext.dumps(each["metadata"].get(source)) for each in found}
    cleanup = config.get("cleanup")
    stale = [
        row
        for key, row in held.items()
        if key not in asked and (cleanup == "full" or (cleanup == "incremental" and row["source"] in sources))
    ]
    gone = store.remove_records("record", stale)
    return {
        "numAdded": len(added), "numDeleted": gone, "numUpdated": 0, "numSkipped": len(asked) - len(added),
        "totalKeys": len(held) + len(added) - gone, "addedDocs": list(added.values()),
    }  # fmt: skip


def forget(store: Store, config: Record, default: str) -> None:
    """Forget all of a namespace, as where its vectors are deleted."""
    store.remove_where("record", namespace=str(config.get("namespace") or default))


def _key(document: Record) -> str:
    return jsontext.dumps([document["pageContent"], document["metadata"]])
