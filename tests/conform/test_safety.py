"""A run changes no record of others, deletes what it makes, and proves both; keys are in no report."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask, request

from conform.judged import judge, summary
from conform.right import KEY, Row, Served, World, build, contract
from conform.test_more_broken import makes_and_fails
from flowise_mock.cli import main
from flowise_mock.conform import contract as contracts
from flowise_mock.conform import inventory, records, safety
from flowise_mock.conform.client import Client, Request
from flowise_mock.conform.inventory import Found
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.reports import terminal
from flowise_mock.conform.run import Run

ALL = ("walks", "probes", "generated")
FEW = ("/ping", "/tools", "/tools/{id}", "/variables", "/variables/{id}", "/chatflows", "/chatflows/{id}")
"""The paths of records: generated requests to the others take most of a run."""


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


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine count as another, where no limit of requests makes a test slow."""
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)


def test_elsewhere_a_run_only_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch)
    app = build(World())
    methods: set[str] = set()
    app.before_request(lambda: methods.add(request.method))
    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=ALL, rate=0.0, max_examples=1, paths=FEW)
    assert methods == {"GET"}
    assert (run["writes"], run["verdict"], run["status"], run["new"]) == (False, "inconclusive", 3, [])
    assert "unseen, since read-only; pass --allow-writes or --expect-coverage" in run["headline"]
    assert not (tmp_path / "ledger.jsonl").exists()


def test_what_is_generated_elsewhere() -> None:
    """With writes allowed all but what costs money: requests go to records of the run alone."""
    loaded = contracts.load("documented")
    reads = safety.rules("http://flows.example.com", False, [])
    writes = safety.rules("http://flows.example.com", True, ["vectorUpsert"])
    assert {id for id in loaded.operations if reads.generates(loaded, id)} == {
        id for id, operation in loaded.operations.items() if operation.method == "get"
    }
    made = {id for id in loaded.operations if writes.generates(loaded, id)}
    assert {"createTool", "updateTool", "deleteTool", "deleteVariable", "vectorUpsert"} <= made
    assert not made & {"createPrediction", "upsertDocument", "createLead"}


def test_nothing_vanishes_with_the_server() -> None:
    """What cannot be listed has not changed, whatever the list is of."""
    before = inventory.Inventory({kind: Found(kind, kind, {"id": kind}) for kind in records.kinds()})
    after = inventory.take(Client("http://127.0.0.1:9", None, seconds=1))
    assert inventory.compare(before, after) == ([], [], [])


# --- nothing is touched ------------------------------------------------------------------------------

EXAMPLES = {
    "tools": "6b1f0d3e-9c2a-4d58-8e47-a5b6c7d8e9f0",
    "chatflows": "d290f1ee-6c54-4b01-90e6-d701748f0851",
}
"""IDs of the document's examples: a server may have records with them."""


def crowded() -> World:
    """A server that others use: some of their records have the IDs of the document's examples."""
    world = World()
    for number in range(4):
        world.create("tools", {"name": f"tool {number}", "description": "theirs", "color": "#000000"})
        world.create("variables", {"name": f"variable {number}", "value": "theirs", "type": "static"})
        flow = world.create("chatflows", {"name": f"flow {number}", "flowData": "{}", "type": "CHATFLOW"})
        if number == 0:
            flow["id"] = EXAMPLES["chatflows"]
        answer = world.predict(flow["id"], {"question": "theirs"})
        world.create(
            "feedback",
            {"chatflowid": flow["id"], "messageId": answer["chatMessageId"], "rating": "THUMBS_UP"},
        )
    world.rows["tools"][0]["id"] = EXAMPLES["tools"]
    return world


class Watched(NamedTuple):
    """A run in all phases against a crowded server, and what the server saw of it."""

    run: Run
    world: World
    before: dict[str, list[Row]]
    named: list[str]
    """Writing requests that name a record of others."""
    updates: list[int]
    """The statuses of updates with a valid body."""


