"""The table of the operations of a server: which are described, have a fixed answer, or are not imitated."""

from __future__ import annotations

from collections.abc import Iterator

from flowise_mock.contract.document import Document, operations

DESCRIBED, FIXED, NOT_IMITATED = "described", "fixed answer", "not imitated"


def kinds(document: Document) -> dict[str, str]:
    """Each operation as method and path, with how it is answered."""
    found = {f"{each.method.upper()} {each.path}": DESCRIBED for each in operations(document)}
    for operation, entry in document.get("x-other-operations", {}).items():
        found.setdefault(operation, FIXED if isinstance(entry, dict) else NOT_IMITATED)
    return found


def operation_table(document: Document) -> Iterator[str]:
    """The lines of the table, and the totals."""
    found = kinds(document)
    for operation, kind in sorted(found.items(), key=lambda item: (item[0].split()[1], item[0])):
        yield f"{kind:13} {operation}"
    counts = [f"{list(found.values()).count(kind)} {kind}" for kind in (DESCRIBED, FIXED, NOT_IMITATED)]
    yield f"{len(found)} operations: {', '.join(counts)}"
