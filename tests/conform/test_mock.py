"""The mock is judged as any server: a process at an address. It conforms to each of its contracts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowise_mock.cli import main
from flowise_mock.contract import contracts, document

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


def deviations(run: dict[str, object]) -> list[tuple[str, str]]:
    new = run["new"]
    assert isinstance(new, list)
    return [(each["operation"], each["what"]) for each in new]


UNSEEN = {"documented": {"getChatflowByApiKey": "needs bound, which no response gave"}}
"""What only generated requests see: no operation lists the IDs of keys."""


REFUSED = {"3.0.0": ["createPrediction"], "3.0.5": ["createPrediction"], "3.1.4": ["getAllLeadsForChatflow"]}
"""The valid requests that these versions refuse: the decision before a chat has messages, and leads of a key."""


def refused(run: dict[str, object]) -> list[str]:
    notes = run["notes"]
    assert isinstance(notes, list)
    return [each["operation"] for each in notes if each["check"] == "valid_request_succeeds"]


@pytest.mark.parametrize("contract", sorted({*contracts.names()} - {"clients"}))
def test_walks_and_probes_find_nothing(
    contract: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served("--token-delay", "0", "--contract", contract) as url:
        _, run = judged(url, tmp_path, "--contract", contract, "--phases", "walks,probes", "--timeout", "2")
    assert deviations(run) == [], capsys.readouterr().out
    assert run["known"] == []
    assert run["unseen"] == UNSEEN.get(contract, {})
    assert refused(run) == REFUSED.get(contract, [])
    touched_nothing(run)


def test_the_mock_conforms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Default `serve` with default `conform`."""
    conforms("clients", tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("contract", sorted({*contracts.names()} - {"clients"}))
def test_the_mock_conforms_to_each_contract(
    contract: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conforms(contract, tmp_path, capsys)


def conforms(contract: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No deviation, no baseline, and each documented operation answered 2xx."""
    arguments = [] if contract == "clients" else ["--contract", contract]
    with served("--token-delay", "0", *arguments) as url:
        status, run = judged(url, folder, *arguments)
    assert status == 0, capsys.readouterr().out
    assert deviations(run) == []
    assert run["known"] == []
    touched_nothing(run)
    wanted = {each.id for each in document.operations(contracts.load("documented"))}
    successes = run["successes"]
    assert isinstance(successes, dict)
    never = {id for id in wanted if not sum(successes.get(id, {}).values())}
    assert never <= never_by_contract(contract)


def touched_nothing(run: dict[str, object]) -> None:
    records = run["records"]
    assert isinstance(records, dict)
    assert (records["changed"], records["vanished"], records["appeared"], records["left"]) == ([], [], [], [])


def never_by_contract(contract: str) -> set[str]:
    """Operations that a version never answers 2xx to a key, as its own document says."""
    loaded = contracts.load(contract)
    return {
        each.id for each in document.operations(loaded)
        if not any(str(status).startswith("2") for status in each.definition["responses"])
    }  # fmt: skip


@pytest.mark.slow
def test_the_mock_of_one_version_is_not_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served("--flowise", "3.1.4") as url:
        status, run = judged(url, tmp_path, "--contract", "documented", "--phases", "walks")
    assert status == 1
    new = run["new"]
    assert isinstance(new, list)
    found = {(each["operation"], each["check"]) for each in new}
    assert {
        ("updateChatMessageFeedbackForChatflow", "change_is_kept"),
        ("pingServer", "content_type_conformance"),
        ("getAllChatMessageFeedback", "parameter_has_effect"),
        ("patchDeleteUpsertHistory", "operation_exists"),
    } <= found, capsys.readouterr().out


@pytest.mark.slow
def test_what_a_version_is_known_to_fail_at_is_no_fact_of_another(tmp_path: Path) -> None:
    """3.0.5 answers a stop for a decision with 500 if nothing was said before; the contract says so."""
    with served("--flowise", "3.0.5") as url:
        _, run = judged(url, tmp_path, "--contract", "3.1.4", "--phases", "walks")
    assert ("createPrediction", "500 for a valid request") in deviations(run)
