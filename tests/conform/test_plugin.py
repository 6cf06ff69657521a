"""The pytest way: one test per operation, each passing or failing by itself."""

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


def test_one_test_per_operation(tmp_path: Path) -> None:
    app = build(World())
    answer("createTool", status(201))(World(), app)
    with Served(app) as served:
        (tmp_path / "test_it.py").write_text(TEST.format(url=served.url))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *PLUGIN, "--strict-markers", "--tb=line", "-rA"],
            cwd=tmp_path, capture_output=True, text=True, check=False, env=ENVIRONMENT,
        )  # fmt: skip
    assert "FAILED test_it.py::test_conforms[createTool] " in done.stdout, done.stdout + done.stderr
    assert "PASSED test_it.py::test_conforms[pingServer]" in done.stdout
    assert "status_code_conformance: 201 is not documented" in done.stdout
    assert done.stdout.count("test_conforms[") == 46


def test_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(flowise_operation):\n    flowise_operation.check()\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGIN, "-k", "pingServer"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert "name the server" in done.stdout
