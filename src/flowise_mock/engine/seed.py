"""The records a server starts with: tables as the contract tells them, seed files that fit them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowise_mock.contract import document, jsontext
from flowise_mock.contract.document import Document, DocumentError, resolve
from flowise_mock.contract.schemas import Schemas
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

DEFAULT_KEY = "flowise-mock"


class SeedError(Exception):
    """A seed that cannot be loaded; the text names the file, the place in it and the reason."""


def plant(store: Store, contract: Document, folder: Path) -> int:
    """Load the seed files of `folder` into the store; how many records they held.

    Each file `<seed>.json` is a list that fits the schema whose `x-record` names it. Raises SeedError.
    """
    if not folder.is_dir():
        raise SeedError(f"{folder}: there is no such folder; name one that holds <collection>.json files")
    schemas = Schemas(contract)
    known = {
        schema["x-record"]["seed"]: (schema["x-record"]["table"], name)
        for name, schema in contract["components"]["schemas"].items()
        if schema.get("x-record", {}).get("seed")
    }
    files = {table["seed"]: name for name, table in contract.get("x-tables", {}).items() if "seed" in table}
    for file in sorted(folder.glob("*.json")):
        if file.stem not in known and file.stem not in files:
            names = ", ".join(sorted([*known, *files]))
            raise SeedError(f"{file}: no collection has this name; there are {names}")
    count = 0
    for seed, (table, schema) in known.items():
        file = folder / f"{seed}.json"
        if file.exists():
            for record in _records(file, schemas, schema, contract):
                if "workspaceId" in store.tables[table].columns:
                    record.setdefault("workspaceId", store.workspace)
                store.put(table, record)
                count += 1
    for seed, table in files.items():
        count += _plant_files(store, table, folder / f"{seed}.json")
    return count


def _plant_files(store: Store, table: str, file: Path) -> int:
    """Load the files of chats, whose contents are texts; how many they were."""
    rows = document.read(file) if file.exists() else []
    wanted = {"chatflowid", "chatId", "name", "type", "text"}
    for index, row in enumerate(rows if isinstance(rows, list) else [rows]):
        if not isinstance(row, dict) or row.keys() != wanted:
            raise SeedError(f"{file}: {index}: a file has {', '.join(sorted(wanted))} and nothing else")
        kept = {key: value for key, value in row.items() if key != "text"}
        store.create(table, {**kept, "data": str(row["text"]).encode()})
    return len(rows)


def _records(file: Path, schemas: Schemas, schema: str, contract: Document) -> list[Record]:
    try:
        records: Any = document.read(file)
    except DocumentError as error:
        raise SeedError(str(error)) from None
    if isinstance(records, list):
        properties = contract["components"]["schemas"][schema]["properties"]
        records = [_fitted(contract, properties, record) for record in records]
    fits = schemas.compile({"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}})
    problem = fits.problem(records)
    if problem is not None:
        raise SeedError(f"{file}: {problem.path or 'the file'}: {problem.reason}")
    ids: set[str] = set()
    for index, record in enumerate(records):
        id = record.get("id")
        if not id:
            raise SeedError(f"{file}: {index}: the record has no id")
        if id in ids:
            raise SeedError(f"{file}: {index}/id: {id} is the id of an earlier record too")
        ids.add(id)
    return list(records)


def _fitted(contract: Document, properties: Document, record: Any) -> Any:
    """A record in the form of this contract: what one has as JSON text, another has as JSON."""
    if not isinstance(record, dict):
        return record
    fitted = dict(record)
    for name, value in record.items():
        kind = resolve(contract, properties.get(name, {})).get("type")
        if kind == "string" and isinstance(value, (dict, list)):
            fitted[name] = jsontext.dumps(value)
        elif kind == "object" and isinstance(value, str):
            fitted[name] = jsontext.mapping(value)
        elif kind == "array" and isinstance(value, str):
            fitted[name] = jsontext.sequence(value)
    return fitted


def add_keys(
    store: Store, keys: Iterable[str], permissions: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Make the keys of the command line records, with ids that depend on the key alone.

    A key without `permissions` may do anything.
    """
    for key in keys:
        id = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
        record: Record = {"id": id, "keyName": key, "apiKey": key, "chatFlows": []}
        if permissions and key in permissions:
            record["permissions"] = list(permissions[key])
        store.put("apikey", record)
