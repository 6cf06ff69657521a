"""Start-up, memory and requests per second, beside what they are compared with, in one go.

    python benchmarks/serve.py [--seconds 5] [--no-prism]

Needs wrk, and npm for Prism. Prints figures and ratios; nothing here passes or fails: machines differ.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEY = "flowise-mock"
PRISM = "@stoplight/prism-cli@5.14.2"


def main() -> None:
    parser = argparse.ArgumentParser(description="flowise-mock beside its peers")
    parser.add_argument("--seconds", type=int, default=5, help="of load per figure")
    parser.add_argument("--rounds", type=int, default=5, help="of starts")
    parser.add_argument("--no-prism", action="store_true")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    starts(options.rounds)
    ours = throughput("flowise-mock", mock, options.seconds)
    if not options.no_prism:
        theirs = throughput("prism", prism, options.seconds)
        for name in ours:
            print(f"ratio {name:12} {ours[name] / max(theirs[name], 1):6.1f} times Prism's requests/s")


def starts(rounds: int) -> None:
    """CPU from the command to the first 200, beside the bare imports; resident memory after it."""
    imports, served, memory = [], [], []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        quiet = [sys.executable, "-W", "ignore", "-c", "import connexion, uvicorn"]
        subprocess.run(quiet, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        imports.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        with serving(3901) as server:
            served.append(cpu(server.pid))
            memory.append(rss(server.pid))
    base, ours = statistics.median(imports), statistics.median(served)
    print(f"import connexion, uvicorn        {base:6.2f} s CPU (median of {rounds})")
    print(f"flowise-mock serve to first 200  {ours:6.2f} s CPU, {ours - base:+.2f} s")
    print(f"resident memory after start      {statistics.median(memory):6.1f} MB")


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def said(server: subprocess.Popen[bytes]) -> str:
    return " ".join(map(str, server.args)) if isinstance(server.args, list) else "the server"


@contextmanager
def running(command: list[str], url: str, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as out:
        server = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
        try:
            wait(url, server, patience)
            yield server
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(10)


def wait(url: str, server: subprocess.Popen[bytes], patience: float) -> None:
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        if server.poll() is not None:
            sys.exit(f"{said(server)} ended with {server.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"{said(server)} did not answer within {patience:.0f} s")


@contextmanager
def serving(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", str(port), "--no-access-log"]
    with running(command, f"http://127.0.0.1:{port}/api/v1/ping", 20) as server:
        yield server


@contextmanager
def mock(port: int) -> Iterator[subprocess.Popen[bytes]]:
    with serving(port) as server:
        for number in range(50 - seeded_tools(port)):
            post(port, "/api/v1/tools", f'{{"name":"tool {number}","description":"d","color":"#112233"}}')
        yield server


@contextmanager
def prism(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = ["npx", "--yes", "-p", PRISM, "prism", "mock", "openapi.yaml", "-p", str(port), "-v", "warn"]
    with running(command, f"http://127.0.0.1:{port}/ping", 120) as server:
        yield server


def post(port: int, path: str, body: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body.encode(), headers)
    urllib.request.urlopen(request, timeout=5).close()


def seeded_tools(port: int) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/tools", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return int(response.read().count(b'"id"'))


POST = """
wrk.method = "POST"
wrk.body = '{"name":"n","description":"d","color":"#112233"}'
wrk.headers["Content-Type"] = "application/json"
"""
TOOL = "cfd531e0-82fc-11e9-bc42-526af7764f64"


def throughput(name: str, start: object, seconds: int) -> dict[str, float]:
    """Requests per second: read one, list 50, create; requests and answers validated."""
    port, base = (3902, "/api/v1") if start is mock else (3903, "")
    found = {}
    with start(port):  # type: ignore[operator]
        url = f"http://127.0.0.1:{port}{base}/tools"
        found["get one"] = load(f"{url}/{TOOL}", seconds)
        found["list of 50"] = load(url, seconds)
        found["create"] = load(url, seconds, POST)
    for what, rate in found.items():
        print(f"{name:13} {what:12} {rate:9.0f} requests/s")
    return found


def load(url: str, seconds: int, script: str | None = None) -> float:
    """wrk's figure; answers other than 2xx are said, for they would make it worthless."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script or "")
        lua.flush()
        command = [
            "wrk",
            "-t1",
            "-c16",
            f"-d{seconds}s",
            "-H",
            f"Authorization: Bearer {KEY}",
            "-s",
            lua.name,
            url,
        ]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if refused := re.search(r"Non-2xx.*", told):
        print(f"  {url}: {refused[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate, told
    return float(rate[1])


if __name__ == "__main__":
    main()
