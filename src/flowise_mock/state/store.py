"""The state: records in tables, created, listed, joined and cascaded by named methods.

The store knows columns, not documents, and no HTTP. Ids and the clock are injected, so that output
can be pinned and a replay can set the time. Every method runs without giving way, so a request sees
and leaves a whole state. Standard library, outcomes and moments only.
"""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flowise_mock.state.clock import Clock, iso, moment
from flowise_mock.state.outcomes import Deleted, Missing, NotFound, NothingDeleted

Record = dict[str, Any]


@dataclass(frozen=True)
class Columns:
    """How a database keeps a record, where a contract has one: by the types of its columns.

    `entity` is the table's name in messages, `required` the columns that must have a value, `nulls`
    those that are null where they were not sent, `flags` those of booleans; all others hold text.
    `unread` columns are written and not read: only what was just written shows them. What was sent is
    answered as sent, and kept as the column keeps it; a new record's `reread` columns are answered as
    kept. A null for a `steady` column changes nothing. A change that `echoes` answers also what no
    column takes. `ids` tells whose ids count: `made` by the server, `sent` with a new record, or `moved`,
    where a change may give a record another id.
    """

    entity: str
    required: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    reread: tuple[str, ...] = ()
    steady: tuple[str, ...] = ()
    echoes: bool = False
    ids: str = "made"

    def kept(self, column: str, value: Any) -> Any:
        """`value` as the column keeps it."""
        if value is None or (isinstance(value, str) and column not in self.flags):
            return value
        if column in self.flags:
            return bool(value)
        if isinstance(value, (dict, list)):
            return "[object Object]"
        return str(int(value) if value == int(value) else value)


@dataclass(frozen=True)
class Table:
    """The columns of one kind of record, as a contract's `x-record` tells them.

    `noun` is what messages call it. `made` maps the columns that the server fills, whatever a client
    sends, to how: `id` a new id, `now` the time of creation, `touch` the time of the last change.
    `defaults` fills columns that were not sent. `order` is the column that lists go by, with a
    leading minus for newest first; empty means as created. Dates are whole seconds where `seconds`
    is set. `database` is how a database keeps a record; None keeps it as it was sent.
    """

    name: str
    noun: str
    columns: tuple[str, ...]
    made: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    order: str = ""
    seed: str = ""
    seconds: bool = False
    database: Columns | None = None


UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def new_uuid() -> str:
    return str(uuid.uuid4())


