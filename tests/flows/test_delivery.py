"""Delivery and limits without a server: the order of events and pauses, replaced runs, rate windows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowise_mock.contract import contracts
from flowise_mock.contract.tables import tables
from flowise_mock.flows import delivery, limits
from flowise_mock.flows.call import Call, FlowRuntime
from flowise_mock.flows.turn import resolve_turn
from flowise_mock.state.clock import Clock
from flowise_mock.state.outcomes import Outcome, Pause, TooManyRequests
from flowise_mock.state.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ignore(condition: Outcome) -> None:
    """A contract that ignores every condition."""


@pytest.fixture
def call() -> Call:
    store = Store(tables(contracts.load("clients")), clock=Clock(NOON))
    words = ["one", " two", " three"]
    return Call(store, ignore, runtime=FlowRuntime(token_delay=0.5, model=lambda flow, prompt: words))


def flow(call: Call, **more: Any) -> dict[str, Any]:
    nodes = [{"id": "m", "data": {"name": "bufferMemory", "category": "Memory", "label": "Memory"}}]
    return call.store.create("chatflow", {"name": "f", "flowData": json.dumps({"nodes": nodes}), **more})


def test_each_token_is_sent_before_the_pause_after_it(call: Call) -> None:
    log: list[str] = []
    pauses: list[float] = []

    async def run() -> None:
        started = asyncio.get_running_loop().time()
        turn = resolve_turn(call, flow(call), {"question": "q"})
        async for event in delivery.as_events(call, turn):
            if isinstance(event, Pause):
                log.append("pause")
                pauses.append(event.until - started)
            else:
                log.append(event[0])

    asyncio.run(run())
    assert log == ["start", *["token", "pause"] * 3, "metadata", "end"]
    # nobody waits here, so the pauses last until their own due times, one delay after the other
    assert [round(each - pauses[0], 6) for each in pauses] == [0, 0.5, 1.0]
    assert 0.5 <= pauses[0] < 1


def test_a_replaced_run_does_not_remove_its_successor(call: Call) -> None:
    async def run() -> None:
        one = flow(call)
        first, second = (resolve_turn(call, one, {"question": "q", "chatId": "c"}) for _ in range(2))
        earlier, later = delivery.as_events(call, first), delivery.as_events(call, second)
        await anext(earlier)
        await anext(later)
        key = (one["id"], "c")
        assert call.store.runs[key] is second
        await _close(earlier)
        assert call.store.runs[key] is second
        await _close(later)
        assert call.store.runs == {}

    asyncio.run(run())


async def _close(events: AsyncIterator[Any]) -> None:
    await events.aclose()  # type: ignore[attr-defined]


def test_a_rate_window_lasts_until_its_last_second(call: Call) -> None:
    limit = {"rateLimit": {"status": True, "limitMax": 1, "limitDuration": 60, "limitMsg": "wait"}}
    one = flow(call, apiConfig=json.dumps(limit))
    for seconds, refused in ((0, False), (59.999, True), (60, False), (60, True), (119, True), (120, False)):
        call.store.clock.moment = NOON + timedelta(seconds=seconds)
        if refused:
            with pytest.raises(TooManyRequests):
                limits.check_rate(call, one)
        else:
            limits.check_rate(call, one)
