"""CPU of the server per request, in one run: bare ASGI, bare Starlette, the mock, as 3.1.4, Prism.

    python -m benchmarks.per_request [--rounds 5] [--seconds 1] [--prism] [--no-journal]

The rounds of all servers alternate, so that the machine treats them alike; figures are medians of the rounds,
ratios are to bare Starlette. Needs wrk; Prism needs npm.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from benchmarks.servers import Server, bare, mock, prism, running
from benchmarks.workload import FLOW, KEY, QUESTION, TOOL, tool_body

CONNECTIONS = 8
YARDSTICK = "bare Starlette"
KINDS = ("get one", "list of 50", "create", "predict")


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of the server per request")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--prism", action="store_true", help="with Prism, from npm")
    parser.add_argument("--no-journal", action="store_true", help="with a mock that keeps no journal")
    options = parser.parse_args()
    print(table(measure(options.rounds, options.seconds, options.prism, options.no_journal)))


def measure(
    rounds: int, seconds: float, with_prism: bool = False, without_journal: bool = False
) -> dict[str, dict[str, float]]:
    """Microseconds of CPU per request, by server and kind of request."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    commands = [
        ("bare ASGI", bare("asgi")),
        (YARDSTICK, bare("starlette")),
        mock("flowise-mock"),
        mock("as 3.1.4", "--flowise", "3.1.4"),
    ]
    if without_journal:
        commands.append(mock("no journal", "--journal", "0"))
    if with_prism:
        commands.append(("Prism", prism()))
    took: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name, _ in commands}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(name, command)) for name, command in commands]
        for _ in range(rounds):
            for server in servers:
                server.reset()
            for kind in KINDS:
                for server in servers:
                    took[server.name][kind].append(load(server, kind, seconds))
    return {
        name: {kind: statistics.median(each) for kind, each in kinds.items()} for name, kinds in took.items()
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """The figures, and their ratios to the yardstick."""
    lines = ["| CPU per request, µs | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for kind in KINDS:
        base = found[YARDSTICK][kind]
        cells = [f"{each[kind]:.0f} ({each[kind] / base:.2f} x)" for each in found.values()]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def load(server: Server, kind: str, seconds: float) -> float:
    """Microseconds of CPU per request under wrk. A response other than 2xx is an error."""
    paths = {
        "get one": f"/tools/{TOOL}",
        "list of 50": "/tools",
        "create": "/tools",
        "predict": f"/prediction/{FLOW}",
    }
    url = f"http://127.0.0.1:{server.port}{server.api}{paths[kind]}"
    bodies = {"create": json.dumps(tool_body(7)), "predict": json.dumps({"question": QUESTION})}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(_script(bodies.get(kind)))
        lua.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", lua.name, url]
        before = server.cpu()
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = server.cpu() - before
    if "Non-2xx" in shown:
        sys.exit(f"{server.name}: {kind}: {shown}")
    count = re.search(r"(\d+) requests in", shown)
    assert count, shown
    return used / int(count[1]) * 1e6


def _script(body: str | None) -> str:
    lines = [f'wrk.headers["Authorization"] = "Bearer {KEY}"']
    if body is not None:
        lines += [
            'wrk.method = "POST"',
            f"wrk.body = {json.dumps(body)}",
            'wrk.headers["Content-Type"] = "application/json"',
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
