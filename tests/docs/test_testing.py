"""The examples of docs/testing.md, each run as a user would, in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Running
from testing.test_fixtures import ENVIRONMENT, FAST, PLUGIN

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```(python|ini|console|yaml)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall((DOCS / "testing.md").read_text())
FILES = {text.partition("\n")[0].removeprefix("# "): text for kind, text in BLOCKS if kind != "console"}
COMMANDS = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]


def written(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def pytest_in(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *PLUGIN, *FAST, *options],
        cwd=folder, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


WITHOUT = [f"--ignore={name}" for name in ("test_marker.py", "test_versions.py")]
"""Files with tests of a contract of their own, which need a server of their own."""


def test_every_block_names_its_file() -> None:
    assert all(re.fullmatch(r"[a-z_]+\.(py|ini)", name) for name in FILES), sorted(FILES)
    assert len(FILES) == sum(kind != "console" for kind, _ in BLOCKS)


def test_the_examples_pass(tmp_path: Path) -> None:
    out = pytest_in(written(tmp_path))
    tests = sum(text.count("def test_") for text in FILES.values())
    twice = FILES["test_versions.py"].count("def test_")  # for each of two versions
    assert f"{tests + twice} passed" in out


def test_the_examples_pass_on_one_server(tmp_path: Path, default: Running) -> None:
    url = f"--flowise-mock-url={default.url}"
    out = pytest_in(written(tmp_path), "-n", "2", url, "-k", "not resilience", *WITHOUT)
    assert "passed" in out
    assert [each.name for each in default.mock.worlds if each.name.startswith("test_")] == []


def test_the_commands() -> None:
    """What the other tests here and the check of the wheel run, and nothing else."""
    assert COMMANDS == [
        "$ pytest",
        "$ pytest --flowise-mock-versions 3.0.5,3.1.4",
        "$ python -m unittest",
        "$ flowise-mock serve --port 3000 &",
        "$ pytest -n 4 --flowise-mock-url http://127.0.0.1:3000",
        "$ pip install flowise-mock pytest-xdist",
        "$ pytest -n auto",
    ]


def test_unittest_runs_its_example(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "test_unittest"],
        cwd=written(tmp_path), capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_table_of_clients() -> None:
    from clients import resilience

    assert resilience.measured() == resilience.DOCS.read_text()
