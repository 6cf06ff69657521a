"""Collects the exchanges of a relay from what its connections carry. Bodies are kept up to a limit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from flowise_mock.proxy.exchange import MAX_ARRIVALS, MAX_BODY, Exchange
from flowise_mock.proxy.framing import Head, Part

MAX_KEPT = 128 * 1024 * 1024
"""Bytes of unfinished exchanges that are kept, over all connections."""
Sink = Callable[[Exchange], None]


class Collector:
    """What the connections of a relay share: the numbers of exchanges, the bytes kept, where exchanges go."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.kept = 0
        self._number = 0

    def next_id(self) -> int:
        self._number += 1
        return self._number


class Watch:
    """Collects the exchanges of one connection. Bodies are kept up to a limit."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._open: deque[Pending] = deque()
        self._sending: Pending | None = None

    def method(self) -> bytes:
        """The method of the request that the next response answers."""
        return self._open[0].exchange.method.encode("latin-1") if self._open else b""

    def request(self, part: Part) -> None:
        if part.head is not None:
            self._sending = Pending(self._collector, part.head)
            self._open.append(self._sending)
        pending = self._sending
        if pending is None:
            return
        if part.content:
            pending.keep("request", part.content)
        if part.end:
            pending.sent = True
            self._sending = None

    def response(self, part: Part) -> None:
        if not self._open:
            return
        pending = self._open[0]
        if part.head is not None and not 100 <= part.head.status < 200:
            pending.answered(part.head)
        if part.content:
            pending.keep("response", part.content)
        if part.end:
            self._open.popleft()
            pending.finish("" if pending.sent else "the server answered before the request was complete")

    def cut(self, cause: str) -> None:
        """The connection has ended; `cause` says who left."""
        while self._open:
            pending = self._open.popleft()
            if pending.exchange.status:
                where = "in the middle of the response"
            else:
                where = "before a response" if pending.sent else "in the middle of the request"
            pending.finish(f"{cause} {where}")


class Pending:
    """An exchange that has not ended."""

    def __init__(self, collector: Collector, head: Head) -> None:
        self.sent = False
        self._collector = collector
        self._start = time.perf_counter()
        self._held: dict[str, list[bytes]] = {"request": [], "response": []}
        self._sizes = {"request": 0, "response": 0}
        self.exchange = Exchange(
            collector.next_id(),
            time.time_ns() // 1_000_000,
            head.method.decode("latin-1"),
            head.target.decode("latin-1"),
            head.headers,
        )

    def answered(self, head: Head) -> None:
        self.exchange.status = head.status
        self.exchange.response_headers = head.headers
        self._arrived()

    def keep(self, which: str, data: bytes) -> None:
        """Keep a piece of a body, if there is room; count it in any case."""
        self._sizes[which] += len(data)
        if self._sizes[which] <= MAX_BODY and self._collector.kept + len(data) <= MAX_KEPT:
            self._held[which].append(data)
            self._collector.kept += len(data)
        if which == "response":
            self._arrived()

    def _arrived(self) -> None:
        arrivals = self.exchange.arrivals
        if len(arrivals) < MAX_ARRIVALS:
            arrivals.append((self._since(), self._sizes["response"]))

    def _since(self) -> float:
        return round((time.perf_counter() - self._start) * 1000, 3)

    def finish(self, failure: str) -> None:
        exchange = self.exchange
        exchange.duration, exchange.failure = self._since(), failure
        exchange.request, exchange.response = (b"".join(self._held[which]) for which in self._held)
        exchange.request_length, exchange.response_length = self._sizes.values()
        self._collector.kept -= len(exchange.request) + len(exchange.response)
        self._collector.sink(exchange)