def watched(folder: Path, **more: Any) -> Watched:
    world = crowded()
    known = {row["id"] for rows in world.rows.values() for row in rows}
    seen = Watched({}, world, copy.deepcopy(world.rows), [], [])
    app = build(world)

    @app.before_request
    def look() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            text = request.full_path + request.get_data(as_text=True)
            seen.named.extend(f"{request.method} {text[:200]}" for id in known if id in text)

    @app.after_request
    def count(response: Any) -> Any:
        if request.method == "PUT" and response.status_code != 400:  # which says that the body is not valid
            seen.updates.append(response.status_code)
        return response

    with Served(app) as served:
        run = judge(served.url, folder, phases=ALL, **more)
    return seen._replace(run=run)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return watched(tmp_path_factory.mktemp("run"))


def touches_nothing(seen: Watched) -> None:
    records = seen.run["records"]
    assert seen.world.rows == seen.before
    assert seen.named == []
    assert (records["changed"], records["left"], records["appeared"]) == ([], [], [])
    assert records["checked"] > records["before"] > 15
    assert f"0 records changed, 0 left (checked: {records['checked']}" in terminal.text(seen.run)


def test_all_phases_touch_nothing_of_others(local: Watched) -> None:
    touches_nothing(local)


@pytest.mark.slow
def test_all_phases_touch_nothing_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch)
    touches_nothing(watched(tmp_path, allow_writes=True, rate=0.0))


def test_a_right_server_has_no_deviation(local: Watched) -> None:
    """Nobody's records are a fault of the server."""
    assert summary(local.run) == ""
    assert (local.run["verdict"], local.run["status"], local.run["doubts"]) == ("conforms", 0, [])
    assert all(local.run["successes"].get(id) for id in local.run["operations"])


def test_most_generated_updates_hit_a_record(local: Watched) -> None:
    assert len(local.updates) > 50
    assert sum(status < 300 for status in local.updates) / len(local.updates) > 0.6


def test_what_was_there_before_is_never_named() -> None:
    ownership = Ownership("conform-1", {"theirs": "tool", "0": "variable"})
    assert ownership.forbids(Request("updateTool", "PUT", "/tools/theirs", json={}))
    assert ownership.forbids(Request("deleteVariable", "DELETE", "/variables/0"))
    assert ownership.forbids(Request("createFeedback", "POST", "/feedback", json={"messageId": "theirs"}))
    assert ownership.forbids(Request("patch", "PATCH", "/upsert-history", json={"ids": ["own", "theirs"]}))
    assert not ownership.forbids(Request("getToolById", "GET", "/tools/theirs"))
    assert not ownership.forbids(Request("updateTool", "PUT", "/tools/own", json={"name": "theirs"}))
    assert not ownership.adopt("tool", "theirs")


# --- nothing is left ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_record_whose_id_no_response_gave_is_found(tmp_path: Path) -> None:
    """A creation fails after it has made the record: the mark in it shows that it is of the run."""
    world = World()
    app = build(world)
    makes_and_fails(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=ALL)
    assert [row for row in world.rows["variables"] if "conform-" in str(row)] == []
    assert run["records"]["left"] == []
    unmarked = {row["id"] for row in world.rows["variables"]}  # their names were no texts
    assert {each.split()[1] for each in run["records"]["appeared"]} == unmarked


def test_a_record_that_others_make_meanwhile_stays(tmp_path: Path) -> None:
    world = World()
    app = build(world)
    theirs: list[Row] = []

    @app.before_request
    def others() -> None:
        if not theirs and request.method == "POST" and request.path.endswith("/variables"):
            theirs.append(world.create("tools", {"name": "of another", "description": "", "color": ""}))

    with Served(app) as served:
        run = judge(served.url, tmp_path)
    assert world.rows["tools"] == theirs
    assert run["records"]["appeared"] == [f"tool {theirs[0]['id']} (of another)"]
    assert run["records"]["left"] == []
    assert "appeared during the run: tool" in terminal.text(run)


