"""Large bodies: how many are read at a time, and who is answered between them."""

from __future__ import annotations

import asyncio
import ctypes
from typing import Any

import pytest

from flowise_mock.engine import large_bodies
from flowise_mock.engine.http_limits import HTTPLimits
from flowise_mock.engine.large_bodies import LargeBodies

LIMITS = HTTPLimits(large_bytes=10, large_total_bytes=100)


class Load:
    """An app that reads a body and answers, and what it did."""

    def __init__(self) -> None:
        self.reading = self.most = 0
        self.log: list[str] = []
        self.given_back = 0
        self.bodies = LargeBodies(self.app, LIMITS, self.give_back)

    def give_back(self) -> None:
        self.given_back += 1

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/unread":
            while (await receive()).get("more_body"):
                pass
        self.log.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def request(self, path: str, size: int | None, packets: int = 3) -> None:
        header = (b"transfer-encoding", b"chunked") if size is None else (b"content-length", b"%d" % size)
        left = packets

        async def receive() -> Any:
            nonlocal left
            if left == packets:
                self.reading += size or 100
                self.most = max(self.most, self.reading)
            left -= 1
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": left > 0}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start" and left < packets:
                self.reading -= size or 100

        await self.bodies({"type": "http", "path": path, "headers": [header]}, receive, send)


@pytest.mark.anyio
async def test_few_are_read_at_a_time() -> None:
    load = Load()
    sizes: list[int | None] = [40, 60, 50, None, 100, 30, None, 5000]
    await asyncio.wait_for(asyncio.gather(*(load.request("/", size) for size in sizes * 3)), 5)
    assert load.most <= 5000  # one that is larger than all together is read alone
    assert len(load.log) == 24
    load = Load()
    await asyncio.gather(*(load.request("/", 40) for _ in range(20)))
    assert load.most == 80


@pytest.mark.anyio
async def test_small_ones_are_answered_between() -> None:
    load = Load()

    async def pings() -> None:
        while load.log.count("/large") < 10:
            await load.request("/ping", 0, packets=1)

    await asyncio.gather(*(load.request("/large", 20) for _ in range(10)), pings())
    assert "/large /large" not in " ".join(load.log)


@pytest.mark.anyio
async def test_a_body_that_is_not_read_waits_for_nobody() -> None:
    load = Load()
    await load.bodies.reserve(100)
    await asyncio.wait_for(load.request("/unread", 90), 1)
    waiting = asyncio.ensure_future(load.request("/", 90))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    load.bodies.release(100)
    await asyncio.wait_for(waiting, 1)


@pytest.mark.anyio
async def test_memory_is_given_back_after_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "IDLE", 0.01)
    load = Load()
    await load.request("/ping", 0, packets=1)
    await asyncio.sleep(0.1)
    assert load.given_back == 0
    await load.bodies.reserve(100)
    waiting = [asyncio.ensure_future(load.request("/", 50)) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert load.given_back == 0
    load.bodies.release(100)
    await asyncio.gather(*waiting)
    await asyncio.sleep(0.1)
    assert load.given_back == 1
    await load.request("/", 50)
    await asyncio.sleep(0.1)
    assert load.given_back == 2


@pytest.mark.anyio
async def test_memory_that_is_in_use_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "IDLE", 0.01)
    load = Load()
    await load.bodies.reserve(40)
    await load.request("/", 50)
    await asyncio.sleep(0.1)
    assert load.given_back == 0
    load.bodies.release(40)
    await asyncio.sleep(0.1)
    assert load.given_back == 1


def test_other_systems_keep_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Windows:
        def __init__(self, name: object) -> None:
            raise TypeError(name)

    class Other:
        def __init__(self, name: object) -> None:
            pass

    trimmed = []

    class Glibc(Other):
        def malloc_trim(self, left: int) -> None:
            trimmed.append(left)

    for library in (Windows, Other, Glibc):
        monkeypatch.setattr(ctypes, "CDLL", library)
        large_bodies.give_back_memory()
    assert trimmed == [0]
