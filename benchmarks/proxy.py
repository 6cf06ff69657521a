"""What the proxy adds: the time of a request and the gaps of a stream, directly and through it.

python -m benchmarks.proxy [--url URL --flow ID] [--requests N]

Both sides run at the same time: requests take turns on two connections that stay open, and streams through
the proxy run beside direct ones. Without --url the server is this mock, which sends 20 tokens a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from urllib.parse import urlsplit

from benchmarks.servers import mock, running

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
WORDS = " ".join(f"word{number}" for number in range(60))
HEADERS = {"Content-Type": "application/json"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", help="a real server")
    parser.add_argument("--flow", default=FLOW, help="a flow of it that streams")
    parser.add_argument("--question", default=WORDS)
    parser.add_argument("--requests", type=int, default=3000)
    arguments = parser.parse_args()
    if arguments.url:
        _measure(arguments.url, arguments)
        return
    with running(*mock("mock", "--token-delay", "50", "--journal", "0")) as server:
        _measure(f"http://127.0.0.1:{server.port}", arguments)


def _measure(url: str, arguments: argparse.Namespace) -> None:
    with proxied(url) as through:
        print(f"{'':24}{'direct':>22}{'through the proxy':>24}{'added':>22}")
        print(f"{'milliseconds':24}{'p50':>11}{'p99':>11}{'p50':>13}{'p99':>11}{'p50':>11}{'p99':>11}")
        body = json.dumps({"question": "hello"})
        path = f"/api/v1/prediction/{arguments.flow}"
        few = max(arguments.requests // 10, 50)
        for name, number, send in (
            ("GET /ping", arguments.requests, lambda each: each.request("GET", "/api/v1/ping")),
            ("POST a prediction", few, lambda each: each.request("POST", path, body, HEADERS)),
        ):
            _row(name, *_times(url, through, number, send))
        _row("lateness of tokens", *_streams(url, through, path, arguments.question))


def _row(name: str, direct: list[float], through: list[float]) -> None:
    figures = [each for values in (direct, through) for each in (_part(values, 0.5), _part(values, 0.99))]
    added = [figures[2] - figures[0], figures[3] - figures[1]]
    print(
        f"{name:24}"
        + "".join(
            f"{each:{width}.2f}"
            for each, width in zip([*figures, *added], (11, 11, 13, 11, 11, 11), strict=True)
        )
    )


def _part(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


@contextmanager
def proxied(url: str) -> Iterator[str]:
    """The proxy as its users run it; its address."""
    command = [sys.executable, "-m", "flowise_mock", "proxy", url, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        try:
            yield found[0]
        finally:
            process.terminate()
            reader.join()


def _connection(url: str) -> http.client.HTTPConnection:
    found = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    found.connect()
    return found


def _times(
    direct: str, through: str, number: int, send: Callable[[http.client.HTTPConnection], None]
) -> tuple[list[float], list[float]]:
    """Milliseconds of requests, in turn on both connections."""
    connections = [_connection(direct), _connection(through)]
    times: tuple[list[float], list[float]] = ([], [])
    for round in range(number + 50):
        for connection, found in zip(connections, times, strict=True):
            start = time.perf_counter()
            send(connection)
            connection.getresponse().read()
            if round >= 50:
                found.append((time.perf_counter() - start) * 1000)
    return times


def _streams(direct: str, through: str, path: str, question: str) -> tuple[list[float], list[float]]:
    """How much later or earlier than the median gap each token comes, of ten streams on each side."""
    times: tuple[list[float], list[float]] = ([], [])
    threads = [
        threading.Thread(target=_stream, args=(url, path, question, found))
        for url, found in zip((direct, through), times, strict=True)
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _stream(url: str, path: str, question: str, found: list[float]) -> None:
    connection = _connection(url)
    connection.request("POST", path, json.dumps({"question": question, "streaming": True}), HEADERS)
    response = connection.getresponse()
    arrivals = []
    while line := response.readline():
        if b'"token"' in line:
            arrivals.append(time.perf_counter() * 1000)
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    usual = statistics.median(gaps)
    found += [abs(each - usual) for each in gaps]


if __name__ == "__main__":
    main()
