"""The journal: requests, what answered them, and the responses. Limited in entries and bytes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

MAX_BODY = 64 * 1024
"""Bytes that an entry keeps of a request body, and of a response body."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes of bodies that a journal keeps."""
Headers = list[tuple[bytes, bytes]]


class Entry:
    """One exchange, with bodies cut at MAX_BODY.

    `mask` takes the secrets out; the journal calls it before anyone sees the entry, and only once.
    `time` is in milliseconds since 1970 by the clock of the namespace, `duration` in milliseconds. `events`
    is the number of stream events that were sent. `completed` is false if the client left before the end.
    `question` has what a prediction resolved: the chat, the session, the turn, the name of the flow.
    """

    __slots__ = (
        "_mask", "body", "completed", "duration", "events", "fault", "headers", "id", "length", "method",
        "operation", "path", "query", "question", "response", "response_headers", "response_length", "rule",
        "started", "status", "time",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        time: int,
        method: str,
        path: str,
        query: bytes,
        headers: Headers,
        mask: Callable[[Entry], None] | None = None,
    ) -> None:
        self.id = id
        self.time = time
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.started = _now()
        self.operation = ""
        self.body = b""
        self.length = 0
        self.rule = ""
        self.fault = ""
        self.status = 0
        self.response = b""
        self.response_length = 0
        self.response_headers: Headers = []
        self.events = 0
        self.completed = False
        self.duration = 0.0
        self.question: dict[str, Any] | None = None
        self._mask = mask

    def masked(self) -> Entry:
        """The entry, without its secrets from now on."""
        if self._mask is not None:
            self._mask(self)
            self._mask = None
        return self

    @property
    def size(self) -> int:
        """Bytes that the journal counts for it."""
        return len(self.body) + len(self.response)


class Journal:
    """The last `most` entries of one namespace, oldest first; 0 keeps none."""

    def __init__(self, most: int = 1000, max_bytes: int = MAX_BYTES) -> None:
        self.most = most
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0
        self._number = 0
        self._cleared = 0
        self._listeners: set[Callable[[Entry], None]] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([entry.masked() for entry in self._entries.values()])

    def next_id(self) -> str:
        self._number += 1
        return str(self._number)

    def get(self, id: str) -> Entry | None:
        entry = self._entries.get(id)
        return None if entry is None else entry.masked()

    def add(self, entry: Entry) -> None:
        """Add a complete entry, and drop the oldest entries beyond the limits.

        A request that came before the journal was cleared leaves no entry.
        """
        if int(entry.id) <= self._cleared:
            return
        entry.duration = (_now() - entry.started) * 1000
        self._keep(entry)
        for listener in list(self._listeners):
            listener(entry.masked())

    def replace(self, entries: Iterable[Entry]) -> None:
        """Replace all entries by these, oldest first, with new ids."""
        self.clear()
        for entry in entries:
            entry.id = self.next_id()
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        self._bytes += entry.size
        while len(self._entries) > self.most or (self._bytes > self._max_bytes and len(self._entries) > 1):
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= dropped.size

    def clear(self) -> None:
        """Drop all entries; ids go on."""
        self._entries.clear()
        self._bytes = 0
        self._cleared = self._number

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `listener` for each entry that is added. Returns a function that ends this."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)


def _now() -> float:
    return time.perf_counter()
