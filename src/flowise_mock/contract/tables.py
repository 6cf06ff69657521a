"""The tables of the store, as a contract's `x-record` and `x-tables` describe them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import Document, DocumentError
from flowise_mock.state.store import Columns, Table


def tables(contract: Document) -> Iterator[Table]:
    """The tables of a contract: one for each schema that has an `x-record`, and those of `x-tables`."""
    for name, table in contract.get("x-tables", {}).items():
        columns = tuple(table["columns"].split())
        seconds = table.get("dates") == "seconds"
        yield Table(
            name, table["noun"], columns, table["made"], order=table.get("order", ""), seconds=seconds
        )
    for name, schema in contract.get("components", {}).get("schemas", {}).items():
        record = schema.get("x-record")
        if record is None:
            continue
        try:
            yield Table(
                record["table"],
                record["noun"],
                tuple(record.get("columns", "").split() or schema["properties"]),
                record.get("made", {}),
                record.get("defaults", {}),
                record.get("order", ""),
                record.get("seed", ""),
                record.get("dates") == "seconds",
                _database(record),
            )
        except KeyError as missing:
            raise DocumentError(f"x-record of schema {name} lacks {missing}") from None


def _database(record: dict[str, Any]) -> Columns | None:
    """The database that an `x-record` names with its `entity`."""
    if "entity" not in record:
        return None
    named = {
        key: tuple(record.get(key, "").split())
        for key in ("required", "nulls", "flags", "unread", "reread", "steady")
    }
    return Columns(
        record["entity"], **named, echoes=bool(record.get("echoes")), ids=record.get("ids", "made")
    )
