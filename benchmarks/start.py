"""CPU from the command to the first 200, and memory then, side by side: medians of alternating starts.

python -m benchmarks.start [--rounds 5] [--python PYTHON]
"""

from __future__ import annotations

import argparse
import statistics
import sys

from benchmarks.servers import bare, mock, running


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU and memory of a start")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="that of a base install of the wheel")
    options = parser.parse_args()
    commands = [
        ("bare ASGI", bare("asgi")),
        ("bare Starlette", bare("starlette")),
        mock("flowise-mock"),
        mock("as 3.1.4", "--flowise", "3.1.4"),
    ]
    used: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in commands}
    for _ in range(options.rounds):
        for name, command in commands:
            with running(name, [options.python, *command[1:]]) as server:
                used[name].append((server.cpu(), server.memory()))
    print("| start | CPU to the first 200, s | memory, MB |")
    print("|---|---|---|")
    for name, figures in used.items():
        cpu, memory = (statistics.median(each) for each in zip(*figures, strict=True))
        print(f"| {name} | {cpu:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
