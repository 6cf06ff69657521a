"""Garbage: requests make none, and after a long collection what it left is not looked at again."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.server import ServerState

from flowise_mock.engine.http_limits import HTTPLimits
from flowise_mock.engine.http_protocol import Protocol
from flowise_mock.engine.unsent import Outbox
from flowise_mock.server.build import Options, build
from flowise_mock.server.garbage import LONG, KeepShort


@pytest.mark.parametrize(
    ("seconds", "generation", "frozen"), [(LONG * 2, 2, 1), (LONG / 2, 2, 0), (LONG * 2, 1, 0)]
)
def test_a_long_collection(
    seconds: float, generation: int, frozen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, freezes = count(0, seconds), count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(gc, "freeze", lambda: next(freezes))
    keep = KeepShort()
    keep("start", {"generation": generation})
    keep("stop", {"generation": generation})
    assert next(freezes) == frozen


def test_records_are_in_no_cycle() -> None:
    """So they are freed without a collection, which may not look at them any more."""
    worlds = build(Options(token_delay=0)).worlds
    world = worlds.get("other")
    world.store.create("chatmessage", {"chatflowid": "a"})
    world.store.select("chatmessage", chatflowid="a")
    kept = weakref.ref(world.store)
    gc.collect()
    gc.disable()
    try:
        del world
        worlds.delete("other")
        assert kept() is None
    finally:
        gc.enable()


class Transport(asyncio.Transport):
    """A connection to nobody."""

    def write(self, data: object) -> None:
        """Forget it."""

    def get_extra_info(self, name: str, default: object = None) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def is_closing(self) -> bool:
        return False


def request(method: str, path: str, body: str = "", key: str = "flowise-mock") -> bytes:
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    media = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{head}{media}\r\n{body}".encode()


FLOW = "/prediction/d290f1ee-6c54-4b01-90e6-d701748f0851"


@pytest.mark.parametrize(
    "sent",
    [
        request("GET", "/tools"),
        request("GET", "/tools/none"),
        request("GET", "/tools", key="none"),
        request("POST", "/variables", '{"name": "a"}'),
        request("POST", FLOW, '{"question": "a"}'),
        request("POST", FLOW, '{"question": "a", "streaming": true}'),
    ],
)
def test_a_request_and_its_connection_leave_nothing_to_collect(sent: bytes) -> None:
    config: Any = SimpleNamespace(loaded_app=build(Options(token_delay=0)).app, timeout_keep_alive=5)

    async def exchange(count: int) -> None:
        state = ServerState()
        protocol = Protocol(config, state, {}, limits=HTTPLimits(), stalled=set(), outbox=Outbox())
        protocol.connection_made(Transport())
        for _ in range(count):
            protocol.data_received(sent)
            await asyncio.sleep(0)
            while state.tasks:
                await asyncio.sleep(0)
        assert state.total_requests == count
        protocol.connection_lost(None)

    async def run() -> int:
        await exchange(3)
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await exchange(3)
            return gc.collect()
        finally:
            gc.enable()

    assert asyncio.run(run()) == 0