def test_a_deletion_that_lies_is_seen(tmp_path: Path) -> None:
    """A DELETE that answers 200 and does nothing: each record that stays is listed."""
    world = World()
    world.replace(delete=world.find)
    with Served(build(world)) as served:
        run = judge(served.url, tmp_path, phases=ALL, max_examples=1, paths=FEW)
    stay = {row["id"] for table in ("tools", "variables", "chatflows") for row in world.rows[table]}
    assert len(stay) > 20
    assert {each["id"] for each in run["records"]["left"]} == stay
    lies = [each for each in run["new"] if each["check"] == "deleted_is_gone" and each["phase"] == "clean-up"]
    assert {each["operation"] for each in lies} == {"deleteTool", "deleteVariable", "deleteChatflow"}
    assert [cause["title"] for cause in run["causes"]] == ["What was deleted is still there"]


def refuses(endpoint: str) -> Callable[[World, Flask], None]:
    def fault(world: World, app: Flask) -> None:
        app.view_functions[endpoint] = lambda id: (world.failure(500, "locked"), 500)

    return fault


def test_what_cannot_be_deleted_is_listed(tmp_path: Path) -> None:
    world = World()
    app = build(world)
    refuses("deleteVariable")(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path)
    assert {each["kind"] for each in run["records"]["left"]} == {"variable"}
    assert Path(run["ledger"]).exists()
    assert f"delete what is left: flowise-mock conform --clean {run['ledger']}" in terminal.text(run)


def test_a_change_by_others_is_reported(tmp_path: Path) -> None:
    world = crowded()
    app = build(world)

    @app.before_request
    def others() -> None:
        world.rows["variables"][0]["value"] = "changed by another"

    with Served(app) as served:
        world.rows["variables"][0]["value"] = "first"
        original = world.listed
        listed = iter([copy.deepcopy(world.rows["variables"])])
        world.replace(
            listed=lambda table: next(listed if table == "variables" else iter(()), original(table))
        )
        run = judge(served.url, tmp_path)
    assert [each.split(" (")[1] for each in run["records"]["changed"]] == ["variable 0)"]
    assert run["status"] == 0


# --- a run that is cut off ---------------------------------------------------------------------------


def listens() -> None:
    """Let Ctrl-C count: a shell that starts tests in the background lets its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_half_way(how: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After Ctrl-C the run cleans up by itself; after a crash `--clean LEDGER` does."""
    world = World()
    mine = world.create("tools", {"name": "mine", "description": "", "color": ""})
    book = tmp_path / "ledger.jsonl"
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract()))
    with Served(build(world)) as served:
        command = [
            sys.executable, "-m", "flowise_mock", "conform", served.url, "--document", str(file),
            "--ledger", str(book),
        ]  # fmt: skip
        environment = {**os.environ, "FLOWISE_API_KEY": KEY}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=listens
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
            assert ", 0 left" in capsys.readouterr().out
        else:
            assert b"the run was interrupted" in out, err
            assert process.returncode in (1, 3)
    assert world.rows["tools"] == [mine]
    assert world.rows["variables"] == world.rows["chatflows"] == []


def test_keys_are_in_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract(("/ping", "/tools", "/tools/{id}", "/variables"))))
    world = World()
    app = build(world)
    app.after_request(lambda response: (response.headers.__setitem__("X-Key", KEY), response)[1])
    app.view_functions["getAllTools"] = lambda: ({"you sent": KEY}, 200)
    names = ("html", "json", "junit", "sarif", "md", "github", "har", "vcr", "ndjson")
    reports = [f"--report={name}={tmp_path / name}" for name in names]
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
        assert main([*arguments, "--ledger", str(tmp_path / "ledger"), "--verbose"]) == 1
    shown = capsys.readouterr()
    texts = {"out": shown.out, "err": shown.err}
    texts |= {path.name: path.read_text() for path in tmp_path.iterdir() if path != file}
    assert set(names) | {"ledger"} <= texts.keys()
    ours = {name: text for name, text in texts.items() if name not in ("har", "vcr", "ndjson")}
    assert [name for name, text in ours.items() if KEY in text] == []
    assert "$FLOWISE_API_KEY" in shown.out
    assert f"Bearer {KEY}" not in texts["har"] + texts["vcr"] + texts["ndjson"]
