"""On a server that matters a run only reads; whatever it makes it deletes; keys are never told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import request

from conform.judged import judge
from conform.right import KEY, Served, World, build, contract
from flowise_mock.cli import main
from flowise_mock.conform import contract as contracts
from flowise_mock.conform import safety
from flowise_mock.conform.ledger import Ledger


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:3000", True), ("http://127.9.9.9", True), ("http://localhost:3000", True),
        ("http://[::1]:3000", True), ("http://10.0.0.7", False), ("http://flows.example.com", False),
        ("http://localhost.example.com", False), ("http://0.0.0.0:3000", False), ("http://127.0.0.1.nip.io", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(url: str, local: bool) -> None:
    assert safety.is_loopback(url) is local


def test_elsewhere_a_run_only_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)
    app = build(World())
    methods: set[str] = set()
    app.before_request(lambda: methods.add(request.method))
    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=("walks", "probes", "generated"), rate=0.0, max_time=20)
    assert methods == {"GET"}
    assert (run["writes"], run["verdict"], run["new"]) == (False, "conforms", [])
    assert not (tmp_path / "ledger.jsonl").exists()


def test_what_is_generated_elsewhere() -> None:
    loaded = contracts.load("documented")
    reads = safety.rules("http://flows.example.com", False, [])
    writes = safety.rules("http://flows.example.com", True, ["deleteTool"])
    assert {id for id in loaded.operations if reads.generates(loaded, id)} == {
        id for id, operation in loaded.operations.items() if operation.method == "get"
    }
    made = {id for id in loaded.operations if writes.generates(loaded, id)}
    assert {"createTool", "updateTool", "deleteTool"} <= made
    assert not made & {"deleteVariable", "createPrediction", "upsertDocument", "createLead"}


def test_a_run_leaves_nothing_but_what_cannot_be_deleted(tmp_path: Path) -> None:
    world = World()
    mine = world.create("tools", {"name": "mine", "description": "", "color": ""})
    with Served(build(world)) as served:
        run = judge(served.url, tmp_path, phases=("walks", "probes", "generated"))
    assert world.rows["tools"] == [mine]
    assert world.rows["variables"] == world.rows["chatflows"] == world.rows["messages"] == []
    assert run["left"] == []


def test_what_cannot_be_deleted_is_told(tmp_path: Path) -> None:
    world = World()
    app = build(world)
    app.view_functions["deleteVariable"] = lambda id: (world.failure(500, "locked"), 500)
    with Served(app) as served:
        run = judge(served.url, tmp_path)
    assert {each["kind"] for each in run["left"]} == {"variable"}
    assert Path(run["ledger"]).exists()


def heard() -> None:
    """Let Ctrl-C count: a shell that starts tests in the background lets its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_half_way(how: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After Ctrl-C the run cleans up by itself; after a crash `--clean LEDGER` does."""
    world = World()
    book = tmp_path / "ledger.jsonl"
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract()))
    with Served(build(world)) as served:
        command = [
            sys.executable,
            "-m",
            "flowise_mock",
            "conform",
            served.url,
            "--document",
            str(file),
            "--ledger",
            str(book),
        ]
        environment = {**os.environ, "FLOWISE_API_KEY": KEY}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard
        )
        while not (book.exists() and len(Ledger(book).left()) > 5):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        if how == signal.SIGKILL:
            assert world.rows["tools"] or world.rows["variables"] or world.rows["chatflows"]
            time.sleep(1.5)  # what was on its way arrives
            assert main(["conform", "--clean", str(book), "--api-key", KEY]) == 0
            assert "0 left" in capsys.readouterr().out
        else:
            assert b"the run was interrupted" in out, err
            assert process.returncode in (1, 3)
    assert Ledger(book).left() == []
    assert world.rows["tools"] == world.rows["variables"] == world.rows["chatflows"] == []


def test_keys_are_never_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract(("/ping", "/tools", "/tools/{id}", "/variables"))))
    world = World()
    world.loaded["paths"]["/tools"]["get"]["x"] = 1
    app = build(world)
    app.after_request(lambda response: (response.headers.__setitem__("X-Key", KEY), response)[1])
    app.view_functions["getAllTools"] = lambda: ({"you sent": KEY}, 200)
    reports = [
        f"--report={name}={tmp_path / name}" for name in ("html", "json", "junit", "sarif", "md", "github")
    ]
    with Served(app) as served:
        arguments = [
            "conform",
            served.url,
            "--document",
            str(file),
            "--api-key",
            KEY,
            "--no-progress",
            *reports,
        ]
        assert main([*arguments, "--ledger", str(tmp_path / "ledger")]) == 1
    told = capsys.readouterr()
    texts = [told.out, told.err, *((path.read_text()) for path in tmp_path.iterdir() if path != file)]
    assert len(texts) == 9
    assert not [text for text in texts if KEY in text]
    assert "$FLOWISE_API_KEY" in told.out
