"""The mock is judged as any server: a process at an address. It conforms to each of its contracts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowise_mock import document
from flowise_mock.cli import main

KEY = "flowise-mock"


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://[\d.:]+", process.stdout.readline())
            assert address
            yield address[0]
        finally:
            process.terminate()


def judged(url: str, folder: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    report = folder / "run.json"
    status = main(["conform", url, "--api-key", KEY, "--no-progress", f"--report=json={report}", *arguments])
    return status, json.loads(report.read_text())


@pytest.mark.parametrize("contract", document.contracts())
def test_the_mock_conforms(contract: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Default `serve` with default `conform` takes no longer than 45 s; the documented operations all succeed."""
    arguments = [] if contract == "clients" else ["--contract", contract]
    with served(*arguments) as url:
        started = time.monotonic()
        status, run = judged(url, tmp_path, *arguments)
        seconds = time.monotonic() - started
    told = capsys.readouterr().out
    assert status == 0, told
    assert run["new"] == run["known"] == []
    wanted = {each.id for each in document.operations(document.load("documented"))}
    successes = run["successes"]
    assert isinstance(successes, dict)
    never = {id for id in wanted if not sum(successes.get(id, {}).values())}
    assert never <= never_by_contract(contract)
    if contract == "clients":
        assert seconds < 45, f"{seconds:.0f} s"


def never_by_contract(contract: str) -> set[str]:
    """Operations that a version never answers 2xx to a key, as its own document says."""
    loaded = document.load(contract)
    return {
        each.id for each in document.operations(loaded)
        if not any(str(status).startswith("2") for status in each.definition["responses"])
    }  # fmt: skip


def test_the_mock_of_one_version_is_not_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served("--flowise", "3.1.4") as url:
        status, run = judged(url, tmp_path, "--contract", "documented", "--phases", "walks")
    assert status == 1
    new = run["new"]
    assert isinstance(new, list)
    told = {(each["operation"], each["check"]) for each in new}
    assert {
        ("updateChatMessageFeedbackForChatflow", "change_is_kept"),
        ("pingServer", "content_type_conformance"),
        ("getAllChatMessageFeedback", "parameter_has_effect"),
        ("patchDeleteUpsertHistory", "operation_exists"),
    } <= told, capsys.readouterr().out
