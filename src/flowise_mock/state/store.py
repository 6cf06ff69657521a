"""The store: all state of one mock. Records are created, listed, joined and cascaded by named methods.

The store knows columns, not documents, and no HTTP. Ids and the clock are injected, so that output
can be reproduced and a replay can set the time. No method awaits, so every request sees and leaves
a consistent state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from flowise_mock.state.clock import Clock, Dates, moment
from flowise_mock.state.counts import Counts
from flowise_mock.state.ids import RandomIds
from flowise_mock.state.outcomes import Deletion, MissingColumn, NotFound, NothingToDelete
from flowise_mock.state.rows import Batch, Rows
from flowise_mock.state.table import Database, Record, StoredRecord, Table, json_list

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
Window = tuple[float, int]
"""When a rate window began, in seconds since 1970, and how many calls it has seen."""


@dataclass(frozen=True)
class Snapshot:
    """The state at one moment. Records are shared, for they are never changed in place.

    `ids` is how many reproducible ids were made.
    """

    records: Mapping[str, Mapping[str, Record]]
    windows: Mapping[str, Window | None]
    counts: Counts
    ids: int


class Store:
    """All state of one mock: records, rate windows, running flows, counters, clock, ids.

    `windows` count predictions by flow, for rate limits; None for a flow whose limit does not act yet.
    `runs` are the flows that are delivering a stream, by flow and chat; a snapshot leaves them out.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        *,
        new_id: Callable[[], str] | None = None,
        clock: Clock | None = None,
        workspace: str | None = None,
    ) -> None:
        self.tables = {table.name: table for table in tables}
        self.new_id = new_id or RandomIds()
        self.clock = clock or Clock()
        self.workspace = workspace or RandomIds()()
        self.windows: dict[str, Window | None] = {}
        self.runs: dict[tuple[str, str], Any] = {}
        self.counts = Counts()
        self._rows = {name: Rows(table) for name, table in self.tables.items()}
        self._dates = Dates()
        self._last = 0

    # --- time ---

    def now(self) -> str:
        """The time, different at each call: lists ordered by date are ordered by creation too."""
        self._last = max(self.clock.milliseconds(), self._last + 1)
        return self._dates.iso(self._last)

    def date(self, milliseconds: int) -> str:
        """Milliseconds since 1970 as an ISO date."""
        return self._dates.iso(milliseconds)

    def set_clock(self, at: str) -> None:
        """Freeze the clock at an ISO date, or release it with any other text."""
        self.freeze(moment(at))

    def freeze(self, at: datetime | None) -> None:
        """Freeze the clock at a moment; None releases it."""
        if at != self.clock.moment:
            self.clock.moment = at
            self._last = 0

    def release_clock(self) -> None:
        """Show the real time again, and date new records by it."""
        self.clock.release()
        self._last = 0

    # --- one record ---

    def create(self, name: str, values: Mapping[str, Any]) -> Record:
        """Store a new record of `values`: generated columns are filled in, unknown ones dropped.

        Returns the record; if a database stores it otherwise, what was sent with what was generated.
        Raises MissingColumn if a required column has no value.
        """
        table = self.tables[name]
        record = self._made(table, values)
        database = table.database
        if database is None:
            self._rows[name].put(str(record["id"]), record)
            return record
        self._put(table, record)
        if database.return_stored:
            stored = self._rows[name].records[str(record["id"])]
            return {**record, **{key: stored[key] for key in database.return_stored if key in stored}}
        return record

    def batch(self, name: str) -> Batch:
        """An empty batch of new records: `create_in` makes them, `add` stores them."""
        return Batch(self.tables[name])

    def create_in(self, batch: Batch, values: Mapping[str, Any]) -> Record:
        """Add a new record to a batch. Returns what `create` does, without what a database changes."""
        record = self._made(batch.table, values)
        batch.add(str(record["id"]), _stored(batch.table, record))
        return record

    def add(self, batch: Batch) -> None:
        """Store the records of a batch."""
        self._rows[batch.table.name].put_all(batch)

    def _made(self, table: Table, values: Mapping[str, Any]) -> Record:
        """The record that `create` stores. Raises MissingColumn."""
        database = table.database
        given = {**table.defaults, **values, **table.initial} if table.defaults or table.initial else values
        filled: Iterable[str] = table.generated
        sent: Iterable[str] = table.sent
        if database is not None and database.ids != "generated":
            filled = [column for column in filled if not _is_given(values.get(column))]
            sent = [column for column in table.columns if column not in filled]
        record: Record = StoredRecord()
        for column in sent:
            if column in given:
                record[column] = given[column]
        if "workspaceId" in table.columns:
            record["workspaceId"] = self.workspace
        if database:
            _add_missing(table, database, values, record)
            _check_required(database, record)
            _check_generated(table, database, values)
        now = self._date(table) if table.seconds else self.now()
        for column in filled:
            record[column] = self.new_id() if table.generated[column] == "id" else now
        return record

    def _date(self, table: Table) -> str:
        now = self.now()
        return f"{now[:20]}000Z" if table.seconds else now

    def _put(self, table: Table, record: Record) -> None:
        """Store a record as its table stores it."""
        stored = _stored(table, record)
        self._rows[table.name].put(str(stored["id"]), stored)

    def put(self, name: str, record: Record) -> None:
        """Store `record` as it is, under its own id."""
        self._rows[name].put(record["id"], record)

    def get(self, name: str, id: str) -> Record | None:
        """The record with that id, or None."""
        return self._rows[name].records.get(id)

    def find(self, name: str, id: str) -> Record:
        """The record with that id, else NotFound."""
        record = self.get(name, id)
        if record is None:
            raise NotFound(self.tables[name].noun, id)
        return record

    def has(self, name: str, id: str | None) -> bool:
        return id in self._rows[name].records

    def change(self, name: str, id: str, values: Mapping[str, Any]) -> Record:
        """Merge `values` into the record, except what the server generates.

        Returns the same as `create`. A database leaves a record that does not change as it is.
        """
        table, record = self.tables[name], self.find(name, id)
        if table.database:
            changed = self._changed(table, table.database, record, values)
            if not table.database.return_unknown:
                return changed
            return {**changed, **{key: value for key, value in values.items() if key not in table.columns}}
        sent = {key: values[key] for key in table.columns if key in values and key not in table.generated}
        touched = {column: self._date(table) for column, how in table.generated.items() if how == "touch"}
        changed = {**record, **sent, **touched}
        self._rows[name].put(id, changed)
        return changed

    def _changed(self, table: Table, database: Database, record: Record, values: Mapping[str, Any]) -> Record:
        fixed = {*table.generated, "workspaceId"} - ({"id"} if database.ids == "mutable" else set())
        fixed |= {column for column in database.ignore_null if values.get(column) is None}
        shown = {
            column: values[column] if column in values and column not in fixed else record[column]
            for column in table.columns
            if column in record or (column in values and column not in fixed)
        }
        if not _is_given(shown["id"]):
            shown["id"] = record["id"]
        _check_required(database, shown)
        _check_generated(table, database, values)
        if any(database.differs(column, shown[column], record.get(column)) for column in shown):
            for column, how in table.generated.items():
                if how == "touch":
                    shown[column] = self._date(table)
            self._put(table, shown)
            written = {column: shown[column] for column in database.write_only if column in shown}
            return {**_without(shown, database.write_only), **written}
        return _without(shown, database.write_only)

    def note(self, name: str, record: Record, /, **values: Any) -> Record:
        """Set columns of a record that only the server sets; its dates stay. Returns the new record."""
        noted = {**record, **values}
        self._rows[name].put(str(record["id"]), noted)
        return noted

    def remove(self, name: str, id: str) -> Deletion:
        """Delete the record with that id, else NothingToDelete."""
        if self._rows[name].pop(id) is None:
            raise NothingToDelete(self.tables[name].noun, id)
        return Deletion(1)

    # --- many records ---

    def select(self, name: str, /, **equal: Any) -> list[Record]:
        """The records whose columns equal `equal` (None matches all), in the table's order."""
        return self._rows[name].select(_without_none(equal))

    def prepare(self, name: str, /, **equal: Any) -> Iterator[None]:
        """Make what `select` needs for these columns, with pauses; then it takes a fraction of the time."""
        return self._rows[name].prepare(_without_none(equal))

    def page(self, name: str, number: int, size: int, /, **equal: Any) -> tuple[list[Record], int]:
        """Page `number` (from 1) of what `select` returns, and the number of records on all pages."""
        start, wanted = (number - 1) * size, _without_none(equal)
        if not wanted:
            return self._rows[name].slice(start, start + size), len(self._rows[name])
        found = self._rows[name].select(wanted)
        return found[start : start + size], len(found)

    def slice(self, name: str, start: int, stop: int) -> list[Record]:
        """A part of the records of a table, in order of creation."""
        return list(islice(self._rows[name].records.values(), start, stop))

    def count(self, name: str) -> int:
        return len(self._rows[name])

    def remove_where(self, name: str, /, **equal: Any) -> int:
        """Delete the records whose columns equal `equal`; returns their number."""
        ids = self._rows[name].ids(_without_none(equal))
        self._rows[name].discard(ids)
        return len(ids)

    def remove_records(self, name: str, records: Iterable[Record]) -> int:
        """Delete these records; returns their number."""
        ids = [record["id"] for record in records]
        self._rows[name].discard(ids)
        return len(ids)

    # --- records that belong together ---

    def remove_chatflow(self, id: str) -> Deletion:
        """Delete a chatflow with its messages, their feedback, its upsert history and its files."""
        deletion = self.remove("chatflow", id)
        for name in ("chatmessage", "feedback", "upserthistory", "file"):
            self.remove_where(name, chatflowid=id)
        return deletion

    def feedback_on(self, chatflowid: str, messages: Iterable[Record]) -> list[Record]:
        """The feedback on messages of a flow, that on one message in its order."""
        found = self._rows["feedback"].holding_one("messageId", [message["id"] for message in messages])
        return [row for row in found if row.get("chatflowid") == chatflowid]

    def link_document_stores(self, chatflowid: str, used: set[str]) -> None:
        """Write into the `whereUsed` of every document store whether this flow reads it."""
        for record in self._rows["documentstore"].holding("whereUsed", chatflowid):
            if record["id"] not in used:
                users = [user for user in json_list(record["whereUsed"]) if user != chatflowid]
                self.note("documentstore", record, whereUsed=_compact(users))
        for id in used:
            found = self.get("documentstore", id)
            users = json_list(found.get("whereUsed")) if found else [chatflowid]
            if found and chatflowid not in users:
                self.note("documentstore", found, whereUsed=_compact([*users, chatflowid]))

    def remove_messages(self, messages: Iterable[Record], *, executions: bool = False) -> int:
        """Delete chat messages, the feedback on them, the files of their chats and, if `executions`, theirs.

        Returns the number of messages.
        """
        found = list(messages)
        ids = [message["id"] for message in found]
        self.remove_records("feedback", self._rows["feedback"].holding_one("messageId", ids))
        if executions:
            run = [self.get("execution", str(each.get("executionId"))) for each in found]
            self.remove_records("execution", [each for each in run if each is not None])
        for flow, chat in {(each.get("chatflowid"), each.get("chatId")) for each in found}:
            if chat is not None:
                self.remove_where("file", chatflowid=flow, chatId=chat)
        return self.remove_records("chatmessage", found)

    def remove_document_store(self, id: str) -> Deletion:
        """Delete a document store with its chunks, its upsert history and its files."""
        deletion = self.remove("documentstore", id)
        self.remove_where("chunk", storeId=id)
        for name in ("upserthistory", "file"):
            self.remove_where(name, chatflowid=id)
        return deletion

    def key_named(self, api_key: str | None) -> Record | None:
        """The API key record whose secret is `api_key`."""
        return None if api_key is None else self._rows["apikey"].first("apiKey", api_key)

    # --- all of it ---

    def snapshot(self) -> Snapshot:
        """The state now, for `restore`."""
        records = {name: dict(rows.records) for name, rows in self._rows.items()}
        return Snapshot(records, dict(self.windows), self.counts.copy(), getattr(self.new_id, "count", 0))

    def restore(self, snapshot: Snapshot) -> None:
        """Bring back the state of a snapshot; the snapshot stays usable."""
        self._rows = {name: Rows(table, snapshot.records.get(name)) for name, table in self.tables.items()}
        self.windows = dict(snapshot.windows)
        self.counts = snapshot.counts.copy()
        if hasattr(self.new_id, "count"):
            self.new_id.count = snapshot.ids

    def __iter__(self) -> Iterator[tuple[str, list[Record]]]:
        """Each table's name and its records, in order of creation."""
        for name, rows in self._rows.items():
            yield name, list(rows.records.values())


