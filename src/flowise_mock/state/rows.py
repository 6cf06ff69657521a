"""The rows of a table, with their order and their indexes."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any

from flowise_mock.state.table import Index, Record, StoredRecord, Table, json_list


class Batch:
    """New records of a table that are stored at once. They are filed as they are added to it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.records: dict[str, Record] = {}
        self.filed: dict[Index, Filed] = {index: {} for index in table.indexes}

    def add(self, id: str, record: Record) -> None:
        self.records[id] = record if type(record) is StoredRecord else StoredRecord(record)
        for index, made in self.filed.items():
            _file(made, index, id, record)


MANY = 100
"""Removals at once from which on sorting anew is cheaper than finding each place."""
STEP = 500
"""Records that are filed between two pauses: about half a millisecond."""
Filed = dict[Any, dict[str, None]]
"""An index: the ids of the records with each key."""
Key = tuple[str, int, str]
"""What rows are sorted by: the value of the table's `order`, the number of the record, its id."""


class Rows:
    """The records of one table, in order of creation. Indexes are built when they are first used."""

    def __init__(self, table: Table, records: Mapping[str, Record] | None = None) -> None:
        self.table = table
        self.records: dict[str, Record] = dict(records or {})
        self._numbers: dict[str, int] | None = None
        self._next = count()
        self._column = table.order.lstrip("-")
        self._descends = table.order.startswith("-")
        self._kept: dict[str, Key] = {}
        self._sorted: list[Key] | None = None
        self._indexes: dict[Index, Filed] = {}

    def __len__(self) -> int:
        return len(self.records)

    # --- one record ---

    def put(self, id: str, record: Record) -> None:
        """Store a record, in place of the one with that id."""
        before = self.records.get(id)
        if before is None:
            if self._numbers is not None:
                self._numbers[id] = next(self._next)
        else:
            self._unfile(id, before)
            self._kept.pop(id, None)
        self.records[id] = record if type(record) is StoredRecord else StoredRecord(record)
        if self._indexes or self._sorted is not None:
            self._file(id, record)
        if self.table.keep is not None and len(self.records) > self.table.keep:
            self.pop(next(iter(self.records)))

    def put_all(self, batch: Batch) -> None:
        """Store the records of a batch. It takes a fraction of what it takes to store each."""
        is_filed = self._indexes.keys() <= batch.filed.keys()
        if not is_filed or self.table.keep is not None or not self.records.keys().isdisjoint(batch.records):
            for id, record in batch.records.items():
                self.put(id, record)
            return
        self.records.update(batch.records)
        if self._numbers is not None:
            self._numbers.update(zip(batch.records, self._next, strict=False))
        self._sorted = None
        for index, made in self._indexes.items():
            for key, ids in batch.filed[index].items():
                made.setdefault(key, {}).update(ids)

    def discard(self, ids: Sequence[str]) -> None:
        """Remove the records with these ids. For many of them the order is made anew.

        For most of all records the indexes are too, when they are used next: there is less left to file than
        to take out.
        """
        if len(ids) > MANY:
            self._sorted = None
            if len(ids) > len(self.records) // 2:
                self._indexes = {}
        if self._indexes or self._sorted is not None:
            for id in ids:
                self.pop(id)
            return
        for id in ids:
            if self.records.pop(id, None) is not None:
                self._forget(id)

    def pop(self, id: str) -> Record | None:
        """Remove the record with that id and return it."""
        record = self.records.get(id)
        if record is not None:
            self._unfile(id, record)
            del self.records[id]
            self._forget(id)
        return record

    def _forget(self, id: str) -> None:
        self._kept.pop(id, None)
        if self._numbers is not None:
            del self._numbers[id]

    # --- many ---

    def select(self, equal: Mapping[str, Any]) -> list[Record]:
        """The records whose columns equal `equal`, in the table's order."""
        if not equal:
            return list(self._in_order())
        if self._best(equal) is None:
            return [record for record in self._in_order() if _equals(record, equal)]
        keys = sorted(map(self._key, self.ids(equal)), reverse=self._descends)
        return [self.records[id] for _, _, id in keys]

    def ids(self, equal: Mapping[str, Any]) -> list[str]:
        """The ids of the records whose columns equal `equal`, in any order."""
        index = self._best(equal)
        if index is None:
            return [id for id, record in self.records.items() if _equals(record, equal)]
        found = self._index(index).get(tuple(_hashable(equal[column]) for column in index), ())
        rest = {column: value for column, value in equal.items() if column not in index}
        return [id for id in found if _equals(self.records[id], rest)] if rest else list(found)

    def first(self, column: str, value: str) -> Record | None:
        """The first record, in the table's order, whose `column` is `value`; `column` is an index."""
        index = self._indexes.get((column,))
        ids = (self._index((column,)) if index is None else index).get((value,))
        if not ids:
            return None
        return self.records[next(iter(ids))] if len(ids) == 1 else self.select({column: value})[0]

    def holding_one(self, column: str, values: Iterable[str]) -> list[Record]:
        """The records of each of these values of `column`, in the table's order; `column` is an index."""
        index = self._index((column,))
        found: list[Record] = []
        for value in values:
            ids = index.get((value,), ())
            if len(ids) > 1:
                found += [self.records[id] for id in sorted(ids, key=self._key, reverse=self._descends)]
            elif ids:
                found.append(self.records[next(iter(ids))])
        return found

    def holding(self, column: str, item: str) -> list[Record]:
        """The records whose `column` is a JSON list that holds `item`; `column*` is an index."""
        return [self.records[id] for id in self._index((f"{column}*",)).get((item,), {})]

    def slice(self, start: int, stop: int) -> list[Record]:
        """A part of all records, in the table's order."""
        if not self.table.order:
            return list(islice(self.records.values(), start, stop))
        keys = self._keys()
        if self._descends:
            keys = keys[max(len(keys) - stop, 0) : max(len(keys) - start, 0)][::-1]
        else:
            keys = keys[start:stop]
        return [self.records[id] for _, _, id in keys]

    def _in_order(self) -> Iterator[Record]:
        if not self.table.order:
            return iter(self.records.values())
        keys = self._keys()
        return (self.records[id] for _, _, id in (reversed(keys) if self._descends else keys))

    # --- order ---

    def _key(self, id: str) -> Key:
        """What a record is sorted by; of equal dates, the record that was created first comes first."""
        key = self._kept.get(id)
        if key is None:
            value = self.records[id].get(self._column) or "" if self._column else ""
            if self._numbers is None:
                self._next = count(len(self.records))
                self._numbers = dict(zip(self.records, count(), strict=False))
            number = self._numbers[id]
            key = self._kept[id] = (str(value), -number if self._descends else number, id)
        return key

    def _keys(self) -> list[Key]:
        if self._sorted is None:
            self._sorted = sorted(self._key(id) for id in self.records)
        return self._sorted

    # --- indexes ---

    def prepare(self, equal: Mapping[str, Any]) -> Iterator[None]:
        """Make the index and the order that a selection uses, in steps of STEP records.

        The records may change between two steps.
        """
        index = self._best(equal)
        if index is None or index in self._indexes:
            return
        before = self.records.copy()
        made: Filed = {}
        for number, (id, record) in enumerate(before.items(), 1):
            _file(made, index, id, record)
            if id in self.records:
                self._key(id)
            if number % STEP == 0:
                yield
        for id, record in before.items():
            if self.records.get(id) is not record:
                _unfile(made, index, id, record)
        for id, record in self.records.items():
            if before.get(id) is not record:
                _file(made, index, id, record)
        self._indexes[index] = made

    def _best(self, equal: Mapping[str, Any]) -> Index | None:
        usable = [index for index in self.table.indexes if all(column in equal for column in index)]
        return max(usable, key=len, default=None)

    def _index(self, index: Index) -> Filed:
        made = self._indexes.get(index)
        if made is None:
            made = self._indexes[index] = {}
            for id, record in self.records.items():
                _file(made, index, id, record)
        return made

    def _file(self, id: str, record: Record) -> None:
        for index, made in self._indexes.items():
            _file(made, index, id, record)
        if self._sorted is not None:
            key = self._key(id)
            if self._sorted and self._sorted[-1] < key:  # as nearly always: what is new comes last
                self._sorted.append(key)
            else:
                insort(self._sorted, key)

    def _unfile(self, id: str, record: Record) -> None:
        for index, made in self._indexes.items():
            _unfile(made, index, id, record)
        if self._sorted is not None:
            del self._sorted[bisect_left(self._sorted, self._key(id))]


def _file(made: Filed, index: Index, id: str, record: Record) -> None:
    for key in _keys_of(index, record):
        made.setdefault(key, {})[id] = None


def _unfile(made: Filed, index: Index, id: str, record: Record) -> None:
    for key in _keys_of(index, record):
        ids = made.get(key, {})
        ids.pop(id, None)
        if not ids:
            made.pop(key, None)


def _equals(record: Record, equal: Mapping[str, Any]) -> bool:
    return all(record.get(column) == value for column, value in equal.items())


def _keys_of(index: Index, record: Record) -> list[Any]:
    """The keys under which a record is filed: one, or one for each item of a JSON list."""
    if index[0].endswith("*"):
        return [(item,) for item in json_list(record.get(index[0][:-1])) if isinstance(item, str)]
    key = tuple([record.get(column) for column in index])
    try:
        hash(key)
    except TypeError:
        key = tuple([_hashable(value) for value in key])
    return [key]


def _hashable(value: Any) -> Any:
    """A value that can be a key; older servers store ids of any type."""
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else value
