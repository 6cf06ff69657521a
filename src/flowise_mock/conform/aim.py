"""Aims generated requests at records of the run, and marks what they make."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Collection, Iterator
from typing import Any

from flowise_mock.conform import bundled, records
from flowise_mock.conform.client import Request
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.stock import Stock

MARKED = ("name", "description", "details", "value", "keyName")
"""Fields that may hold any text."""
DISTINCT = 16
"""The length from which on a text that a run sends is of this run alone."""
ODDLY = 4
"""One in so many texts of a known format stays as it was generated."""


class Aim:
    """Changes generated cases in place, before they are sent."""

    def __init__(
        self, stock: Stock, ownership: Ownership, ledger: Ledger, makes: dict[str, list[str]],
        examples: Collection[str], whole_forms: bool = False,
    ) -> None:  # fmt: skip
        self._stock, self._ownership, self._ledger = stock, ownership, ledger
        self._makes, self._examples, self._whole_forms = makes, examples, whole_forms
        self._mark = ownership.mark
        self._turns = itertools.count(1)

    def at_own(self, case: Any, operation: str) -> None:
        """Let a case identify records of the run; what does not identify any stays as it was generated."""
        writes = _request(case).writes
        if self._whole_forms and lacks_fields(case):
            case.body = {}
            self._soften(case, is_negative(case, "body"))
        self._aim_path(case, operation, writes)
        self._aim_bound(case, operation)
        if isinstance(case.body, dict):
            self._aim_body(case, operation)
            for each in (case.body, *_items(case.body)):
                self._name_store(case, each)
            if operation in self._makes or case.method.upper() == "PUT":
                self._put_mark(case.body)
            self._name_unnamed(case)
        if writes and self._ownership.forbids(_request(case)):
            self._spare(case)

    def _aim_path(self, case: Any, operation: str, writes: bool) -> None:
        method, path = case.method.upper(), case.operation.path
        parameters = case.path_parameters or {}
        negative = is_negative(case, "path")
        for name, value in parameters.items():
            record = records.identified(method, path, name)
            if negative:
                parameters[name] = f"{self._mark}-{value}" if writes else value
                continue
            used_up = consumes(method, path, name, record)
            id = (self._stock.fresh if used_up else self._stock.live)(record, operation) if record else None
            if id is not None:
                parameters[name] = id
            elif writes:
                parameters[name] = str(uuid.uuid4())

    def _aim_bound(self, case: Any, operation: str) -> None:
        """Let a body name a record in the field without which a server may take any record.

        A server reads no body of another media type, and takes any record then, too.
        """
        field = records.bound(case.method, case.operation.path)
        if field is None:
            return
        changed = [name for name in case.headers or {} if name.lower() == "content-type"]
        for name in changed:
            del case.headers[name]
        if not (isinstance(case.body, dict) and records.is_name(case.body.get(field))):
            body = case.body if isinstance(case.body, dict) else {}
            case.body = {**body, field: [self._mark] if field.endswith("s") else self._mark}
            changed.append(field)
        if changed:
            self._soften(case, case.meta is not None)

    def _aim_body(self, case: Any, operation: str) -> None:
        body, negative = case.body, is_negative(case, "body")
        body.pop("id", None)
        for name in bundled.records()["names"].keys() & body.keys():
            record = records.identified(case.method, case.operation.path, name, "body")
            if record is None:
                continue
            id = self._stock.live(record, operation) if not negative else None
            if isinstance(body[name], str):
                body[name] = id or str(uuid.uuid4())
            elif isinstance(body[name], list) and all(isinstance(item, str) for item in body[name]):
                body[name] = [id or str(uuid.uuid4()) for _ in body[name][:1]]
        for name, value in records.kept(case.operation.path).items():
            if name in body:
                body[name] = self._stock.filled(value)
                self._soften(case, negative)
        if not negative and next(self._turns) % ODDLY:
            self._put_texts(body)

    def _put_texts(self, body: dict[str, Any]) -> None:
        for name, text in bundled.records()["texts"].items():
            if isinstance(body.get(name), str):
                body[name] = self._stock.filled(text)

    def _name_store(self, case: Any, body: dict[str, Any]) -> None:
        """Let an upsert that makes a store give it the mark: no response has its ID.

        Whatever the field holds counts: even 0 is true in a form.
        """
        if "createNewDocStore" not in body:
            return
        if isinstance(body.get("docStore", {}), (dict, str)):
            store = {"name": self._mark, "description": self._mark}
            body["docStore"] = json.dumps(store) if "form" in str(case.media_type) else store
        else:
            body["createNewDocStore"] = False
        self._soften(case, is_negative(case, "body"))

    def _name_unnamed(self, case: Any) -> None:
        """Give what a request makes the mark, whatever was generated, if no response has its ID."""
        field = records.unnamed(case.method, case.operation.path)
        if field in case.body and not isinstance(case.body[field], str):
            case.body[field] = self._mark
            self._soften(case, is_negative(case, "body"))

    def _soften(self, case: Any, negative: bool) -> None:
        """Note that a case that was generated not to be valid may be valid now."""
        if negative:
            self._ledger.softened(str(case.id))

    def _put_mark(self, body: dict[str, Any]) -> None:
        """Give what will be made or changed the mark of the run."""
        for name in MARKED:
            value = body.get(name)
            if isinstance(value, dict):
                self._put_mark(value)
            elif isinstance(value, str) and self._mark not in value:
                body[name] = marked(value, self._mark)

    def _spare(self, case: Any) -> None:
        """The last resort: identify nothing at all."""
        for name in case.path_parameters or {}:
            case.path_parameters[name] = str(uuid.uuid4())
        if isinstance(case.body, dict):
            for name in bundled.records()["names"].keys() & case.body.keys():
                del case.body[name]

    def note(self, case: Any, operation: str, response: Any) -> None:
        """Write down what a request made: its ID, or if no response gives it, what was sent."""
        failed = response is None or response.status_code >= 500
        if failed and case.method.upper() == "PUT" and not is_negative(case, "body"):
            self._stock.drop(operation)
        if operation not in self._makes:
            return
        kind, path = self._makes[operation]
        ids = self._made_ids(response, path)
        if not ids:
            self._ledger.sent(self._distinct(case.body))
        for id in ids:
            if self._ownership.adopt(kind, id) and records.stays(kind):
                self._ledger.made(kind, id)

    def _made_ids(self, response: Any, path: str) -> list[str]:
        """The IDs of what a request made; a list of all records shows those with the mark."""
        if not (response is not None and 200 <= response.status_code < 300):
            return []
        body = parsed(response)
        if isinstance(body, list):
            rows = [row for row in records.rows(body) if row.get("id") not in self._ownership.own]
            return [
                row["id"] for row in rows if isinstance(row.get("id"), str) and self._ownership.is_own(row)
            ]
        id = body.get(path) if isinstance(body, dict) else None
        return [id] if isinstance(id, str) else []

    def _distinct(self, node: Any) -> set[str]:
        return {text for text in _texts(node) if len(text) >= DISTINCT and text not in self._examples}


def is_negative(case: Any, location: str) -> bool:
    """Whether a part of a case was generated not to be valid."""
    from schemathesis.core.parameters import ParameterLocation

    return case.meta is not None and bool(case.meta.is_negative_at(ParameterLocation(location)))


def lacks_fields(case: Any) -> bool:
    """Whether a form has a body that is no object: it is sent as a part without headers."""
    from schemathesis.core import NOT_SET

    is_form = "multipart" in str(case.media_type)
    return is_form and not isinstance(case.body, dict) and case.body is not NOT_SET


def consumes(method: str, path: str, name: str, record: str | None) -> bool:
    """Whether a request deletes the record that a parameter of its path identifies."""
    if method != "DELETE" or record is None or not path.endswith(f"{{{name}}}"):
        return False
    kind = records.kinds().get(records.kind_of_record(record))
    return kind is None or (bool(kind.delete) and kind.delete[-1] == f"DELETE {path}")


def marked(text: str, mark: str) -> str:
    """A text with the mark in it; in the text of an object as its name."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"{mark} {text}"
    return json.dumps({**value, "name": mark}) if isinstance(value, dict) else f"{mark} {text}"


def parsed(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("items")
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def calm(body: dict[str, Any], name: str) -> None:
    """Make a value false that a server takes as true; what was not valid stays so."""
    if body.get(name):
        calmed: dict[type, Any] = {bool: False, str: ""}
        body[name] = calmed.get(type(body[name]), 0)


def _request(case: Any) -> Request:
    """A case as far as it identifies records."""
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    return Request("", case.method.upper(), path, json=case.body if isinstance(case.body, dict) else None)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _texts(value)
