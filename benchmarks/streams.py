"""Many streams at once on one server: how late each token is, and what is left when clients vanish.

    python benchmarks/streams.py [--streams 1000] [--tokens 50] [--delay 50]

The clients run in this process, the server in its own. Prints figures; machines differ.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def main() -> None:
    parser = argparse.ArgumentParser(description="flowise-mock under many streams")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--delay", type=int, default=50, help="between tokens, in milliseconds")
    options = parser.parse_args()
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log"]
    command += ["--token-delay", str(options.delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://[\d.]+:(\d+)", server.stdout.readline())
            assert found
            print(f"resident memory before          {rss(server.pid):7.1f} MB")
            asyncio.run(lateness(int(found[1]), options.streams, options.tokens, options.delay / 1000))
            print(f"resident memory after           {rss(server.pid):7.1f} MB")
            asyncio.run(vanish(int(found[1]), 200))
            time.sleep(0.5)
            left = connections(server.pid)
            print(f"after 200 starts and disconnects {rss(server.pid):6.1f} MB, {left} sockets open")
        finally:
            server.terminate()


def rss(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def connections(pid: int) -> int:
    """Sockets of the server, but for the one it listens on."""
    links = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    return sum(str(link).startswith("socket:") for link in links) - 1


def request(tokens: int) -> bytes:
    # the echo says two words of its own before the question
    body = json.dumps({"question": " ".join(["word"] * (tokens - 3)), "streaming": True}).encode()
    head = f"POST /api/v1/prediction/{FLOW} HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def lateness(port: int, streams: int, tokens: int, delay: float) -> None:
    """How late each token of each stream is, from its first token on."""
    told = await asyncio.gather(*(one(port, tokens, number * 0.002) for number in range(streams)))
    late = [(at - times[0] - number * delay) * 1000 for times in told for number, at in enumerate(times)]
    whole = sum(len(times) == tokens for times in told)
    late.sort()
    print(f"{whole} of {streams} streams told {tokens} tokens, one each {delay * 1000:.0f} ms")
    print(f"lateness of a token, p50        {statistics.median(late):7.1f} ms")
    print(f"lateness of a token, p99        {late[int(len(late) * 0.99)]:7.1f} ms")


async def one(port: int, tokens: int, start: float) -> list[float]:
    await asyncio.sleep(start)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(tokens))
    times = []
    while b'"end"' not in (line := await reader.readline()):
        if line.startswith(b'data:{"event":"token"'):
            times.append(time.perf_counter())
        if not line:
            break
    writer.close()
    return times


async def vanish(port: int, count: int) -> None:
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(50))
        await reader.readline()
        writer.close()


if __name__ == "__main__":
    main()
