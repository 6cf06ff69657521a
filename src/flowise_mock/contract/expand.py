"""Words of the root that are tables by operation, written into the operations that they name."""

from __future__ import annotations

from flowise_mock.contract.document import Document, DocumentError, operations


def expand(document: Document) -> None:
    """Write `x-permissions` of the root into the operations, in place."""
    table = document.get("x-permissions", {})
    by_id = {each.id: document["paths"][each.path][each.method] for each in operations(document)}
    for operation_id, permissions in table.items():
        if operation_id not in by_id:
            raise DocumentError(f"x-permissions: there is no operation {operation_id!r}")
        by_id[operation_id]["x-permissions"] = permissions.split()
