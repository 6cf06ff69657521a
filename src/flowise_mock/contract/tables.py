"""The tables of the store, as a contract's `x-record` and `x-tables` describe them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import Document, DocumentError
from flowise_mock.state.table import Database, Table


def tables(contract: Document) -> Iterator[Table]:
    """The tables of a contract: one for each schema that has an `x-record`, and those of `x-tables`."""
    for name, table in contract.get("x-tables", {}).items():
        yield _table(name, table, ())
    for name, schema in contract.get("components", {}).get("schemas", {}).items():
        if "x-record" in schema:
            try:
                yield _table(schema["x-record"]["table"], schema["x-record"], tuple(schema["properties"]))
            except KeyError as missing:
                raise DocumentError(f"x-record of schema {name} lacks {missing}") from None


def _table(name: str, record: Document, properties: tuple[str, ...]) -> Table:
    return Table(
        name,
        record["noun"],
        tuple(record.get("columns", "").split()) or properties,
        record.get("generated", {}),
        record.get("defaults", {}),
        record.get("order", ""),
        record.get("seed", ""),
        record.get("dates") == "seconds",
        _database(record),
        tuple(tuple(index.split("+")) for index in record.get("indexes", "").split()),
        record.get("keep"),
        record.get("initial", {}),
    )


def _database(record: dict[str, Any]) -> Database | None:
    """The database that an `x-record` names with its `entity`."""
    if "entity" not in record:
        return None
    named = {
        key.replace("-", "_"): tuple(record.get(key, "").split())
        for key in ("required", "null-if-missing", "booleans", "write-only", "return-stored", "ignore-null")
    }
    return Database(
        record["entity"],
        **named,
        return_unknown=bool(record.get("return-unknown")),
        ids=record.get("ids", "generated"),
    )
