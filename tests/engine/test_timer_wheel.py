"""The timer wheel: what waits is woken in time and together, with one timer."""

from __future__ import annotations

import asyncio
from typing import Any

from flowise_mock.engine.timer_wheel import TimerWheel


def test_pauses_end_in_their_order_and_not_early() -> None:
    async def run() -> list[int]:
        loop, wheel = asyncio.get_running_loop(), TimerWheel(0.004)
        woken: list[int] = []

        async def wait(number: int, until: float) -> None:
            await wheel.wait(until)
            assert loop.time() >= until - 0.0015  # a quarter of a tick, and the clock of the loop
            woken.append(number)

        begin = loop.time()
        await asyncio.gather(*(wait(number, begin + number * 0.01) for number in (5, 1, 4, 2, 3)))
        return woken

    assert asyncio.run(run()) == [1, 2, 3, 4, 5]


def test_one_timer_wakes_all_of_a_tick() -> None:
    class Loop(asyncio.SelectorEventLoop):
        timers = 0

        def call_at(  # type: ignore[override]
            self, when: Any, callback: Any, *args: Any, context: Any = None
        ) -> asyncio.TimerHandle:
            self.timers += 1
            return super().call_at(when, callback, *args, context=context)

    async def run(count: int) -> int:
        loop, wheel = asyncio.get_running_loop(), TimerWheel(0.01)
        assert isinstance(loop, Loop)
        due = loop.time() + 0.02
        await asyncio.gather(*(wheel.wait(due) for _ in range(count)))
        return loop.timers

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(run(1000)) == 1


def test_an_earlier_pause_does_not_wait_for_a_later_one() -> None:
    async def run() -> bool:
        loop, wheel = asyncio.get_running_loop(), TimerWheel()
        later = wheel.wait(loop.time() + 60)
        await asyncio.wait_for(wheel.wait(loop.time() + 0.01), 5)
        return later.done()

    assert not asyncio.run(run())


def test_a_pause_that_is_given_up_harms_nobody() -> None:
    async def run() -> None:
        loop, wheel = asyncio.get_running_loop(), TimerWheel()
        due = loop.time() + 0.01
        given_up, other = wheel.wait(due), wheel.wait(due)
        given_up.cancel()
        await asyncio.wait_for(other, 5)

    asyncio.run(run())


def test_a_wheel_may_be_used_by_one_loop_after_the_other() -> None:
    wheel = TimerWheel()

    async def run(leave: bool) -> None:
        due = asyncio.get_running_loop().time() + 0.01
        waiting = wheel.wait(due)
        if not leave:
            await asyncio.wait_for(waiting, 5)

    asyncio.run(run(leave=True))
    asyncio.run(run(leave=False))
