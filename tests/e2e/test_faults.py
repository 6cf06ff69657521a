"""Faults on demand, over a real socket: what a client gets, and that nothing is done to the state."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock import server
from flowise_mock.faults import KINDS, from_header, read
from flowise_mock.server import Options

REPLACING = [name for name, kind in KINDS.items() if kind.replaces]


def flow(running: Running) -> str:
    (row,) = running.mock.store.select("chatflow", name="Support chat")
    return str(row["id"])


def ask(running: Running, fault: str, *, streaming: bool = True, wait: float = 10) -> bytes:
    """What comes over the wire, until the server closes or the time is over."""
    body = json.dumps({"question": "hello there", "streaming": streaming}).encode()
    head = (
        f"POST /api/v1/prediction/{flow(running)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"x-flowise-mock-fault: {fault}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    got = b""
    with socket.create_connection(("127.0.0.1", running.port), timeout=wait) as wire:
        wire.sendall(head.encode() + body)
        while True:
            try:
                part = wire.recv(65536)
            except TimeoutError:
                return got + b"<open>"
            except ConnectionResetError:
                return got + b"<reset>"
            if not part:
                return got + b"<closed>"
            got += part


def events(got: bytes) -> list[str]:
    return [line.split('"')[3] for line in got.decode().splitlines() if line.startswith("data:{")]


def test_lost_content(fresh_default: Running) -> None:
    assert events(ask(fresh_default, "lost-content")) == ["metadata", "end"]


def test_empty_stream(fresh_default: Running) -> None:
    got = ask(fresh_default, "empty-stream")
    assert got.startswith(b"HTTP/1.1 200")
    assert b"text/event-stream" in got
    assert b"data:" not in got


def test_error_in_midstream(fresh_default: Running) -> None:
    got = ask(fresh_default, "error-midstream; after=2; message=out of tokens")
    assert events(got) == ["start", "token", "token", "error", "end"]
    assert b"out of tokens" in got


def test_a_version_frames_the_error_in_its_own_way() -> None:
    running = Running(server.build(Options(contract="3.0.5", token_delay=0)))
    got = ask(running, "error-midstream")
    running.stop()
    assert b'message\ndata:{"event":"error"' in got
    assert b'message:\ndata:{"event":"token"' in got


def test_a_frame_is_cut(fresh_default: Running) -> None:
    got = ask(fresh_default, "cut-frame; after=1")
    told = [line for line in got.decode().splitlines() if line.startswith("data:")]
    with pytest.raises(json.JSONDecodeError):
        json.loads(told[-1][5:])


def test_no_end(fresh_default: Running) -> None:
    assert events(ask(fresh_default, "no-end"))[-1] == "metadata"


def test_never_closed(fresh_default: Running) -> None:
    got = ask(fresh_default, "never-closed; seconds=30", wait=0.7)
    assert events(got)[-1] == "end"
    assert got.endswith(b"<open>")
    assert b"0\r\n\r\n" not in got


@pytest.mark.parametrize("name", ["hang", "never-closed"])
def test_what_stays_open_is_closed_in_the_end(fresh_default: Running, name: str) -> None:
    assert ask(fresh_default, f"{name}; seconds=0.2").endswith(b"<closed>")


def test_hang(fresh_default: Running) -> None:
    assert ask(fresh_default, "hang; seconds=30", wait=0.5) == b"<open>"
    for _ in range(100):
        if not fresh_default.tasks():
            break
        time.sleep(0.02)
    assert fresh_default.tasks() == 0  # the client left: nothing is kept


def test_reset(fresh_default: Running) -> None:
    assert ask(fresh_default, "reset") == b"<reset>"


@pytest.mark.parametrize("streaming", [True, False])
def test_truncated(fresh_default: Running, streaming: bool) -> None:
    got = ask(fresh_default, "truncated; bytes=9", streaming=streaming)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert (b'{"text":"' in body) is not streaming
    assert b"0\r\n\r\n" not in body
    assert len(body) < 40


@pytest.mark.parametrize(("fault", "least"), [("latency; ms=300", 0.3), ("slow-first-token; ms=300", 0.3)])
def test_what_is_late(fresh_default: Running, fault: str, least: float) -> None:
    began = time.monotonic()
    assert events(ask(fresh_default, fault))[-1] == "end"
    assert time.monotonic() - began >= least


STATUSES = {
    "unauthorized": 401, "forbidden-origin": 403, "not-found": 404, "too-large": 413, "rate-limited": 429,
    "server-error": 500, "status; code=503; message=later": 503,
}  # fmt: skip


@pytest.fixture(scope="module")
def of_a_version() -> Iterator[Running]:
    running = Running(server.build(Options(contract="3.1.4", token_delay=0)))
    yield running
    running.stop()


@pytest.mark.parametrize("fault", STATUSES)
@pytest.mark.parametrize("path", ["/tools", "/variables", "/ping"])
@pytest.mark.parametrize("contract", ["default", "of_a_version"])
def test_statuses(contract: str, fault: str, path: str, request: pytest.FixtureRequest) -> None:
    """On any operation, documented or not, in the contract's own words."""
    running: Running = request.getfixturevalue(contract)
    with running.client() as client:
        answer = client.get(path, headers={"x-flowise-mock-fault": fault})
    assert answer.status_code == STATUSES[fault]
    if fault == "rate-limited":
        assert answer.headers["retry-after"] == "60"
    if "later" in fault:
        assert "later" in answer.text


