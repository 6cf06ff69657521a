"""Schemas of responses as writers of JSON: a value is shown by its view, validated, and written.

A record of the store keeps its JSON, for it is never changed in place.
"""

from __future__ import annotations

from typing import Any

import orjson

from flowise_mock.contract.document import Document, resolve
from flowise_mock.contract.schemas import Problem, Schemas, Validator
from flowise_mock.contract.views import View, compile_view
from flowise_mock.state.table import StoredRecord

_PLAIN_ARRAY = {"type", "items", "description", "title", "example"}
"""The keywords of an array whose items can be written one by one."""


class Writer:
    """Writes values of one schema. `items` writes the items of an array, one by one."""

    __slots__ = ("items", "validator", "view")

    def __init__(self, view: View, validator: Validator, items: Writer | None = None) -> None:
        self.view = view
        self.validator = validator
        self.items = items

    def write(self, value: Any) -> tuple[bytes, Problem | None]:
        """A value as JSON, and where it does not match the schema. Null and bytes are not validated."""
        if type(value) is StoredRecord:
            return self._record(value)
        if self.items is not None and type(value) is list:
            return self._array(self.items, value)
        shown = self.view(value)
        if isinstance(shown, bytes):
            return shown, None
        problem = None if shown is None else self.validator.problem(shown)
        return orjson.dumps(shown), problem

    def _record(self, record: StoredRecord) -> tuple[bytes, Problem | None]:
        kept = record.json
        body = kept.get(self)
        if body is not None:
            return body, None
        shown = self.view(record)
        problem = self.validator.problem(shown)
        body = orjson.dumps(shown)
        if problem is None:
            kept[self] = body
        return body, problem

    def _array(self, items: Writer, values: list[Any]) -> tuple[bytes, Problem | None]:
        written = []
        for place, value in enumerate(values):
            kept = value.json.get(items) if type(value) is StoredRecord else None
            if kept is None:
                kept, problem = items.write(value)
                if problem is not None:
                    return b"", Problem(f"{place}/{problem.path}".rstrip("/"), problem.reason)
            written.append(kept)
        return b"[" + b",".join(written) + b"]", None


class Writers:
    """The writers of one document: one for each schema, wherever it is used."""

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._document = document
        self._schemas = schemas
        self._made: dict[int, Writer] = {}

    def writer(self, schema: Document) -> Writer:
        """The writer of a schema of the document."""
        resolved = resolve(self._document, schema)
        made = self._made.get(id(resolved))
        if made is None:
            view = compile_view(self._document, resolved)
            made = Writer(view, self._schemas.compile(resolved), self._items(resolved))
            self._made[id(resolved)] = made
        return made

    def _items(self, schema: Document) -> Writer | None:
        if schema.get("type") != "array" or not schema.keys() <= _PLAIN_ARRAY or "items" not in schema:
            return None
        items = resolve(self._document, schema["items"])
        return self.writer(items) if items.get("type") == "object" else None
