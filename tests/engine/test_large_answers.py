"""What is much to read or to write is read and written beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.requests import LARGE, Bodies
from flowise_mock.engine.slices import Turns
from flowise_mock.scripts import rules


class Beside:
    """Which of some methods ran beside the event loop."""

    def __init__(self, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: dict[str, bool] = {}
        self._loop = running._thread.ident
        for owner, name in ((Bodies, "read"), (Answers, "data"), (rules, "_rule")):
            monkeypatch.setattr(owner, name, self._noted(name, getattr(owner, name)))

    def _noted(self, name: str, method: Any) -> Any:
        def noted(*arguments: Any) -> Any:
            self.found[name] = threading.get_ident() != self._loop
            return method(*arguments)

        return noted


@pytest.mark.parametrize(("size", "beside"), [(1000, False), (LARGE, True)])
def test_a_large_request(
    size: int, beside: bool, fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Beside(fresh_default, monkeypatch).found
    body = {"name": "a", "value": "x" * size, "type": "static"}
    with fresh_default.client() as client:
        answer = client.post("/variables", json=body)
    assert answer.status_code == 200
    assert answer.json()["value"] == body["value"]
    assert found == {"read": beside, "data": beside}


@pytest.mark.parametrize("path", ["/journal/har", "/export"])
def test_answers_with_much_in_them(
    path: str, fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Beside(fresh_default, monkeypatch).found
    assert httpx.get(f"{fresh_default.url}/__mock__{path}").status_code == 200
    assert found == {"data": True}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/rules", {"answer": "a"}),
        ("POST", "/faults", {"fault": "reset"}),
        ("PUT", "/namespaces/other", {"scripts": [{"name": "a.yaml", "text": "rules: [{answer: a}]"}]}),
        ("POST", "/import", {"rules": [{"answer": "a"}]}),
    ],
)
def test_rules_are_compiled_beside_the_loop(
    method: str, path: str, body: dict[str, Any], fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large ones take seconds, in which others are answered."""
    found = Beside(fresh_default, monkeypatch).found
    url = f"{fresh_default.url}/__mock__"
    exported = httpx.get(f"{url}/export").json() if path == "/import" else {}
    httpx.request(method, url + path, json={**exported, **body}).raise_for_status()
    assert found["_rule"]


@pytest.mark.parametrize(("number", "beside"), [(100, False), (101, True)])
def test_a_long_list(
    number: int, beside: bool, fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(number - fresh_default.mock.store.count("variable")):
        fresh_default.mock.store.create("variable", {"name": "a", "value": "x", "type": "static"})
    found = Beside(fresh_default, monkeypatch).found
    with fresh_default.client() as client:
        assert len(client.get("/variables").json()) == number
    assert found == {"data": beside}


def test_one_turn_in_each_pass() -> None:
    passes = 0
    taken: list[int] = []
    turns = Turns()

    async def take() -> None:
        await turns.next()
        taken.append(passes)

    async def run() -> None:
        nonlocal passes
        tasks = [asyncio.ensure_future(take()) for _ in range(5)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            passes += 1

    asyncio.run(run())
    assert len(set(taken)) == 5
