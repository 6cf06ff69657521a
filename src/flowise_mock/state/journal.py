"""The journal: requests, what answered them, and the responses. Limited in entries and bytes."""

from __future__ import annotations

from collections import deque
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

    operation: str = ""
    body: bytes = b""
    length: int = 0
    question: dict[str, Any] | None = None
    rule: str = ""
    fault: str = ""
    status: int = 0
    response_headers: Headers
    response: bytes = b""
    response_length: int = 0
    events: int = 0
    completed: bool = False
    duration: float = 0.0
    mask: Callable[[Entry], None] | None = None

    def __init__(
        self, id: int, time: int, method: str, path: str, query: bytes = b"", headers: Headers | None = None
    ) -> None:
        self.id = id
        self.time = time
        self.method = method
        self.path = path
        self.query = query
        self.headers: Headers = headers or []
        self.response_headers = []

    @property
    def ended(self) -> float:
        """When the response was complete, in milliseconds since 1970."""
        return self.time + self.duration

    def masked(self) -> Entry:
        """The entry, without its secrets from now on."""
        if self.mask is not None:
            self.mask(self)
            self.mask = None
        return self


class Journal:
    """The last `most` entries of one namespace, oldest first; 0 keeps none."""

    def __init__(self, most: int = 1000, max_bytes: int = MAX_BYTES) -> None:
        self.most = most
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._number = 0
        self._cleared = 0
        self._listeners: set[Callable[[Entry], None]] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """The entries that there are now; each is masked when it is reached."""
        return (entry.masked() for entry in list(self._entries))

    def next_id(self) -> int:
        self._number += 1
        return self._number

    def get(self, id: str) -> Entry | None:
        entry = next((each for each in self._entries if str(each.id) == id), None)
        return None if entry is None else entry.masked()

    def add(self, entry: Entry) -> None:
        """Add a complete entry, and drop the oldest entries beyond the limits.

        A request that came before the journal was cleared leaves no entry.
        """
        if entry.id <= self._cleared:
            return
        self._keep(entry)
        if self._listeners:
            for listener in list(self._listeners):
                listener(entry.masked())

    def replace(self, entries: Iterable[Entry]) -> None:
        """Replace all entries by these, oldest first, with new ids."""
        self.clear()
        for entry in entries:
            entry.id = self.next_id()
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        kept = self._entries
        if kept:
            last = kept[-1]
            if entry.headers == last.headers:  # clients ask the same again, and what is equal is kept once
                entry.headers = last.headers
            if entry.response_headers == last.response_headers:
                entry.response_headers = last.response_headers
            if entry.response == last.response:
                entry.response = last.response
        kept.append(entry)
        self._bytes += len(entry.body) + len(entry.response)
        while len(kept) > self.most or (self._bytes > self._max_bytes and len(kept) > 1):
            dropped = kept.popleft()
            self._bytes -= len(dropped.body) + len(dropped.response)

    def clear(self) -> None:
        """Drop all entries; ids go on."""
        self._entries.clear()
        self._bytes = 0
        self._cleared = self._number

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `listener` for each entry that is added. Returns a function that ends this."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)
