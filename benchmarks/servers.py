"""Servers in processes of their own, and what they use: CPU and memory of the whole process group."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workload import API, KEY, TOOLS, tool_body

ROOT = Path(__file__).parents[1]
PRISM = "@stoplight/prism-cli@5.14.2"
MOCK = [sys.executable, "-m", "flowise_mock", "serve", "--no-access-log"]


@dataclass
class Server:
    """A server that runs. `api` is the address of its operations; `is_mock` if it is flowise-mock."""

    name: str
    pid: int
    port: int
    is_mock: bool
    api: str

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used, by the scheduler's own count."""
        return sum(_nanoseconds(pid) for pid in _group(self.pid)) / 1e9

    def memory(self) -> float:
        """Resident memory of its processes in MB."""
        return sum(_resident(pid) for pid in _group(self.pid))

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        """Send JSON to a path. Returns the JSON of the answer."""
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(), sent
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"null")

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def reset(self) -> None:
        """Bring back the state that a measurement begins with: TOOLS tools."""
        if self.is_mock:
            self.post("/__mock__/reset", {})
            for number in range(TOOLS - len(self.get(f"{API}/tools"))):
                self.post(f"{API}/tools", tool_body(number))
        elif self.name != "Prism":
            self.post("/reset", {})


def mock(name: str, *options: str) -> tuple[str, list[str]]:
    return name, [*MOCK, *options]


@contextmanager
def running(
    name: str, command: list[str], *, path: str = f"{API}/ping", patience: float = 60
) -> Iterator[Server]:
    """A server that answers, at a free port; `PORT` in the command is replaced by it."""
    port = free_port()
    is_mock = "flowise_mock" in command
    filled = [each.replace("PORT", str(port)) for each in command]
    filled += ["--port", str(port)] if is_mock else []
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(filled, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
        try:
            _wait(f"http://127.0.0.1:{port}{path}", process, name, patience)
            yield Server(name, process.pid, port, is_mock, "" if name == "Prism" else API)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def bare(kind: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bare", kind, "PORT"]


def prism() -> list[str]:
    return ["npx", "--yes", "-p", PRISM, "prism", "mock", "openapi.yaml", "-p", "PORT", "-v", "warn"]


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes], name: str, patience: float) -> None:
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        if process.poll() is not None:
            sys.exit(f"{name} ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    sys.exit(f"{name} did not answer within {patience:.0f} s")


def _group(leader: int) -> list[int]:
    """The processes of a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == leader:
            found.append(int(path.parent.name))
    return found


def _nanoseconds(pid: int) -> int:
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _resident(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