@pytest.mark.parametrize("fault", REPLACING)
def test_the_state_is_not_touched(fresh_default: Running, fault: str) -> None:
    before = fresh_default.mock.store.snapshot()
    limit = {"hang": "; seconds=0.1"}.get(fault, "")
    with fresh_default.client() as client:
        try:
            client.post("/tools", json={"name": "a"}, headers={"x-flowise-mock-fault": fault + limit})
        except httpx.TransportError:
            assert fault in ("hang", "reset")
    ask(fresh_default, fault + limit)
    assert fresh_default.mock.store.snapshot() == before


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("rest", "did you mean reset?"),
        ("", "there is no fault ''"),
        ("status; code=99", "code: '99' is not a number from 200 to 599"),
        ("status; cod=500", "status has no option 'cod'; it has code"),
        ("status; 500", "'500' is no option: write option=value"),
        ("latency; ms=soon", "ms: 'soon' is not a number"),
    ],
)
def test_a_header_that_asks_for_no_fault(fresh_default: Running, header: str, told: str) -> None:
    with fresh_default.client() as client:
        answer = client.get("/tools", headers={"x-flowise-mock-fault": header})
    assert answer.status_code == 400
    assert told in answer.json()["error"]


def test_the_nth_call_alone() -> None:
    running = Running(server.build(Options(token_delay=0)))
    with running.client() as client:
        fault = {"x-flowise-mock-fault": "server-error; nth=2"}
        assert [client.get("/tools", headers=fault).status_code for _ in range(3)] == [200, 500, 200]
    running.stop()


def test_chance_is_drawn_from_the_seed() -> None:
    def happened(**options: Any) -> list[bool]:
        fault = read({"name": "reset", **options})
        return [fault.happens(number) for number in range(1, 201)]

    assert happened(probability=0.5, seed=1) == happened(probability=0.5, seed=1)
    assert happened(probability=0.5, seed=1) != happened(probability=0.5, seed=2)
    assert 70 < sum(happened(probability=0.5)) < 130
    assert not any(happened(probability=0))


def test_all_can_be_asked_for_by_name_alone() -> None:
    assert {from_header(name).name for name in KINDS} == set(KINDS)


def test_each_is_in_the_documentation_as_it_is() -> None:
    told = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    for name, kind in KINDS.items():
        (row,) = [line for line in told.splitlines() if line.startswith(f"| `{name}` |")]
        assert kind.does in row
        assert all(f"`{option}`" in row for option in kind.options)
