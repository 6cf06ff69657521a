"""A soak: mixed work that deletes what it makes, and the memory of the server meanwhile.

    python -m benchmarks.soak [--minutes 10] [--report 0,5,10] [--clients 4] [--pause 0.0]

It starts a mock of its own on loopback, ends it, and fails if its memory grew by more than 3 MB after the
first third of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx

CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
AGENTFLOW = "2f4a6c8e-1b3d-4f5a-8c7e-9d0b1a2c3e4f"
GROWTH = 3.0
"""Megabytes that the memory may grow after the first third."""


async def resources(client: httpx.AsyncClient) -> None:
    """Create, read, list, change and delete a record."""
    body = {"name": "soak", "description": "d" * 200, "color": "#fff", "schema": "[]", "func": "return 1"}
    tool = (await checked(client, "POST", "/tools", json=body)).json()
    await checked(client, "GET", f"/tools/{tool['id']}")
    await checked(client, "GET", "/tools")
    await checked(client, "PUT", f"/tools/{tool['id']}", json={**body, "name": "changed"})
    await checked(client, "DELETE", f"/tools/{tool['id']}")


async def chat(client: httpx.AsyncClient) -> None:
    """A conversation with an upload and a stream, feedback on it, and its deletion."""
    id = str(uuid.uuid4())
    upload = {"type": "file", "name": "a.txt", "data": "data:text/plain;base64,aGk=", "mime": "text/plain"}
    body = {"question": "hello there", "chatId": id, "uploads": [upload]}
    answer = (await checked(client, "POST", f"/prediction/{CHAT}", json=body)).json()
    await checked(client, "POST", f"/prediction/{CHAT}", json={**body, "streaming": True})
    rating = {"chatId": id, "messageId": answer["chatMessageId"], "rating": "THUMBS_UP", "chatflowid": CHAT}
    await checked(client, "POST", "/feedback", json={**rating, "content": "good"})
    await checked(client, "GET", f"/chatmessage/{CHAT}", params={"chatId": id})
    await checked(client, "DELETE", f"/chatmessage/{CHAT}", params={"chatId": id})


async def agentflow(client: httpx.AsyncClient) -> None:
    """A run of an agentflow, whose execution stays with a real server, too."""
    id = str(uuid.uuid4())
    await checked(client, "POST", f"/prediction/{AGENTFLOW}", json={"question": "refund", "chatId": id})
    await checked(client, "GET", "/executions", params={"agentflowId": AGENTFLOW})
    await checked(client, "DELETE", f"/chatmessage/{AGENTFLOW}", params={"chatId": id})


async def flow(client: httpx.AsyncClient) -> None:
    """A flow of its own, asked and deleted with all that belongs to it."""
    body = {"name": "soak", "flowData": '{"nodes": [], "edges": []}', "type": "CHATFLOW"}
    made = (await checked(client, "POST", "/chatflows", json=body)).json()
    await client.post(f"/prediction/{made['id']}", json={"question": "anyone?"})
    await checked(client, "DELETE", f"/chatflows/{made['id']}")


async def namespace(client: httpx.AsyncClient) -> None:
    """A namespace of its own, which is deleted."""
    name = f"soak-{uuid.uuid4().hex[:8]}"
    headers = {"Flowise-Mock-Namespace": name}
    await checked(client, "GET", "/tools", headers=headers)
    await checked(client, "DELETE", f"{root(client)}/__mock__/namespaces/{name}")


async def refused(client: httpx.AsyncClient) -> None:
    """Requests that fail: an unknown id, a body that is no JSON, a client that leaves."""
    await client.get(f"/tools/{uuid.uuid4()}")
    await client.post("/tools", content=b"{", headers={"Content-Type": "application/json"})
    body = {"question": "a " * 50, "streaming": True, "chatId": "left"}
    async with client.stream("POST", f"/prediction/{CHAT}", json=body) as stream:
        async for _ in stream.aiter_bytes():
            break
    await checked(client, "DELETE", f"/chatmessage/{CHAT}", params={"chatId": "left"})


WORK = (resources, resources, chat, chat, agentflow, flow, namespace, refused)


def root(client: httpx.AsyncClient) -> str:
    return str(client.base_url).partition("/api/")[0]


async def checked(client: httpx.AsyncClient, method: str, url: str, **more: object) -> httpx.Response:
    response = await client.request(method, url, **more)  # type: ignore[arg-type]
    if response.status_code >= 400:
        raise SystemExit(f"{method} {url}: {response.status_code} {response.text[:200]}")
    return response


def memory(pid: int) -> float:
    """The resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def work(base: str, until: float, seed: int, counts: list[int], pause: float) -> None:
    choose = random.Random(seed)
    headers = {"Authorization": "Bearer flowise-mock"}
    async with httpx.AsyncClient(base_url=f"{base}/api/v1", headers=headers, timeout=30) as client:
        while time.monotonic() < until:
            await choose.choice(WORK)(client)
            counts[0] += 1
            await asyncio.sleep(pause)


async def soak(pid: int, base: str, options: argparse.Namespace) -> list[tuple[float, float]]:
    """The memory at each of the times, in minutes and MB."""
    started, counts, found = time.monotonic(), [0], []
    until = started + options.minutes * 60
    workers = [
        asyncio.ensure_future(work(base, until, seed, counts, options.pause))
        for seed in range(options.clients)
    ]
    for minute in options.report:
        await asyncio.sleep(max(started + minute * 60 - time.monotonic(), 0))
        found.append((minute, memory(pid)))
        print(f"{minute:5g} min  {found[-1][1]:6.1f} MB  {counts[0]} pieces of work", flush=True)
        failed = [each for each in workers if each.done() and each.exception()]
        if failed:
            raise SystemExit(str(failed[0].exception()))
    await asyncio.gather(*workers)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--report",
        type=_minutes,
        help="minutes, such as 0,5,10; otherwise the thirds of all",
    )
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=3987)
    options = parser.parse_args()
    thirds = [options.minutes * third / 3 for third in range(4)]
    options.report = thirds if options.report is None else options.report
    command = [
        sys.executable,
        "-m",
        "flowise_mock",
        "serve",
        "--port",
        str(options.port),
        "--no-access-log",
        "--token-delay",
        "0",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{options.port}"
    try:
        wait_for(base)
        found = asyncio.run(soak(server.pid, base, options))
    finally:
        asked = time.monotonic()
        server.terminate()
        server.wait(60)
        print(f"ended {time.monotonic() - asked:.1f} s after SIGTERM")
    settled = [size for minute, size in found if minute >= options.minutes / 3]
    grown = max(settled, default=0) - min(settled, default=0)
    print(f"grown by {grown:.1f} MB after the first third; {GROWTH} are allowed")
    return 0 if grown <= GROWTH else 1


def _minutes(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def wait_for(base: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{base}/__mock__/ready").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit(f"no mock on {base}")


if __name__ == "__main__":
    sys.exit(main())
