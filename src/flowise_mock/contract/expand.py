"""Copies what a contract says once at its root into the operations that it applies to."""

from __future__ import annotations

from flowise_mock.contract.document import Document, DocumentError, operations


def expand(document: Document) -> None:
    """Write `x-permissions` and the public paths of `x-server` into the operations, in place."""
    _expand_permissions(document)
    _expand_security(document)


def _expand_permissions(document: Document) -> None:
    by_id = {each.id: each for each in operations(document)}
    for operation_id, permissions in document.get("x-permissions", {}).items():
        if operation_id not in by_id:
            raise DocumentError(f"x-permissions: there is no operation {operation_id!r}")
        found = by_id[operation_id]
        document["paths"][found.path][found.method]["x-permissions"] = permissions.split()


def _expand_security(document: Document) -> None:
    """If a server has public paths, all other paths need a key, whatever an operation says."""
    public = document.get("x-server", {}).get("public-paths")
    if public is None:
        return
    for each in operations(document):
        definition = document["paths"][each.path][each.method]
        definition["security"] = [] if each.path.startswith(tuple(public)) else [{"bearerAuth": []}]