def _json_list(text: Any) -> list[Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def _told(value: Any) -> bool:
    """Whether a client told an id or a date of its own."""
    return isinstance(value, str) and bool(value)


class Store:
    """All records of one mock. Copy it with `snapshot`, bring it back with `restore`."""

    def __init__(
        self,
        tables: Iterable[Table],
        *,
        new_id: Callable[[], str] = new_uuid,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.tables = {table.name: table for table in tables}
        self.new_id = new_id
        self.clock = clock or Clock()
        self.workspace = new_uuid()
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self.tables}
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> str:
        """The time, never the same twice: lists ordered by date are ordered by creation too."""
        now = self.clock()
        if now <= self._last:
            now = self._last + timedelta(milliseconds=1)
        self._last = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return iso(self._last)

    def stand(self, at: str) -> None:
        """Let the clock stand at an ISO date, or go on again at any other text."""
        when = moment(at)
        if isinstance(self.clock, Clock) and when != self.clock.moment:
            self.clock.moment = when
            self._last = datetime.min.replace(tzinfo=UTC)

    # --- one record ---

    def create(self, name: str, values: Mapping[str, Any]) -> Record:
        """Store a new record of `values`; columns the server makes are made, unknown ones dropped.

        Returned is the record, or what was sent with what was made, where a database keeps it otherwise.
        Raises Missing where a column that must have a value has none.
        """
        table = self.tables[name]
        given = {**table.defaults, **values}
        own = table.database is not None and table.database.ids != "made"
        mine = [column for column in table.made if not (own and _told(values.get(column)))]
        record = {column: given[column] for column in table.columns if column in given and column not in mine}
        if "workspaceId" in table.columns:
            record["workspaceId"] = self.workspace
        if table.database:
            for column in table.database.nulls:
                record.setdefault(column, None)
            self._check_required(table.database, record)
            self._check_made(table, table.database, values)
        now = self.now()
        for column in mine:
            how = table.made[column]
            record[column] = self.new_id() if how == "id" else self._date(table, now)
        shown = self._keep(table, record)
        if not table.database or not table.database.reread:
            return shown
        kept = self._records[name][str(shown["id"])]
        return {**shown, **{column: kept[column] for column in table.database.reread if column in kept}}

    def _date(self, table: Table, now: str) -> str:
        return f"{now[:20]}000Z" if table.seconds else now

    def _check_required(self, database: Columns, record: Record) -> None:
        for column in database.required:
            if record.get(column) is None:
                raise Missing(database.entity, column)

    def _check_made(self, table: Table, database: Columns, values: Mapping[str, Any]) -> None:
        """Where a client may send what else is made, it may not send null."""
        for column in table.made if database.ids != "made" else ():
            if values.get(column, "") is None:
                raise Missing(database.entity, column)

    def _keep(self, table: Table, record: Record) -> Record:
        """Store a record as its table keeps it; returned is the record as it was given."""
        kept = record
        if table.database:
            kept = {
                column: table.database.kept(column, record[column])
                for column in table.columns
                if column in record
            }
        self._records[table.name][str(kept["id"])] = kept
        return record

    def put(self, name: str, record: Record) -> None:
        """Store `record` as it is, under its own id."""
        self._records[name][record["id"]] = record

    def find(self, name: str, id: str) -> Record:
        """The record with that id, else NotFound."""
        record = self._records[name].get(id)
        if record is None:
            raise NotFound(self.tables[name].noun, id)
        return record

    def change(self, name: str, id: str, values: Mapping[str, Any]) -> Record:
        """Merge `values` into the record; what the server makes stays its own.

        Returned is as with `create`. A database leaves a record that does not change as it is.
        """
        table, record = self.tables[name], self.find(name, id)
        if table.database:
            changed = self._changed(table, table.database, record, values)
            if not table.database.echoes:
                return changed
            return {**changed, **{key: value for key, value in values.items() if key not in table.columns}}
        for column in table.columns:
            if column in values and column not in table.made:
                record[column] = values[column]
        for column, how in table.made.items():
            if how == "touch":
                record[column] = self.now()
        return record

    def _changed(self, table: Table, database: Columns, record: Record, values: Mapping[str, Any]) -> Record:
        fixed = {*table.made, "workspaceId"} - ({"id"} if database.ids == "moved" else set())
        fixed |= {column for column in database.steady if values.get(column) is None}
        shown = {
            column: values[column] if column in values and column not in fixed else record[column]
            for column in table.columns
            if column in record or (column in values and column not in fixed)
        }
        if not _told(shown["id"]):
            shown["id"] = record["id"]
        self._check_required(database, shown)
        self._check_made(table, database, values)
        if any(database.kept(column, shown[column]) != record.get(column) for column in shown):
            for column, how in table.made.items():
                if how == "touch":
                    shown[column] = self._date(table, self.now())
            return self._keep(table, shown)
        return {column: value for column, value in shown.items() if column not in database.unread}

    def remove(self, name: str, id: str) -> Deleted:
        """Delete the record with that id, else NothingDeleted."""
        if self._records[name].pop(id, None) is None:
            raise NothingDeleted(self.tables[name].noun, id)
        return Deleted(1)

    # --- many records ---

    def select(self, name: str, /, **equal: Any) -> list[Record]:
        """The records whose columns equal `equal` (None matches all), in the table's order."""
        wanted = [(column, value) for column, value in equal.items() if value is not None]
        found = [
            record
            for record in self._records[name].values()
            if all(record.get(column) == value for column, value in wanted)
        ]
        order = self.tables[name].order
        if order:
            column = order.lstrip("-")
            found.sort(key=lambda record: record.get(column) or "", reverse=order[0] == "-")
        return found

    def has(self, name: str, id: str | None) -> bool:
        return id in self._records[name]

    def remove_where(self, name: str, /, **equal: Any) -> int:
        """Delete the records whose columns equal `equal`; how many they were."""
        return self.remove_records(name, self.select(name, **equal))

    def remove_records(self, name: str, records: Iterable[Record]) -> int:
        """Delete these records; how many they were."""
        ids = [record["id"] for record in records]
        for id in ids:
            self._records[name].pop(id, None)
        return len(ids)

    # --- what hangs together ---

    def remove_chatflow(self, id: str) -> Deleted:
        """Delete a chatflow with its messages, their feedback and its upsert history."""
        deleted = self.remove("chatflow", id)
        for name in ("chatmessage", "feedback", "upserthistory", "file"):
            self.remove_where(name, chatflowid=id)
        return deleted

    def feedback_by_message(self, chatflowid: str, rating: str | None = None) -> dict[str, Record]:
        """The latest feedback on each message of a flow, by the id of the message; of one rating, or any."""
        rows = self.select("feedback", chatflowid=chatflowid, rating=rating)
        return {row["messageId"]: row for row in rows if "messageId" in row}

    def link_document_stores(self, chatflowid: str, used: set[str]) -> None:
        """Make `whereUsed` of every document store tell whether this flow reads it."""
        for record in self.select("documentstore"):
            users = _json_list(record.get("whereUsed"))
            if (chatflowid in users) != (record["id"] in used):
                users = [user for user in users if user != chatflowid]
                users += [chatflowid] if record["id"] in used else []
                record["whereUsed"] = json.dumps(users, separators=(",", ":"))

    def remove_messages(self, messages: Iterable[Record]) -> int:
        """Delete chat messages and the feedback on them; how many messages they were."""
        gone = list(messages)
        ids = {message["id"] for message in gone}
        rated = [row for row in self.select("feedback") if row.get("messageId") in ids]
        self.remove_records("feedback", rated)
        return self.remove_records("chatmessage", gone)

    def remove_document_store(self, id: str) -> Deleted:
        """Delete a document store with its chunks and its upsert history."""
        deleted = self.remove("documentstore", id)
        self.remove_where("chunk", storeId=id)
        self.remove_where("upserthistory", chatflowid=id)
        return deleted

    def key_named(self, api_key: str | None) -> Record | None:
        """The API key record whose secret is `api_key`."""
        if api_key is None:
            return None
        for record in self._records["apikey"].values():
            if record.get("apiKey") == api_key:
                return record
        return None

    # --- all of it ---

    def snapshot(self) -> dict[str, dict[str, Record]]:
        """A deep copy of all records, for `restore`."""
        return copy.deepcopy(self._records)

    def restore(self, snapshot: Mapping[str, Mapping[str, Record]]) -> None:
        """Bring back what `snapshot` held; the snapshot stays usable."""
        kept = copy.deepcopy(dict(snapshot))
        self._records = {name: dict(kept.get(name, {})) for name in self.tables}

    def __iter__(self) -> Iterator[tuple[str, list[Record]]]:
        """Each table's name and its records, as created."""
        for name, records in self._records.items():
            yield name, list(records.values())
