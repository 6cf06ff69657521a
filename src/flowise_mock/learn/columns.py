"""Infers the columns of tables from the records that a server shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import Document, resolve
from flowise_mock.learn.observation import Observation
from flowise_mock.learn.proposal import Action, Proposal, target_of

LISTS = ("null-if-missing", "booleans", "write-only", "return-stored", "ignore-null", "required")


def infer(document: Document, seen: Observation) -> Iterator[Proposal]:
    """Columns that the records of an answer have and the mock's lack, or the other way round."""
    assert seen.operation is not None
    shown, wanted = _record(_json(seen)), _record(seen.result.exchange.body)
    if shown is None or wanted is None or shown.keys() == wanted.keys():
        return
    for name in [each for each in shown if each not in wanted]:
        yield from _everywhere(document, name, seen.evidence)
    content = resolve(document, seen.operation.definition["responses"].get("200", {})).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    for name in sorted(_tables(document, schema)):
        gone = [each for each in shown if each not in wanted]
        hidden = document["components"]["schemas"][name]["x-record"].get("write-only", "").split()
        if gone and hidden:  # a record does not show whether these are gone too
            yield _proposal(document, name, wanted, [*gone, *hidden], seen.evidence)
        yield _proposal(document, name, wanted, gone, seen.evidence)


def _everywhere(document: Document, column: str, evidence: str) -> Iterator[Proposal]:
    """No table has the column, and no schema the property."""
    text = f"There is no {column}."
    tables = [
        _without(place, record, column, text)
        for place, record in _records(document)
        if column in record.get("columns", "").split()
    ]
    if len(tables) > 1:
        actions = [action for each in tables for action in each]
        if any(True for _ in _walk(document, column)):
            actions.append(Action(f"$..properties['{column}']", None, text))
        yield Proposal(tuple(actions), "", f"column {column}", evidence)


def _without(place: tuple[str, ...], record: Document, column: str, text: str) -> list[Action]:
    """The actions that remove a column from a table."""
    lists = {key: record[key].split() for key in ("columns", *LISTS) if column in record.get(key, "").split()}
    kept = {key: " ".join(each for each in names if each != column) for key, names in lists.items()}
    empty = [Action(target_of(*place, key), None, text) for key, names in kept.items() if not names]
    return [*empty, Action(target_of(*place), {key: names for key, names in kept.items() if names}, text)]


def _records(document: Document) -> Iterator[tuple[tuple[str, ...], Document]]:
    """Each table with its place."""
    for name, schema in document["components"]["schemas"].items():
        if "x-record" in schema:
            yield ("components", "schemas", name, "x-record"), schema["x-record"]
    for name, record in document.get("x-tables", {}).items():
        yield ("x-tables", name), record


def _walk(node: Any, name: str) -> Iterator[Document]:
    """The lists of properties that have the name."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _walk(child, name)
    if isinstance(node, dict) and isinstance(node.get("properties"), dict) and name in node["properties"]:
        yield node["properties"]


def _proposal(document: Document, name: str, wanted: Document, gone: list[str], evidence: str) -> Proposal:
    schema = document["components"]["schemas"][name]
    record = schema["x-record"]
    held = record["columns"].split() if "columns" in record else list(schema["properties"])
    new = [each for each in wanted if each not in held]
    update: Document = {"columns": " ".join(_placed([each for each in held if each not in gone], wanted))}
    for key in LISTS:
        if key in record:
            kept = [each for each in record[key].split() if each not in gone]
            update[key] = " ".join(kept)
    missing = [each for each in new if wanted[each] is None]
    if missing:
        update["null-if-missing"] = " ".join([*update.get("null-if-missing", "").split(), *missing])
    update = {key: value for key, value in update.items() if value}
    empty = [key for key in LISTS if key in record and key not in update]
    where = ("components", "schemas", name)
    text = "; ".join([f"{each} is new" for each in new] + [f"there is no {each}" for each in gone])
    actions = [Action(target_of(*where, "x-record", key), None, "It has no columns.") for key in empty]
    actions += [
        Action(target_of(*where, "x-record", "defaults", each), None, f"There is no {each}.")
        for each in gone
        if each in record.get("defaults", {})
    ]
    actions += [
        Action(target_of(*where, "properties", each), None, f"There is no {each}.")
        for each in gone
        if each in schema["properties"]
    ]
    properties = {each: _schema(wanted[each]) for each in wanted if each not in schema["properties"]}
    change: Document = {"x-record": update, **({"properties": properties} if properties else {})}
    actions.append(Action(target_of(*where), change, f"Columns: {text}."))
    return Proposal(tuple(actions), "", f"columns {name} {text}", evidence)


def _placed(columns: list[str], wanted: Document) -> list[str]:
    """The columns with those of a record, each new one after its predecessor."""
    placed, before = list(columns), ""
    for name in wanted:
        if name not in placed:
            placed.insert(placed.index(before) + 1 if before in placed else len(placed), name)
        before = name
    return placed


def _schema(value: Any) -> Document:
    types = {bool: "boolean", int: "number", float: "number", dict: "object", list: "array"}
    schema: Document = {"type": types.get(type(value), "string"), "nullable": True}
    return {**schema, "items": {}} if schema["type"] == "array" else schema


def _tables(document: Document, schema: Any) -> set[str]:
    """The names of the schemas with tables that an answer shows."""
    if isinstance(schema, list):
        return set().union(*[_tables(document, each) for each in schema])
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found = document["components"]["schemas"].get(name, {})
        return {name} if "x-record" in found else _tables(document, found)
    return set().union(
        *[
            _tables(document, schema[key])
            for key in ("items", "oneOf", "anyOf", "allOf", "properties", "data")
            if key in schema
        ]
    )


def _record(body: Any) -> Document | None:
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        body = body["data"]
    if isinstance(body, list):
        body = body[0] if body else None
    return body if isinstance(body, dict) else None


def _json(seen: Observation) -> Any:
    from flowise_mock.replay.exchanges import json_or_text

    return json_or_text(seen.result.answer.body.decode(errors="replace"))
