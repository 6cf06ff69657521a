"""The control API of the default contract, each test in a namespace of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from conftest import KEY, Running
from flowise_mock.engine.slices import Slices

SUPPORT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
_numbers = itertools.count()


class Namespace:
    """One namespace of a running server: `api` is Flowise's API in it, `control` its control API."""

    def __init__(self, server: Running, name: str) -> None:
        self.name = name
        self.server = server
        base = f"{server.url}/ns/{name}"
        self.api = httpx.Client(base_url=f"{base}/api/v1", headers={"Authorization": f"Bearer {KEY}"})
        self.control = httpx.Client(base_url=f"{base}/__mock__", headers={"Content-Type": "application/json"})

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def ask(self, question: str, **more: object) -> httpx.Response:
        """A prediction of the first flow of the seed."""
        return self.api.post(f"/prediction/{SUPPORT}", json={"question": question, **more})

    def close(self) -> None:
        self.control.delete(f"/namespaces/{self.name}")
        self.api.close()
        self.control.close()


@pytest.fixture
def ns(default: Running) -> Iterator[Namespace]:
    with Namespace(default, f"control-{next(_numbers)}") as namespace:
        yield namespace


@pytest.fixture
def other(default: Running) -> Iterator[Namespace]:
    with Namespace(default, f"control-{next(_numbers)}") as namespace:
        yield namespace


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Slices]:
    """The work that made way for others, once for each of its pauses."""
    found: list[Slices] = []
    pause = Slices.pause

    async def counted(slices: Slices) -> None:
        found.append(slices)
        await pause(slices)

    monkeypatch.setattr(Slices, "pause", counted)
    return found
