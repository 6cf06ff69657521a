"""A script of a thousand rules beside one of a single rule: what a prediction costs, at the median.

    python benchmarks/scripts.py [--rules 1000] [--rounds 2000]

Both mocks run in this process and are asked in turn, so that the machine treats them alike. The rule that
answers is the last. Rules are filed under what a question must have to match them; a regular expression
that does not begin with plain words (`no words`) cannot be, and each of them is tried. Prints figures;
machines differ.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from flowise_mock.server import build
from flowise_mock.server.build import Options

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
QUESTION = "How do I get a refund for the running shoes that I bought last week?"
KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "contains": lambda n: {"question": {"contains": f"word{n}"}},
    "whole text": lambda n: {"question": f"question {n}"},
    "regex": lambda n: {"question": {"regex": f"order {n}\\b"}},
    "chatflow": lambda n: {"chatflow": f"flow {n}", "turn": 1},
    "turn": lambda n: {"turn": n + 10_000},
    "any case": lambda n: {"question": {"regex": f"(?i)order {n}\\b"}},
    "no words": lambda n: {"question": {"regex": f"[a-z]+ {n}"}},
    "all of these": lambda n: list(KINDS.values())[n % 5](n),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="many rules beside one")
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=2_000)
    options = parser.parse_args()
    print(f"median of {options.rounds} predictions each; the limit is 0.2 ms more for 1,000 rules")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            few, many = (script(Path(folder), kind, count) for count in (1, options.rules))
            one, all = asyncio.run(medians(few, many, options.rounds))
            print(
                f"{kind:<13} 1 rule {one:6.3f} ms   {options.rules} rules {all:6.3f} ms   "
                f"difference {all - one:+6.3f} ms   ratio {all / one:5.2f}"
            )


def script(folder: Path, kind: str, count: int) -> Path:
    """A file of so many rules, of which only the last one matches."""
    rules = [{"match": KINDS[kind](n), "answer": "no"} for n in range(count - 1)]
    rules.append({"match": {"question": {"contains": "refund"}}, "answer": "Within 30 days."})
    file = folder / f"{kind}-{count}.json"
    file.write_text(json.dumps({"rules": rules}))
    return file


async def medians(few: Path, many: Path, rounds: int) -> tuple[float, float]:
    """Milliseconds of a prediction by each script, at the median."""
    mocks = [build.build(Options(scripts=[path], token_delay=0)) for path in (few, many)]
    took: list[list[float]] = [[], []]
    body = json.dumps({"question": QUESTION, "chatId": "c"}).encode()
    clients = [
        httpx.AsyncClient(transport=httpx.ASGITransport(app=each.app), base_url="http://mock")
        for each in mocks
    ]
    snapshots = [each.store.snapshot() for each in mocks]
    gc.disable()
    for number in range(rounds):
        for mock, client, snapshot, times in zip(mocks, clients, snapshots, took, strict=True):
            if number % 50 == 0:
                mock.store.restore(snapshot)  # or the conversation grows, and every turn with it
            started = time.perf_counter()
            response = await client.post(
                f"/api/v1/prediction/{FLOW}", content=body, headers={"content-type": "application/json"}
            )
            times.append((time.perf_counter() - started) * 1000)
            assert response.json()["text"] == "Within 30 days."
    gc.enable()
    for client in clients:
        await client.aclose()
    return statistics.median(took[0]), statistics.median(took[1])


if __name__ == "__main__":
    main()
