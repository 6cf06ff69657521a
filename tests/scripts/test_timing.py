"""Pauses are planned by the script and the same for the same seed, over a thousand predictions. No test sleeps."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import anyio
import httpx
import pytest

from flowise_mock.flows.delivery import Pace
from flowise_mock.scripts import timing
from flowise_mock.scripts.timing import Timing
from flowise_mock.state.clock import Clock
from scripts.scripted import ORDERS, SUPPORT, Bot

SCRIPT = """
timing: {first_token_ms: 200, tokens_per_second: 50, jitter: 0.5, seed: SEED}
rules:
  - {match: {turn: {max: 3}}, answer: 'Turn {{ turn }} of {{ chatId }} it is.'}
  - match: {question: {contains: '7'}}
    answers: [seven of them, still seven, {text: at once, timing: none}]
  - answer: {text: slower now, timing: {tokens_per_second: 10}}
"""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collects the pauses instead of making them."""
    collected: list[float] = []
    monkeypatch.setattr(Pace, "_pause", lambda self, seconds: collected.append(seconds))
    return collected


def predictions(folder: Path, seed: int, count: int) -> list[bytes]:
    """The answers to `count` questions in fifty conversations, every other one as a stream."""
    bot = Bot(folder, SCRIPT.replace("SEED", str(seed)))
    ids: Iterator[int] = iter(range(10**6))
    bot.mock.store.new_id = lambda: str(uuid.UUID(int=next(ids)))
    bot.mock.store.clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))

    async def send_all() -> list[bytes]:
        transport = httpx.ASGITransport(app=bot.mock.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
            answers = []
            for number in range(count):
                flow = ORDERS if number % 5 == 0 else SUPPORT
                body = {"question": f"q{number}", "chatId": f"c{number % 50}", "streaming": number % 2 == 0}
                answers.append((await client.post(f"/prediction/{flow}", json=body)).content)
            return answers

    return anyio.run(send_all)


def test_the_same_script_and_seed_give_the_same_bytes_and_pauses(tmp_path: Path, pauses: list[float]) -> None:
    first = predictions(tmp_path, 1, 1_000)
    planned = pauses[:]
    pauses.clear()
    assert predictions(tmp_path, 1, 1_000) == first
    assert (len(first), pauses == planned, len(planned) > 3_000) == (1_000, True, True)
    pauses.clear()
    assert predictions(tmp_path, 2, 100) == first[:100], "the seed affects only the pauses"
    assert pauses[:100] != planned[:100]


def test_pauses_do_not_depend_on_other_questions(tmp_path: Path, pauses: list[float]) -> None:
    bot = Bot(tmp_path, SCRIPT.replace("SEED", "1"))
    bot.predict(SUPPORT, question="hello", chatId="a")
    alone = pauses[:]
    for question in ("other", "hello"):
        pauses.clear()
        bot.predict(SUPPORT, question=question, chatId=question)
    assert pauses == alone


def test_the_pauses_of_a_timing() -> None:
    steady = Timing(first=0.2, gap=0.02)
    assert list(islice(timing.pauses(steady, "q"), 4)) == [0.2, 0.02, 0.02, 0.02]
    plan = list(islice(timing.pauses(Timing(0.2, 0.02, jitter=0.5), "q"), 1_000))
    assert 0.1 <= plan[0] <= 0.3
    assert all(0.01 <= pause <= 0.03 for pause in plan[1:])
    assert min(plan[1:]) < 0.011 < 0.029 < max(plan[1:])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("none", Timing()),
        ({"first_token_ms": 300}, Timing(first=0.3)),
        ({"tokens_per_second": 20, "jitter": 0.1, "seed": 3}, Timing(gap=0.05, jitter=0.1, seed=3)),
    ],
)
def test_a_timing_is_read(given: object, expected: Timing | None) -> None:
    assert timing.read(given) == expected


def test_one_pause_before_the_first_token_and_one_after_each(tmp_path: Path, pauses: list[float]) -> None:
    script = "rules: [{answer: {text: one two three, timing: {first_token_ms: 500, tokens_per_second: 4}}}]"
    bot = Bot(tmp_path, script, token_delay=7)
    for send in (bot.predict, bot.stream):
        pauses.clear()
        send(SUPPORT, question="q")
        assert pauses == [0.5, 0.25, 0.25, 0.25]
    bot = Bot(tmp_path, "rules: [{answer: one two}]", token_delay=7)
    pauses.clear()
    bot.predict(SUPPORT, question="q")
    assert pauses == []
    bot.stream(SUPPORT, question="q")
    assert pauses == [7, 7]
