"""Flags, the environment, a file: which one counts, and what is refused."""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flowise_mock import cli
from flowise_mock.cli import serve, settings
from flowise_mock.cli.examples import EXAMPLES
from flowise_mock.cli.settings import SettingError


def resolved(folder: Path, *flags: str) -> argparse.Namespace:
    arguments = cli.parser().parse_args(["serve", *flags])
    settings.resolve(arguments, serve.SETTINGS, folder)
    return arguments


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.flowise-mock]\nport = 4000\ncontract = "3.0.5"\nscript = ["a.yaml", "b.yaml"]\n'
    )
    (tmp_path / "below").mkdir()
    return tmp_path / "below"


def test_defaults(tmp_path: Path) -> None:
    found = resolved(tmp_path)
    assert (found.host, found.port, found.contract) == ("127.0.0.1", 3000, "clients")
    assert (list(found.script), list(found.api_key), found.control_token) == ([], [], None)


def test_the_file_counts(project: Path) -> None:
    found = resolved(project)
    assert (found.port, found.contract, found.script) == (4000, "3.0.5", ["a.yaml", "b.yaml"])


def test_the_environment_comes_before_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWISE_MOCK_PORT", "5000")
    monkeypatch.setenv("FLOWISE_MOCK_SCRIPT", "c.yaml")
    monkeypatch.setenv("FLOWISE_MOCK_CONTROL_TOKEN", "secret")
    monkeypatch.setenv("FLOWISE_MOCK_UNKNOWN", "ignored")
    found = resolved(project)
    assert (found.port, found.contract, found.script) == (5000, "3.0.5", ["c.yaml"])
    assert found.control_token == "secret"


def test_a_flag_comes_first(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWISE_MOCK_PORT", "5000")
    found = resolved(project, "--port", "0", "--flowise", "3.1.4", "--script", "d.yaml")
    assert (found.port, found.contract, found.script) == (0, "3.1.4", ["d.yaml"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("prot = 1", "there is no setting prot; did you mean port?; there are host, port"),
        ("port = 'x'", "port: 'x' is not a port"),
        ("port = true", "port: write a text"),
        ("script = [{}]", "script: write a text, or a list of texts"),
        ("control-token = 'x'", "control-token is a secret; set $FLOWISE_MOCK_CONTROL_TOKEN instead"),
        ("port = ", "cannot be read"),
    ],
)
def test_what_a_file_cannot_say(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / ".flowise-mock.toml").write_text(text)
    with pytest.raises(SettingError) as error:
        resolved(tmp_path)
    assert reason in str(error.value)
    assert str(tmp_path / ".flowise-mock.toml") in str(error.value)


def test_what_the_environment_cannot_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWISE_MOCK_PORT", "x")
    with pytest.raises(SettingError, match=r"\$FLOWISE_MOCK_PORT: 'x' is not a port"):
        resolved(tmp_path)


def doctor(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FLOWISE_MOCK_PORT": str(port)}
    command = [sys.executable, "-m", "flowise_mock", "doctor"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_doctor(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = doctor(tmp_path, port)
    assert refused.returncode == 1
    assert f"problem  cannot listen on 127.0.0.1:{port}" in refused.stdout
    done = doctor(tmp_path, 0)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok       contract clients, " in done.stdout
    assert "ok       schemathesis" in done.stdout


def test_every_example_of_a_help_is_a_command() -> None:
    for name, text in EXAMPLES.items():
        lines = [line for line in text.splitlines() if "flowise-mock " in line and line.startswith("  ")]
        assert lines
        for line in lines:
            words = re.split(r"\s{3,}", line.strip())[0].split("flowise-mock ")[1].split()
            assert words[0] == name
            cli.parser().parse_args(words[: words.index("--")] if "--" in words else words)


def test_a_command_without_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda package: None)
    assert cli.main(["conform", "http://127.0.0.1:9"]) == 2
    assert (
        "conform needs schemathesis; install it with: pip install 'flowise-mock[conform]'"
        in capsys.readouterr().err
    )