def _stored(table: Table, record: Record) -> Record:
    """A record as its table stores it."""
    database = table.database
    if database is None:
        return record
    stored = StoredRecord()
    for column in table.columns:
        if column in record:
            value = record[column]
            is_stored = value is None or (type(value) is str and column not in database.booleans)
            stored[column] = value if is_stored else database.stored(column, value)
    return stored


def _without(record: Record, columns: Collection[str]) -> Record:
    return {column: value for column, value in record.items() if column not in columns}


def _add_missing(table: Table, database: Database, values: Mapping[str, Any], record: Record) -> None:
    """Add the columns that a database fills in, behind those that were sent."""
    for column in database.null_if_missing:
        if column not in values and record.get(column) is not None:
            del record[column]
        record.setdefault(column, table.defaults.get(column))


def _is_given(value: Any) -> bool:
    """Whether a client sent an id or a date of its own."""
    return isinstance(value, str) and bool(value)


def _check_required(database: Database, record: Record) -> None:
    for column in database.required:
        if record.get(column) is None:
            raise MissingColumn(database.entity, column)


def _check_generated(table: Table, database: Database, values: Mapping[str, Any]) -> None:
    """A client that may send ids and dates may not send null for them."""
    for column in table.generated if database.ids != "generated" else ():
        if values.get(column, "") is None:
            raise MissingColumn(database.entity, column)


def _without_none(equal: Mapping[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in equal.items() if value is not None}


def _compact(users: list[Any]) -> str:
    return json.dumps(users, separators=(",", ":"))
