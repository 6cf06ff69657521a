"""The outbox: order, bounds, and what ends a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from flowise_mock.engine.unsent import MOST, Outbox, Outgoing


class Loop:
    """An event loop whose turn ends by hand."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def call_soon(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def end_turn(self) -> None:
        for call in self.calls:
            call()
        self.calls.clear()


class Transport(asyncio.Transport):
    """Notes what is done with it."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name = name
        self.log = log
        self.closed = False

    def write(self, data: Any) -> None:
        self.log.append((self.name, data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.log.append((self.name, "close"))

    def abort(self) -> None:
        self.log.append((self.name, "abort"))

    def write_eof(self) -> None:
        self.log.append((self.name, "eof"))


class Pair:
    """Two connections of one server."""

    def __init__(self) -> None:
        self.loop = cast(Any, Loop())
        self.log: list[Any] = []
        outbox = Outbox()
        self.inner = [Transport(name, self.log) for name in "ab"]
        self.a, self.b = (Outgoing(each, outbox, self.loop) for each in self.inner)


def test_a_turn_is_sent_at_its_end_in_order() -> None:
    pair = Pair()
    pair.a.write(b"1")
    pair.b.write(b"2")
    pair.a.write(b"3")
    assert pair.log == []
    pair.loop.end_turn()
    assert pair.log == [("a", b"1"), ("b", b"2"), ("a", b"3")]
    pair.b.write(b"4")
    pair.loop.end_turn()
    assert pair.log[3:] == [("b", b"4")]


@pytest.mark.parametrize(
    ("end", "named"),
    [(Outgoing.close, "close"), (Outgoing.abort, "abort"), (Outgoing.write_eof, "eof")],
)
def test_what_was_written_goes_before_an_end(end: Callable[[Outgoing], None], named: str) -> None:
    pair = Pair()
    pair.a.write(b"1")
    end(pair.a)
    assert pair.log == [("a", b"1"), ("a", named)]


def test_much_does_not_wait_for_the_end() -> None:
    pair = Pair()
    pair.a.write(b"x" * MOST)
    assert pair.log == []
    pair.b.write(b"y")
    assert [name for name, _ in pair.log] == ["a", "b"]


def test_a_connection_that_was_lost_gets_nothing() -> None:
    pair = Pair()
    pair.a.write(b"1")
    pair.b.write(b"2")
    pair.inner[0].closed = True
    pair.loop.end_turn()
    assert pair.log == [("b", b"2")]
