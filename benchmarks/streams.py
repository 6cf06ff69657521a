"""Many streams at once: how late tokens are, what a stream costs, beside a bare ASGI app in the same run.

    python -m benchmarks.streams [--rounds 3] [--only "2,000 at 20/s"]

The client is streams.c, compiled by gcc at the start. Lateness counts from the first token of a stream. All
figures are medians of the rounds, in which the servers take turns.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.servers import Server, bare, mock, running
from benchmarks.workload import API, FLOW, FLOW_NAME, KEY, TOOL

SOURCE = Path(__file__).with_suffix(".c")
Figures = dict[str, float]


@dataclass
class Load:
    """Streams that start within `window` seconds, each with so many tokens, one every `delay` ms."""

    name: str
    streams: int
    tokens: int
    delay: int
    window: float
    with_gets: bool = False


LOADS = [
    Load("2,000 at 20/s", 2_000, 20, 50, 1),
    Load("4,000 at 20/s", 4_000, 20, 50, 1),
    Load("10,000 at 1/s", 10_000, 6, 1_000, 4),
    Load("1,000 at 20/s beside gets", 1_000, 60, 50, 0.5, with_gets=True),
]
COLUMNS = ("p50", "p99", "first p50", "first p99", "kB a stream", "get p99", "gets/s")
"""Milliseconds, but for the last two but one."""


def main() -> None:
    parser = argparse.ArgumentParser(description="many streams at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="the name of one load")
    options = parser.parse_args()
    loads = [each for each in LOADS if options.only in (None, each.name)]
    if not loads:
        sys.exit(f"--only must be one of: {', '.join(each.name for each in LOADS)}")
    print("| streams | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        client = compiled(Path(folder))
        for load in loads:
            for name, figures in measure(client, load, options.rounds).items():
                cells = [_cell(figures, column) for column in COLUMNS]
                print(f"| {load.name}, {name} | " + " | ".join(cells) + " |", flush=True)


def _cell(figures: Figures, column: str) -> str:
    return f"{figures[column]:.{1 if column == 'kB a stream' else 0}f}" if column in figures else ""


def compiled(folder: Path) -> Path:
    """The client, compiled."""
    client = folder / "streams"
    try:
        subprocess.run(["gcc", "-O2", "-o", client, SOURCE], check=True)
    except FileNotFoundError:
        sys.exit("gcc is not installed: apt-get install gcc")
    return client


def measure(client: Path, load: Load, rounds: int) -> dict[str, Figures]:
    """The medians of all figures, by server. Each round has servers of its own."""
    delay = str(load.delay)
    commands = [("bare ASGI", [*bare("asgi"), delay]), mock("flowise-mock", "--token-delay", delay)]
    found: dict[str, list[Figures]] = {name: [] for name, _ in commands}
    for _ in range(rounds):
        for name, command in commands:
            with running(name, command) as server:
                found[name].append(run(client, server, load))
    return {name: _medians(each) for name, each in found.items()}


def _medians(rounds: list[Figures]) -> Figures:
    return {column: statistics.median(each[column] for each in rounds) for column in rounds[0]}


def run(client: Path, server: Server, load: Load) -> Figures:
    """The figures of one load on one server."""
    warm_up(server)
    memory = server.memory()
    figures: Figures = {}
    command: list[object] = [client, server.port, load.streams, load.tokens, load.delay, load.window]
    with ExitStack() as stack:
        watched = stack.enter_context(watch(server))
        process = subprocess.Popen(
            [str(each) for each in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(request(load.tokens))
        process.stdin.close()
        process.stdout.readline()
        if load.with_gets:
            figures |= gets(server, load)
        shown = json.loads(process.stdout.read())
        process.wait()
    if shown["whole"] != load.streams:
        sys.exit(f"{server.name}: {shown['whole']} of {load.streams} streams were whole")
    figures |= {
        "p50": shown["p50"],
        "p99": shown["p99"],
        "first p50": shown["first_p50"],
        "first p99": shown["first_p99"],
        "kB a stream": (watched.most - memory) * 1024 / load.streams,
    }
    return figures


@dataclass
class Watched:
    most: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def watch(server: Server) -> Iterator[Watched]:
    """The highest memory of a server meanwhile, in MB."""
    watched = Watched()

    def look() -> None:
        while not watched.stop.wait(0.1):
            watched.most = max(watched.most, server.memory())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watched
    finally:
        watched.stop.set()
        thread.join()


def warm_up(server: Server) -> None:
    for _ in range(20):
        server.post(f"{API}/prediction/{FLOW}", {"question": "warm"})


def request(tokens: int) -> bytes:
    """A prediction of so many tokens, by a model that repeats the question after the name of the flow."""
    words = ["word"] * (tokens - len(FLOW_NAME.split()) - 1)
    body = json.dumps({"question": " ".join(words), "streaming": True}).encode()
    lines = [
        f"POST {API}/prediction/{FLOW} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def gets(server: Server, load: Load) -> Figures:
    """How long gets of 8 connections take beside the streams, and how many there are a second."""
    seconds = round(load.window + load.tokens * load.delay / 1000)
    url = f"http://127.0.0.1:{server.port}{API}/tools/{TOOL}"
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", "-H", f"Authorization: Bearer {KEY}", url]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", shown)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert slowest and rate, shown
    return {
        "get p99": float(slowest[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slowest[2]],
        "gets/s": float(rate[1]),
    }


if __name__ == "__main__":
    main()
