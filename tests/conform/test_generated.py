"""Generated requests: what the user passes to Schemathesis selects, and its events are read and copied."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conform.judged import judge
from conform.right import Served, World, build
from flowise_mock.conform import contract
from flowise_mock.conform.cleanup import clean
from flowise_mock.conform.client import Client, Request, Response
from flowise_mock.conform.events import Reader
from flowise_mock.conform.journal import Journal
from flowise_mock.conform.judge import Judge
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.observations import Observations
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.run import Run

PATHS = ("/ping", "/tools", "/tools/{id}", "/variables", "/variables/{id}")


def generated(folder: Path, *passed: str, events: Path | None = None) -> Run:
    with Served(build(World())) as served:
        return judge(
            served.url, folder, phases=("generated",), paths=PATHS, max_examples=1,
            passed=passed, filters=passed, events=events,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("option", "called"),
    [
        ("--include-tag=tools", {"createTool", "getAllTools", "getToolById", "updateTool", "deleteTool"}),
        ("--include-path=/ping", {"pingServer"}),
    ],
)  # fmt: skip
def test_a_selection_of_the_user_narrows(option: str, called: set[str], tmp_path: Path) -> None:
    run = generated(tmp_path, option)
    assert set(run["cases"]) == called
    assert run["phases"]["generated"]["cases"] > 0


def test_a_copy_of_the_events_does_not_blind_the_judge(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    run = generated(tmp_path, "--include-path=/ping", events=events)
    assert run["phases"]["generated"]["cases"] > 0
    assert any("ScenarioFinished" in json.loads(line) for line in events.read_text().splitlines())


class Listing(Client):
    """A client of a server with one list of executions, of which none is deleted by itself."""

    def __init__(self, executions: list[dict[str, str]]) -> None:
        super().__init__("http://127.0.0.1:1", None)
        self.executions = executions

    def send(self, request: Request, seconds: float | None = None) -> Response:
        id = request.path.rpartition("/")[2]
        if request.method == "DELETE":
            self.executions = [each for each in self.executions if each["id"] != id]
            return Response(200, {"content-type": "application/json"}, b"{}")
        body: Any = (
            [] if request.path != "/executions" else {"data": self.executions, "total": len(self.executions)}
        )
        found = 404 if request.path.count("/") > 1 else 200
        return Response(found, {"content-type": "application/json"}, json.dumps(body).encode())


def test_what_belongs_to_a_record_of_the_ledger_is_of_the_run(tmp_path: Path) -> None:
    """After a crash nothing but the ledger says what is of the run."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.open("http://127.0.0.1:1", "conform-1", {})
    ledger.made("chatflow", "flow")
    client = Listing([{"id": "a", "agentflowId": "flow"}, {"id": "b", "agentflowId": "of another"}])
    done = clean(client, ledger, Ownership(ledger.mark(), ledger.before()))
    assert client.executions == [{"id": "b", "agentflowId": "of another"}]
    assert done.left == []


def test_a_scenario_without_checks_is_read() -> None:
    """A server that ends in the middle leaves an exchange that nothing checked."""
    clients = contract.load("clients")
    observations = Observations(clients, None, Journal(), {})
    session: Any = SimpleNamespace(
        client=SimpleNamespace(url="http://127.0.0.1:9/api/v1"), contract=clients, judge=Judge(clients),
        rules=SimpleNamespace(writes=False), observations=observations, report=lambda *told: None,
    )  # fmt: skip
    sent: dict[str, Any] = {
        "method": "GET",
        "uri": "http://127.0.0.1:9/api/v1/ping",
        "headers": {},
        "body": None,
    }
    recorder = {
        "label": "GET /ping",
        "interactions": {"1": {"request": sent, "response": None}},
        "cases": {"1": {"value": {"method": "GET", "path": "/ping"}}},
    }
    Reader(session, 1).take({"ScenarioFinished": {"recorder": recorder, "phase": "fuzzing"}})
    assert observations.was_called("pingServer")
    assert [each.check for each in observations.findings] == ["answers_in_time"]
