"""Schemas of responses as writers of JSON: a value is shown by its view, validated, and written.

A record of the store keeps its JSON, for it is never changed in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from flowise_mock.contract.document import Document, resolve
from flowise_mock.contract.schemas import Problem, Schemas, Validator
from flowise_mock.contract.views import View, compile_view
from flowise_mock.state.table import StoredRecord

_ANNOTATIONS = {"description", "title", "example"}
PART, PART_BYTES = 20, 256 * 1024
"""The items of an array that are written between two pauses, and their bytes: about a millisecond."""
LARGE = 1024 * 1024
"""Bytes of an array from which on its parts are joined in a thread."""


class Written(NamedTuple):
    """A value that was written: its JSON, and where it does not match the schema."""

    body: bytes
    problem: Problem | None


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
        if type(value) is Written:
            return value
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

    def _array(self, items: Writer, values: list[Any]) -> Written:
        written: list[bytes] = []
        problem = items.add(written, values)
        return Written(_joined(written), None) if problem is None else Written(b"", problem)

    async def written(self, values: list[Any], pause: Callable[[], Awaitable[None]]) -> list[Any] | Written:
        """A long array as JSON, written in parts with a pause after each; as it is if that cannot be.

        A part has at most PART items, and ends with the item that makes it PART_BYTES long.
        """
        if self.items is None:
            return values
        written: list[bytes] = []
        size = part = since = 0
        for number, value in enumerate(values, 1):
            problem = self.items.add(written, [value])
            if problem is not None:
                return Written(b"", problem)
            part += len(written[-1])
            if number - since == PART or part >= PART_BYTES:
                size, part, since = size + part, 0, number
                await pause()
        if size + part > LARGE:  # joined in a thread, as it lets others go on then
            return Written(await asyncio.to_thread(_joined, written), None)
        return Written(_joined(written), None)

    def add(self, written: list[bytes], values: list[Any]) -> Problem | None:
        """Write the next items of an array; where one of them does not match the schema."""
        for value in values:
            kept = value.json.get(self) if type(value) is StoredRecord else None
            if kept is None:
                kept, problem = self.write(value)
                if problem is not None:
                    return Problem(f"{len(written)}/{problem.path}".rstrip("/"), problem.reason)
            written.append(kept)
        return None


def _joined(items: list[bytes]) -> bytes:
    """The array of these items, copied once."""
    if not items:
        return b"[]"
    items[0] = b"[" + items[0]
    items[-1] += b"]"
    return b",".join(items)


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
