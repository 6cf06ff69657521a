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

_ANNOTATIONS = {"description", "title", "example"}


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
        """The writer of the items, if an array of this schema is valid whenever each item is."""
        keywords = schema.keys() - _ANNOTATIONS
        if keywords == {"oneOf"}:  # of variants with different types, an array matches one at most
            variants = [resolve(self._document, each) for each in schema["oneOf"]]
            arrays = [each for each in variants if each.get("type") == "array"]
            is_typed = all(each.get("type") for each in variants)
            return self._items(arrays[0]) if len(arrays) == 1 and is_typed else None
        if schema.get("type") != "array" or keywords != {"type", "items"}:
            return None
        items = resolve(self._document, schema["items"])
        return self.writer(items) if items.get("type") == "object" else None
