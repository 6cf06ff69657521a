"""Starts one server per contract; every test begins with the records of the seed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from flowise_mock.server import build, run
from flowise_mock.server.build import Mock, Options

KEY = "flowise-mock"
HANG = 0.4
"""Seconds after which servers in tests close requests that they never answer."""


class Running:
    """A mock that listens on loopback, in a thread of this process."""

    contract = "clients"

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.seeded = mock.store.snapshot()
        bound = run.listen("127.0.0.1", 0)
        self.port: int = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/api/v1"
        self._server = run.make_server(mock)
        self._thread = threading.Thread(target=self._server.run, args=([bound],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def tasks(self) -> int:
        """The number of requests that the server is processing."""
        return len(self._server.server_state.tasks)

    def connections(self) -> set[Any]:
        """The open connections."""
        return set(self._server.server_state.connections)

    def reset(self) -> None:
        world = self.mock.worlds.default
        world.store.restore(self.seeded)
        world.store.release_clock()
        world.rules.use([])
        world.journal.clear()

    def client(self, key: str | None = KEY) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.api, headers=headers, timeout=10)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)


@pytest.fixture(scope="session")
def documented() -> Iterator[Running]:
    running = Running(build.build(Options(contract="documented", token_delay=0)))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def default() -> Iterator[Running]:
    running = Running(build.build(Options(token_delay=0)))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def faulty() -> Iterator[Running]:
    """A server of the default contract; its hangs are short."""
    running = Running(build.build(Options(token_delay=0, hang=HANG)))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def real() -> Iterator[Running]:
    """A server that answers as 3.1.4; its hangs are short."""
    running = Running(build.build(Options(contract="3.1.4", token_delay=0, hang=HANG)))
    yield running
    running.stop()


@pytest.fixture
def fresh_default(default: Running) -> Running:
    """The default contract, with a fresh state."""
    default.reset()
    return default


@pytest.fixture
def mock(documented: Running) -> Running:
    """The documented contract, with a fresh state."""
    documented.reset()
    return documented


@pytest.fixture
def api(mock: Running) -> Iterator[httpx.Client]:
    """A client of `mock` with the key; its base URL ends with /api/v1."""
    with mock.client() as client:
        yield client
