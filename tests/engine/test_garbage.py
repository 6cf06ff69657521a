"""Collections of garbage: after a long one, what it left is not looked at again."""

from __future__ import annotations

import gc
import time
import weakref
from itertools import count

import pytest

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
