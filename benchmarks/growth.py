"""What a request costs as the state grows: CPU of the server, as 3.1.4, per request in microseconds.

python -m benchmarks.growth [--rounds 3]

Each row is one kind of request, each column a number of records or messages that are there. The figures are
medians of rounds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.servers import Server, mock, running
from benchmarks.workload import API, KEY

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
RECORDS = (10, 1_000, 10_000, 100_000)
MESSAGES = (0, 1_000, 10_000, 100_000)
TIMES = 300
"""Requests of one measurement."""
WARM = 10
"""Requests before it: an index is made at its first use."""
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
Send = Callable[[str, str, Any], Any]


def sender(server: Server) -> Send:
    """Sends requests over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

    def send(method: str, path: str, body: Any = None) -> Any:
        connection.request(method, path, None if body is None else json.dumps(body), HEADERS)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    return send


def cost(server: Server, step: Callable[[int], Any]) -> float:
    for number in range(WARM):
        step(number)
    before = server.cpu()
    for number in range(WARM, WARM + TIMES):
        step(number)
    return (server.cpu() - before) / TIMES * 1e6


def tool(number: int) -> dict[str, str]:
    return {"name": f"tool {number}", "description": "of a benchmark", "color": "#112233"}


def records(server: Server, number: int) -> dict[str, float]:
    """The costs of requests for tools while so many are there."""
    send = sender(server)
    first = send("POST", f"{API}/tools", tool(0))["id"]
    for each in range(1, number):
        send("POST", f"{API}/tools", tool(each))
    made: list[str] = []
    found = {"create": cost(server, lambda n: made.append(send("POST", f"{API}/tools", tool(n))["id"]))}
    found["get"] = cost(server, lambda _: send("GET", f"{API}/tools/{first}", None))
    found["change"] = cost(server, lambda n: send("PUT", f"{API}/tools/{first}", {"name": f"n{n}"}))
    found["page of 20"] = cost(server, lambda n: send("GET", f"{API}/tools?page={n % 3 + 1}&limit=20", None))
    found["delete"] = cost(server, lambda n: send("DELETE", f"{API}/tools/{made[n]}", None))
    return found


def messages(server: Server, number: int) -> dict[str, float]:
    """The costs of requests to a flow that has so many messages, of chats with ten each."""
    send = sender(server)
    path = f"{API}/prediction/{FLOW}"
    for each in range(number // 2):
        send("POST", path, {"question": "a", "chatId": f"c{each // 5}"})

    def talk(n: int) -> Any:
        return send("POST", path, {"question": "a", "chatId": f"d{n}"})

    found = {"predict": cost(server, talk)}
    found["list a chat"] = cost(server, lambda n: send("GET", f"{API}/chatmessage/{FLOW}?chatId=d{n}", None))
    found["delete a chat"] = cost(
        server, lambda n: send("DELETE", f"{API}/chatmessage/{FLOW}?chatId=d{n}", None)
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="the cost of requests as the state grows")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for measure, sizes, of in ((records, RECORDS, "tools"), (messages, MESSAGES, "messages")):
        columns: list[dict[str, float]] = []
        for size in sizes:
            made = []
            for _ in range(rounds):
                with running(*mock("flowise-mock", "--journal", "0", "--flowise", "3.1.4")) as server:
                    made.append(measure(server, size))
            columns.append({name: statistics.median(each[name] for each in made) for name in made[0]})
        print(f"\n| µs at | {' | '.join(f'{size:,} {of}' for size in sizes)} | last to first |")
        print(f"|---|{'---|' * (len(sizes) + 1)}")
        for name, first in columns[0].items():
            figures = " | ".join(f"{each[name]:.0f}" for each in columns)
            print(f"| {name} | {figures} | {columns[-1][name] / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
