"""The container, without an engine: its entry point, its health check, and the services of compose.yaml as processes."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ENTRYPOINT = ROOT / "deploy" / "entrypoint.sh"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def environment(port: int, **more: str) -> dict[str, str]:
    known = {"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
    return {**known, "FLOWISE_MOCK_HOST": "127.0.0.1", "FLOWISE_MOCK_PORT": str(port), **more}


@contextlib.contextmanager
def process(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.terminate()
            started.wait(10)


def line_with(started: subprocess.Popen[str], text: str) -> str:
    assert started.stdout
    return next(line for line in started.stdout if text in line)


def rules(port: int, token: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/__mock__/rules", headers={"Flowise-Mock-Token": token, "Host": "mock:3000"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.parametrize("given", [None, "chosen"])
def test_there_is_always_a_token(given: str | None) -> None:
    port = free_port()
    env = environment(
        port, FLOWISE_MOCK_HOST="0.0.0.0", **({"FLOWISE_MOCK_CONTROL_TOKEN": given} if given else {})
    )
    with process([str(ENTRYPOINT), "--empty"], env) as started:
        token = given or line_with(started, "control token for this run").split(":")[1].split()[0]
        assert len(token) >= (6 if given else 32)
        assert "needs the token" in line_with(started, "note")
        wait_for(port)
        assert rules(port, token) == []
        with pytest.raises(urllib.error.HTTPError, match="403"):
            rules(port, "wrong")


def test_the_health_check() -> None:
    port = free_port()
    (check,) = re.findall(r"HEALTHCHECK .*\\\n  CMD (\[.*\])", DOCKERFILE)
    command = json.loads(check)
    down = subprocess.run(command, env=environment(port), capture_output=True, check=False)
    with process([str(ENTRYPOINT)], environment(port)):
        wait_for(port)
        up = subprocess.run(command, env=environment(port), capture_output=True, check=False)
    assert (down.returncode, up.returncode) == (1, 0)


def test_the_services_of_compose() -> None:
    """Their commands and environments, with the names of the containers as addresses of this machine."""
    ports = {"mock": free_port(), "app": free_port()}
    mock, app, tests = (
        environment(ports["mock"], **here(SERVICES[name]["environment"], ports))
        for name in ("mock", "app", "tests")
    )
    with process([str(ENTRYPOINT)], mock), process(command_of("app"), {**app, "PORT": str(ports["app"])}):
        wait_for(ports["mock"])
        done = subprocess.run(command_of("tests"), env=tests, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def here(given: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    return {
        key: re.sub(r"http://(mock|app):\d+", lambda found: f"http://127.0.0.1:{ports[found[1]]}", value)
        for key, value in given.items()
    }


def command_of(service: str) -> list[str]:
    words = [
        word.replace("/app", str(ROOT / "examples" / "compose"), 1) for word in SERVICES[service]["command"]
    ]
    return [str(BIN / words[0]), *words[1:]]


def test_the_mock_needs_no_rights() -> None:
    mock = SERVICES["mock"]
    assert mock["read_only"]
    assert mock["cap_drop"] == ["ALL"]
    assert re.search(r"^USER 65534", DOCKERFILE, re.MULTILINE)


def test_what_the_image_is_built_from() -> None:
    """`.dockerignore` lets through all that the wheel is made of."""
    lines = (ROOT / ".dockerignore").read_text().split()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    project = (
        "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src", "requirements.txt", "openapi.yaml",
        "overlays",
    )  # fmt: skip
    data = set(re.findall(r'"(fixtures/[^"]+)"', (ROOT / "hatch_build.py").read_text()))
    assert len(data) > 1
    assert {*project, *data, "deploy/entrypoint.sh"} == allowed


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/__mock__/ready", timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers on port {port}")
