"""Four mocks behind HAProxy: shows that namespaces stick, that four serve as four, and what a failure does.

    sudo python deploy/sharding.py [--core 0.2] [--seconds 5]

It needs `haproxy` (Debian: apt-get install haproxy), and for the throughput the right to make cgroups, which
hold each mock to a part of a core. All that it starts listens on loopback and is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

CONFIG = Path(__file__).with_name("haproxy.cfg")
NAMES = [f"team-{number}" for number in range(100)]
CGROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000
KEY = {"Authorization": "Bearer flowise-mock"}


class Group:
    """A cgroup that holds one process to a part of a core; version 1 and 2."""

    def __init__(self, name: str, core: float) -> None:
        unified = (CGROUPS / "cgroup.controllers").exists()
        self.path = (CGROUPS if unified else CGROUPS / "cpu") / name
        self.path.mkdir(exist_ok=True)
        quota = int(core * PERIOD)
        if unified:
            (self.path / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (self.path / "cpu.cfs_period_us").write_text(str(PERIOD))
            (self.path / "cpu.cfs_quota_us").write_text(str(quota))

    def add(self, pid: int) -> None:
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.1)


class Cluster:
    """Four mocks and a balancer, as processes of this one."""

    def __init__(self, folder: Path) -> None:
        self.ports = [free_port() for _ in range(5)]
        self.folder = folder
        self.mocks = [self._mock(port) for port in self.ports[1:]]
        for port in self.ports[1:]:
            wait_for(port)  # else the balancer begins with mocks that are down
        names = ["PORT", "PORT1", "PORT2", "PORT3", "PORT4"]
        ports = {name: str(port) for name, port in zip(names, self.ports, strict=True)}
        self.balancer = subprocess.Popen(
            [haproxy(), "-f", str(CONFIG)], env={**os.environ, **ports}, stderr=subprocess.DEVNULL
        )
        self.url = f"http://127.0.0.1:{self.ports[0]}"
        wait_for(self.ports[0])

    def _mock(self, port: int) -> subprocess.Popen[bytes]:
        with (self.folder / f"{port}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "flowise_mock", "serve", "--port", str(port), "--no-access-log"],
                stdout=log,
                stderr=log,
            )

    def log(self, number: int) -> str:
        return (self.folder / f"{self.ports[1 + number]}.log").read_text()

    def stop(self) -> None:
        for process in (self.balancer, *self.mocks):
            process.terminate()
        for process in (self.balancer, *self.mocks):
            process.wait(10)


def haproxy() -> str:
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("haproxy is not installed; on Debian: apt-get install haproxy")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/__mock__/health").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"nothing answers on port {port}")


# --- namespaces ------------------------------------------------------------------------------------


def owners(cluster: Cluster) -> dict[str, int]:
    """The mock that holds each namespace, by asking each of them for its namespaces."""
    found: dict[str, int] = {}
    for number, port in enumerate(cluster.ports[1:]):
        if cluster.mocks[number].poll() is None:
            for each in httpx.get(f"http://127.0.0.1:{port}/__mock__/namespaces").json():
                if each["name"] in NAMES:
                    if each["name"] in found:
                        raise SystemExit(f"{each['name']} is on two mocks")
                    found[each["name"]] = number
    return found


def write(client: httpx.Client, name: str, prefixed: bool) -> httpx.Response:
    """Create a variable in a namespace, which is named by the prefix or by the header."""
    headers = KEY if prefixed else {**KEY, "Flowise-Mock-Namespace": name}
    path = f"/ns/{name}/api/v1/variables" if prefixed else "/api/v1/variables"
    response = client.post(path, json={"name": "v", "value": "1"}, headers=headers)
    response.raise_for_status()
    return response


def show_stickiness(cluster: Cluster, client: httpx.Client) -> dict[str, int]:
    fresh = Counter(
        "flowise-mock-fresh" in write(client, name, prefixed).headers
        for prefixed in (False, True)
        for name in NAMES
    )
    before = owners(cluster)
    spread = [sum(owner == number for owner in before.values()) for number in range(4)]
    print(f"stickiness: 200 requests to {len(before)} namespaces, by header and prefix; spread {spread}")
    print(f"  Flowise-Mock-Fresh on {fresh[True]} first answers, on {fresh[False]} others it is not")
    if fresh != {True: 100, False: 100} or len(before) != 100:
        raise SystemExit("a namespace began twice")
    return before


def show_failure(cluster: Cluster, client: httpx.Client, before: dict[str, int]) -> None:
    cluster.mocks[0].kill()
    cluster.mocks[0].wait(10)
    time.sleep(5)  # three checks
    fresh = {name for name in NAMES if "flowise-mock-fresh" in write(client, name, False).headers}
    after = owners(cluster)
    lost = {name for name, owner in before.items() if owner == 0}
    moved = [name for name, owner in before.items() if owner != 0 and after[name] != owner]
    logged = sum(cluster.log(number).count("begins anew") for number in range(1, 4))
    print(f"failure of mock1: {len(moved)} of {100 - len(lost)} other namespaces moved")
    print(
        f"  its {len(lost)} begin anew on survivors: {len(fresh)} with the header, {logged} lines in the logs"
    )
    if moved or fresh != lost:
        raise SystemExit("other namespaces moved")


# --- throughput ------------------------------------------------------------------------------------


async def requests(port: int, names: list[str], seconds: float) -> float:
    """Gets per second over one connection for each name."""
    until, count = time.monotonic() + seconds, 0

    async def client(name: str) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = ["GET /api/v1/variables HTTP/1.1", "Host: localhost", "Authorization: Bearer flowise-mock"]
        raw = "\r\n".join([*lines, f"Flowise-Mock-Namespace: {name}", "", ""]).encode()
        while time.monotonic() < until:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
            count += 1
        writer.close()

    await asyncio.gather(*map(client, names))
    return count / seconds


def show_throughput(cluster: Cluster, before: dict[str, int], core: float, seconds: float) -> None:
    try:
        groups = [Group(f"flowise-mock-{port}", core) for port in cluster.ports[1:]]
    except OSError as error:
        print(f"throughput: left out, no cgroup can be made: {error.strerror}")
        return
    for group, mock in zip(groups, cluster.mocks, strict=True):
        group.add(mock.pid)
    each = [[name for name in NAMES if before[name] == number][:4] for number in range(4)]
    every = [name for names in each for name in names]
    one, four = [], []
    for _ in range(3):
        one.append(asyncio.run(requests(cluster.ports[0], each[0], seconds)))
        four.append(asyncio.run(requests(cluster.ports[0], every, seconds)))
    rounds = ", ".join(f"{all_four / single:.2f}" for single, all_four in zip(one, four, strict=True))
    print(f"throughput, each mock held to {core:g} core: one {max(one):.0f}/s, four {max(four):.0f}/s")
    print(f"  {max(four) / max(one):.2f} times; by round {rounds}")
    for group, mock in zip(groups, cluster.mocks, strict=True):
        (group.path.parent / "cgroup.procs").write_text(str(mock.pid))
        group.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        try:
            with httpx.Client(base_url=cluster.url, timeout=20) as client:
                before = show_stickiness(cluster, client)
                show_throughput(cluster, before, options.core, options.seconds)
                show_failure(cluster, client, before)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
