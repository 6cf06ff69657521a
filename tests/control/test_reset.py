"""Resets: each part apart, and all of them."""

from __future__ import annotations

import contextlib
import time

import httpx
import pytest

from control.conftest import SUPPORT, Namespace

PARTS = ["journal", "state", "rules", "faults", "clock"]


def used(ns: Namespace) -> None:
    """A namespace in which every part differs from the start."""
    ns.control.post("/rules", json={"answer": "added", "match": {"question": "hello"}}).raise_for_status()
    ns.control.post(
        "/faults", json={"fault": "server-error", "match": {"question": "fail"}}
    ).raise_for_status()
    ns.control.put("/clock", json={"at": "2026-01-01T00:00:00Z"}).raise_for_status()
    ns.ask("hello").raise_for_status()


def left(ns: Namespace) -> set[str]:
    """The parts that differ from the start."""
    found = {
        "journal": ns.control.get("/journal").json() != [],
        "state": ns.control.get("/snapshots/diff").json() != {},
        "rules": ns.control.get("/rules").json() != [],
        "faults": ns.control.get("/faults").json() != [],
        "clock": ns.control.get("/clock").json()["frozen"],
    }
    return {part for part, is_left in found.items() if is_left}


@pytest.mark.parametrize("part", PARTS)
def test_one_part(ns: Namespace, part: str) -> None:
    used(ns)
    assert left(ns) == set(PARTS)
    assert ns.control.post("/reset", json={"parts": [part]}).json() == {"reset": [part]}
    assert left(ns) == set(PARTS) - {part}


def test_everything_by_default(ns: Namespace) -> None:
    used(ns)
    assert ns.control.post("/reset").json() == {"reset": PARTS}
    assert left(ns) == set()


def test_another_namespace_stays(ns: Namespace, other: Namespace) -> None:
    used(ns)
    used(other)
    ns.control.post("/reset")
    assert left(other) == set(PARTS)


def test_state_takes_rate_windows_and_counters_with_it(ns: Namespace) -> None:
    ns.control.post("/rules", json={"answer": "once", "times": 1})
    assert ns.ask("x").json()["text"] == "once"
    assert ns.ask("x").json()["text"] != "once"
    ns.control.post("/reset", json={"parts": ["state"]})
    assert ns.ask("x").json()["text"] == "once"


def test_running_streams_end(ns: Namespace) -> None:
    slow = {"text": "word " * 200, "timing": {"tokens_per_second": 5}}
    ns.control.post("/rules", json={"answer": slow}).raise_for_status()
    started = time.monotonic()
    with ns.api.stream("POST", f"/prediction/{SUPPORT}", json={"question": "x", "streaming": True}) as stream:
        parts = stream.iter_raw()
        next(parts)
        ns.control.post("/reset", json={"parts": ["state"]}).raise_for_status()
        with contextlib.suppress(httpx.RemoteProtocolError):
            list(parts)
    assert time.monotonic() - started < 5  # all of it would take 40 s


@pytest.mark.parametrize(
    "body", ['{"parts": []}', '{"parts": ["nothing"]}', '{"part": "state"}', "[]", '{"parts":']
)
def test_what_cannot_be_reset_changes_nothing(ns: Namespace, body: str) -> None:
    used(ns)
    refused = ns.control.post("/reset", content=body)
    assert refused.status_code == 400
    assert refused.json()["message"]
    assert left(ns) == set(PARTS)
