"""The records a server starts with: tables as the contract describes them, seed files that fit them."""

from __future__ import annotations

import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowise_mock.contract import contracts, document, jsontext, merged
from flowise_mock.contract.document import Document, DocumentError, resolve
from flowise_mock.contract.schemas import Schemas
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

DEFAULT_KEY = "flowise-mock"


class SeedError(Exception):
    """A seed that cannot be loaded; the text names the file, the place in it and the reason."""


def plant(store: Store, contract: Document, seed: Path) -> int:
    """Load a seed into the store; returns how many records it holds. Raises SeedError.

    It is a folder with a file `<collection>.json` for each collection, or one file with all of them by
    name. A collection is a list of records that fit the schema whose `x-record` names it.
    """
    tables = {table.seed: name for name, table in store.tables.items() if table.seed}
    checks = Checks(contract)
    found = _collections(seed)
    for name, (where, _) in found.items():
        if name not in tables:
            raise SeedError(f"{where}: no collection has this name; there are {', '.join(sorted(tables))}")
    count = 0
    for name, table in tables.items():
        where, given = found.get(name, ("", []))
        try:
            records = checks.records(store, table, given)
        except SeedError as error:
            raise SeedError(f"{where}: {error}") from None
        for record in records:
            store.put(table, record)
        count += len(records)
    return count


def _collections(seed: Path) -> dict[str, tuple[str, Any]]:
    """The collections of a seed by name, each with where it comes from."""
    try:
        if seed.is_dir():
            return {file.stem: (str(file), document.read(file)) for file in sorted(seed.glob("*.json"))}
        if seed == contracts.seed():
            whole = merged.of_package(seed)
        elif seed.is_file():
            whole = document.read(seed)
        else:
            raise SeedError(f"{seed}: there is no such folder; name one that holds <collection>.json files")
    except DocumentError as error:
        raise SeedError(str(error)) from None
    if not isinstance(whole, dict):
        raise SeedError(f"{seed}: is not an object with a list of records for each collection")
    return {name: (f"{seed}: {name}", given) for name, given in whole.items()}


class Checks:
    """Holds records that come from outside to the schemas of their tables. Compile them once."""

    def __init__(self, contract: Document) -> None:
        self._contract = contract
        self._schemas = Schemas(contract)
        self._names = {
            schema["x-record"]["table"]: name
            for name, schema in contract["components"]["schemas"].items()
            if "x-record" in schema
        }

    def records(self, store: Store, table: str, given: Any) -> list[Record]:
        """Records in the form of the contract. Raises SeedError, which names the place."""
        if table not in store.tables:
            raise SeedError(f"there is no table {table}; there are {', '.join(store.tables)}")
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise SeedError("it is not a list of records")
        if table in self._names:
            records = self._fitted(self._names[table], given)
        elif table == "file":
            records = [_file(store, index, each) for index, each in enumerate(given)]
        else:
            records = [dict(each) for each in given]
        _check_ids(records)
        if "workspaceId" in store.tables[table].columns:
            records = [{**each, "workspaceId": each.get("workspaceId", store.workspace)} for each in records]
        return records

    def _fitted(self, schema: str, given: list[Record]) -> list[Record]:
        properties = self._contract["components"]["schemas"][schema]["properties"]
        records = [_fitted(self._contract, properties, record) for record in given]
        shape = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
        problem = self._schemas.compile(shape).problem(records)
        if problem is not None:
            raise SeedError(f"{problem.path or 'the file'}: {problem.reason}")
        return records


def record_of(contract: Document, store: Store, table: str, values: Record) -> Record:
    """A record of `values`, with what the server generates filled in unless it is given. Raises SeedError."""
    generated = store.tables[table].generated
    now = store.now()
    made = {column: store.new_id() if how == "id" else now for column, how in generated.items()}
    unknown = values.keys() - set(store.tables[table].columns) - {"text"}
    if unknown:
        raise SeedError(f"{table} has no column {', '.join(sorted(unknown))}")
    record = {**store.tables[table].defaults, **made, **values}
    return Checks(contract).records(store, table, [record])[0]


def as_json(record: Record) -> Record:
    """A record as JSON can hold it: the bytes of a file as its text, or as base64."""
    if not isinstance(record.get("data"), bytes):
        return record
    data: bytes = record["data"]
    kept = {key: value for key, value in record.items() if key != "data"}
    try:
        return {**kept, "text": data.decode()}
    except UnicodeDecodeError:
        return {**kept, "base64": b64encode(data).decode()}


def _file(store: Store, index: int, row: Record) -> Record:
    """A file of a chat, whose content is a text, or base64."""
    wanted = {"chatflowid", "chatId", "name", "type"}
    content = row.keys() & {"text", "base64"}
    if row.keys() - {"id"} - content != wanted or len(content) != 1:
        raise SeedError(f"{index}: a file has {', '.join(sorted(wanted | {'text'}))} and nothing else")
    data = str(row["text"]).encode() if "text" in row else b64decode(str(row["base64"]))
    kept = {key: value for key, value in row.items() if key not in content}
    return {"id": store.new_id(), **kept, "data": data}


def _check_ids(records: list[Record]) -> None:
    ids: set[str] = set()
    for index, record in enumerate(records):
        id = record.get("id")
        if not id or not isinstance(id, str):
            raise SeedError(f"{index}: the record has no id")
        if id in ids:
            raise SeedError(f"{index}/id: {id} is the id of an earlier record too")
        ids.add(id)


def records_of(contract: Document, store: Store, table: str, rows: Any) -> list[Record]:
    """Records that come from a file of another namespace. Raises SeedError."""
    try:
        return Checks(contract).records(store, table, rows)
    except SeedError as error:
        raise SeedError(f"records/{table}/{error}") from None


def _fitted(contract: Document, properties: Document, record: Record) -> Record:
    """A record in the form of this contract: one contract has as JSON text what another has as JSON."""
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


def add_flows(store: Store, contract: Document, flows: Iterable[Record]) -> None:
    """Store the flows of scripts that the store does not have. Raises SeedError."""
    for each in flows:
        if store.get("chatflow", str(each["id"])) is None:
            store.put("chatflow", record_of(contract, store, "chatflow", each))


def add_keys(
    store: Store, keys: Iterable[str], permissions: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Make the keys of the command line records, with ids that depend on the key alone.

    A key without `permissions` may do anything.
    """
    for key in keys:
        id = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
        made = f"{store.now()[:20]}000Z"
        record: Record = {"id": id, "keyName": key, "apiKey": key, "chatFlows": [], "updatedDate": made}
        if permissions and key in permissions:
            record["permissions"] = list(permissions[key])
        store.put("apikey", record)
