"""Tables: the columns of a kind of record, how a database stores them, and a record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Record = dict[str, Any]
"""A record. It is never changed in place: a change stores a new dict, so copies of tables are shallow."""
Index = tuple[str, ...]
"""Columns that are looked up together. A column with `*` holds a JSON list, and each item is looked up."""


@dataclass(frozen=True)
class Database:
    """How a database stores a record, by the types of its columns; what the contract's `x-record` says.

    `entity` is the table's name in messages. `required` columns must have a value; `null_if_missing`
    columns are null if they were not sent; `booleans` hold booleans, all others text. `write_only` columns
    are shown only when they were just written. Answers show a new record as it was sent, except its
    `return_stored` columns. A null does not change an `ignore_null` column. With `return_unknown`, the
    answer to a change also has the fields that are no columns. `ids` says whose ids are used: `generated`
    by the server, `accepted` with a new record, or `mutable`: a change may also give a record another id.
    """

    entity: str
    required: tuple[str, ...] = ()
    null_if_missing: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()
    return_stored: tuple[str, ...] = ()
    ignore_null: tuple[str, ...] = ()
    return_unknown: bool = False
    ids: str = "generated"

    def differs(self, column: str, value: Any, before: Any) -> bool:
        """Whether a change to `value` writes the record: a boolean is compared as it was sent."""
        if column in self.booleans:
            return (type(value), value) != (type(before), before)
        return bool(self.stored(column, value) != before)

    def stored(self, column: str, value: Any) -> Any:
        """`value` as the column stores it."""
        if value is None or (isinstance(value, str) and column not in self.booleans):
            return value
        if column in self.booleans:
            return value is True  # as TypeORM does: the text "true" is false
        if isinstance(value, (dict, list)):
            return "[object Object]"
        return str(int(value) if value == int(value) else value)


@dataclass(frozen=True)
class Table:
    """The columns of one kind of record, as the contract's `x-record` describes them.

    `noun` is its name in messages. `generated` maps the columns that the server fills, whatever a client
    sends, to how: `id` a new id, `now` the time of creation, `touch` the time of the last change.
    `defaults` fills columns that were not sent, `initial` those of a new record, whatever was sent. `order`
    is the column that lists are sorted by, with a leading minus for newest first; empty means in order of
    creation. Dates are whole seconds if `seconds` is set. `database` is how a database stores a record; None
    stores it as it was sent. `indexes` are the columns that records are looked up by. `keep` is how many
    records there may be: the oldest ones go.
    """

    name: str
    noun: str
    columns: tuple[str, ...]
    generated: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    order: str = ""
    seed: str = ""
    seconds: bool = False
    database: Database | None = None
    indexes: tuple[Index, ...] = ()
    keep: int | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def sent(self) -> tuple[str, ...]:
        """The columns that the server does not fill."""
        return tuple(column for column in self.columns if column not in self.generated)


class StoredRecord(dict[str, Any]):
    """A record in a table. It is never changed in place, so it keeps its JSON, by what wrote it.

    `index` is what was made of the records up to this one, as of the last chunk of a store; else None.
    """

    __slots__ = ("_index", "_json")

    @property
    def json(self) -> dict[Any, bytes]:
        try:
            return self._json
        except AttributeError:
            self._json: dict[Any, bytes] = {}
            return self._json

    @property
    def index(self) -> object:
        return getattr(self, "_index", None)

    @index.setter
    def index(self, index: object) -> None:
        self._index = index


def json_list(text: Any) -> list[Any]:
    """The list that a JSON text holds; empty for anything else."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []
