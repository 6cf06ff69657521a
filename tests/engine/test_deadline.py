"""Deadlines: over in time, set anew without a new timer, sooner with one."""

from __future__ import annotations

import asyncio
from typing import Any

from flowise_mock.engine.deadline import Deadline


class Loop:
    """A loop whose time is set by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[list[Any]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any) -> Any:
        timer = [when, callback]
        self.timers.append(timer)
        return type("Timer", (), {"cancel": lambda _: self.timers.remove(timer)})()

    def go_on(self, until: float) -> None:
        while self.timers and min(self.timers, key=lambda each: each[0])[0] <= until:
            timer = min(self.timers, key=lambda each: each[0])
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            timer[1]()
        self.now = until


def test_a_deadline_is_missed_once() -> None:
    loop, missed = Loop(), []
    deadline = Deadline(loop, lambda: missed.append(loop.now))
    deadline.set(5)
    assert deadline.is_set
    loop.go_on(20)
    assert missed == [5] and not deadline.is_set and loop.timers == []


def test_a_later_one_needs_no_timer_and_a_sooner_one_another() -> None:
    loop, missed = Loop(), []
    deadline = Deadline(loop, lambda: missed.append(loop.now))
    deadline.set(10)
    for _ in range(4):
        loop.now += 0.25
        deadline.clear()
        deadline.set(10)
    assert [each[0] for each in loop.timers] == [10]
    deadline.set(2)
    assert [each[0] for each in loop.timers] == [3]
    deadline.set(30)
    loop.go_on(100)
    assert missed == [31]


def test_a_cleared_or_closed_one_is_not_missed() -> None:
    loop, missed = Loop(), []
    deadline = Deadline(loop, lambda: missed.append(loop.now))
    deadline.set(1)
    deadline.clear()
    loop.go_on(5)
    deadline.set(1)
    deadline.close()
    assert loop.timers == []
    loop.go_on(10)
    assert missed == []


def test_a_deadline_on_a_real_loop() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        missed = loop.create_future()
        began = loop.time()
        Deadline(loop, lambda: missed.set_result(loop.time())).set(0.02)
        return float(await missed) - began

    assert asyncio.run(run()) >= 0.019
