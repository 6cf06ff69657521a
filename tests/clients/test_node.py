"""The Node client: its own tests, and with flowise-sdk, TypeScript and each test runner of docs/testing-node.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from flowise import Flowise, PredictionData

from conftest import KEY, Running

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "node"
PAGE = (ROOT / "docs" / "testing-node.md").read_text()
COMMAND = str(Path(sys.executable).with_name("flowise-mock"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("node") is None,
        reason="Node is not installed; the README promises `make test` with Python alone",
    ),
]
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"// (\S+\.js)\n")


def run(*command: str, cwd: Path, **env: str) -> str:
    """The output of a command; a failure of the test if it fails."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300,
        env={**os.environ, "FLOWISE_MOCK_COMMAND": COMMAND, "CHROMIUM": CHROMIUM, "CI": "1", **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path, *packages: str) -> None:
    """Install packages from npm; `flowise-mock` is the one of this project, as it would be published."""
    tarball = run("npm", "pack", "--silent", "--pack-destination", str(folder), str(PACKAGE), cwd=folder)
    named = [f"./{tarball.strip()}" if each == "flowise-mock" else each for each in packages]
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", *named, cwd=folder)


def section(title: str) -> tuple[list[str], str, dict[str, str]]:
    """What a section of the page installs, what it runs, and its files; with those that all sections share."""
    parts = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
    blocks = _BLOCK.findall(PAGE.partition("\n## ")[0]) + _BLOCK.findall(parts[title])
    (shell,) = [text for kind, text in blocks if kind == "sh"]
    installs, runs = shell.strip().splitlines()
    texts = [text for kind, text in blocks if kind == "js"]
    files = {name[1]: text for text in texts if (name := _FILE.match(text))}
    return installs.removeprefix("npm install --save-dev ").split(), runs, files


def test_its_own_tests() -> None:
    command = ["node", "--test", "--test-reporter=spec", "test/mock.test.js", "test/start.test.js"]
    assert "fail 0" in run(*command, cwd=PACKAGE)


def test_its_version_is_that_of_the_server() -> None:
    from flowise_mock import __version__

    assert json.loads((PACKAGE / "package.json").read_text())["version"] == __version__


@pytest.mark.slow
@pytest.mark.parametrize("title", ["node:test", "vitest", "jest", "Playwright"])
def test_the_examples_of_the_page(title: str, tmp_path: Path) -> None:
    packages, command, files = section(title)
    install(tmp_path, *packages)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run("sh", "-c", command, cwd=tmp_path)


@pytest.mark.slow
def test_its_types(tmp_path: Path) -> None:
    """A program that uses every member, and one line for each mistake that a type must find."""
    install(tmp_path, "flowise-mock", "typescript", "@types/node")
    for name in ("types.ts", "tsconfig.json"):
        shutil.copy(PACKAGE / "test" / name, tmp_path)
    run("npx", "tsc", "-p", ".", cwd=tmp_path)


@pytest.mark.slow
def test_python_and_node_at_once_on_one_server(fresh_default: Running, tmp_path: Path) -> None:
    """PyPI flowise and npm flowise-sdk, each in a namespace by its path prefix, with one fault each."""
    install(tmp_path, "flowise-mock", "flowise-sdk")
    shutil.copy(Path(__file__).with_name("beside.mjs"), tmp_path)
    url = f"{fresh_default.url}/ns/python"
    with ThreadPoolExecutor() as pool:
        node = pool.submit(run, "node", "beside.mjs", fresh_default.url, cwd=tmp_path)
        assert python_client(url) == [500, 200]
        assert json.loads(node.result()) == [500, 200]
    assert len(fresh_default.mock.worlds.default.journal) == 0


def python_client(url: str) -> list[int]:
    """The statuses that the journal has of two predictions of the PyPI client, the first one spoiled."""
    client = Flowise(url, KEY)
    asked = PredictionData(chatflowId=FLOW, question="from Python")
    with httpx.Client(base_url=f"{url}/__mock__", headers={"Content-Type": "application/json"}) as control:
        control.post("/faults", json={"fault": "server-error", "times": 1}).raise_for_status()
        with pytest.raises(OSError, match="500 Server Error"):
            list(client.create_prediction(asked))
        (answer,) = client.create_prediction(asked)
        assert answer["text"] == "Support chat echoes: from Python"
        entries = control.get("/journal", params={"operation": "createPrediction"}).json()
    return [entry["status"] for entry in entries]
