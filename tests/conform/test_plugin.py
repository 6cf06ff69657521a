"""The pytest way: one test for each operation, each passing or failing by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import flowise_mock
from conform.right import KEY, Served, World, build
from conform.test_broken import answer, status

ENVIRONMENT = {
    **os.environ,
    "FLOWISE_API_KEY": KEY,
    "PYTHONPATH": str(Path(flowise_mock.__file__).parents[1]),
}
INSTALLED = {each.name for each in entry_points(group="pytest11")}
PLUGIN = [] if "flowise-mock" in INSTALLED else ["-p", "flowise_mock.pytest_plugin"]
TEST = """
import pytest

@pytest.mark.flowise_conformance({url!r}, contract="documented", phases=("walks", "probes"), seconds=2.0)
def test_conforms(flowise_operation):
    flowise_operation.check()
"""


def pytest_(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGIN, "--strict-markers", "--tb=short", "-rA", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_one_test_per_operation(tmp_path: Path) -> None:
    app = build(World())
    answer("createTool", status(201))(World(), app)
    with Served(app) as served:
        (tmp_path / "test_it.py").write_text(TEST.format(url=served.url))
        out = pytest_(tmp_path)
    assert "FAILED test_it.py::test_conforms[createTool] " in out, out
    assert "PASSED test_it.py::test_conforms[pingServer]" in out
    assert "status_code_conformance: 201 is not documented" in out
    assert f"repeat flowise-mock conform {served.url} --contract documented --only createTool-" in out
    assert out.count("ED test_it.py::test_conforms[") == 46


def test_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(flowise_operation):\n    flowise_operation.check()\n")
    assert "name the server" in pytest_(tmp_path, "-k", "pingServer")


def test_a_dead_server_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST.format(url="http://127.0.0.1:9"))
    out = pytest_(tmp_path)
    assert "1 failed, 45 skipped" in out, out
    assert "no server" in out
    assert "Traceback" not in out
