"""`learn` explains the answers of servers by overlays, on exchanges that no version has."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import KEY, Running
from flowise_mock.cli import main
from flowise_mock.contract import contracts
from flowise_mock.contract.document import DocumentError
from flowise_mock.learn.probes import probes
from flowise_mock.replay import recorder
from flowise_mock.replay.exchanges import read
from flowise_mock.server import build
from flowise_mock.server.build import Options
from flowise_mock.state.store import UUID

pytestmark = pytest.mark.server

HEADERS = {"Authorization": "Bearer <API_KEY>", "Content-Type": "application/json"}
ID = "11111111-2222-4333-8444-555555555555"
BODY = {"name": "n", "description": "d", "color": "c"}
TOOL = {
    "id": ID, **BODY, "iconSrc": None, "schema": None, "func": None, "icon": None,
    "createdDate": "2026-01-02T03:04:05.000Z", "updatedDate": "2026-01-02T03:04:05.000Z", "workspaceId": ID[::-1],
}  # fmt: skip


def row(operation: str, method: str, path: str, body: object, status: int, answer: object) -> str:
    request = {"method": method, "path": f"/api/v1{path}", "query": {}, "headers": HEADERS, "body": body}
    media = {"Content-Type": "application/json; charset=utf-8"}
    response = {"status": status, "headers": media, "body": answer}
    return json.dumps({"operationId": operation, "case": "c", "request": request, "response": response})


def failure(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "success": False, "message": message, "stack": {}}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that no version is: a 410 for a missing tool, in other words, and a new column."""
    file = tmp_path_factory.mktemp("recording") / "r.jsonl"
    rows = [
        row("createTool", "POST", "/tools", BODY, 200, TOOL),
        row("getToolById", "GET", f"/tools/{ID}", None, 200, TOOL),
        row("deleteTool", "DELETE", f"/tools/{ID}", None, 200, {"raw": [], "affected": 1}),
        row("getToolById", "GET", f"/tools/{ID}", None, 410, failure(410, f"No Tool has the id {ID}")),
    ]
    file.write_text("\n".join(rows) + "\n")
    return file


def test_probes_create_nothing_and_name_no_record() -> None:
    document = contracts.merge("3.1.4")
    found = list(probes(document))
    assert [each.request for each in found] == [each.request for each in probes(contracts.merge("3.1.4"))]
    for each in found:
        method, path = each.request["method"], each.request["path"]
        assert method == "GET" or UUID.search(path), each.name
        assert "{" not in path
    probed = {each.operation for each in found}
    assert {"getAllTools", "updateTool", "deleteTool", "callMcpServer"} <= probed
    assert "createTool" not in probed


def test_an_operation_is_gone_if_the_interface_answers_a_probe(tmp_path: Path) -> None:
    (probe,) = [each for each in probes(contracts.merge("3.1.4")) if each.operation == "deleteVariable"]
    page = {"status": 200, "headers": {"Content-Type": "text/html"}, "body": '<div id="root"></div>'}
    file = tmp_path / "r.jsonl"
    file.write_text(
        json.dumps(
            {"operationId": probe.operation, "case": "probe", "request": probe.request, "response": page}
        )
    )
    assert learn(file, tmp_path / "flowise-3.1.9.yaml") == 0
    removed = [
        each
        for each in yaml.safe_load((tmp_path / "flowise-3.1.9.yaml").read_text())["actions"]
        if "remove" in each
    ]
    assert [each["target"] for each in removed] == [
        "$.paths['/variables/{id}'].delete",
        "$['x-permissions'].deleteVariable",
    ]


def test_a_column_and_parameters_that_are_gone_everywhere(tmp_path: Path) -> None:
    """Two tables without workspaces, one of which ignores pages."""
    variable = {"name": "v", "value": "1", "type": "static"}
    shown = {
        "id": ID[::-1],
        **variable,
        "createdDate": TOOL["createdDate"],
        "updatedDate": TOOL["updatedDate"],
    }
    shown["id"] = "21111111-2222-4333-8444-555555555555"
    listed = json.loads(row("getAllVariables", "GET", "/variables", None, 200, [shown]))
    listed["request"]["query"] = {"page": 1, "limit": 1}
    rows = [
        row("createVariable", "POST", "/variables", variable, 200, shown),
        row(
            "createTool",
            "POST",
            "/tools",
            BODY,
            200,
            {key: TOOL[key] for key in TOOL if key not in ("icon", "workspaceId")},
        ),
        json.dumps(listed),
    ]
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join(rows))
    assert learn(file, tmp_path / "flowise-3.1.9.yaml") == 0
    actions = yaml.safe_load((tmp_path / "flowise-3.1.9.yaml").read_text())["actions"]
    targets = [each["target"] for each in actions]
    assert "$..properties['workspaceId']" in targets
    assert "$.paths['/variables'].get.parameters[?@.name=='page']" in targets


def learn(recording: Path, out: Path, *more: str) -> int:
    return main(
        [
            "learn",
            "--from",
            "3.1.4",
            "--compare",
            "none",
            "--recording",
            str(recording),
            "--out",
            str(out),
            *more,
        ]
    )


@pytest.fixture(scope="module")
def learned(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The overlay that explains the recording."""
    out = tmp_path_factory.mktemp("learned") / "flowise-3.1.9.yaml"
    with redirect_stdout(StringIO()) as printed:
        assert learn(recording, out) == 0
    assert "after:  4 of 4 exchanges agree (100.0 %), 1 of 1 error bodies word for word" in printed.getvalue()
    return out.read_text()


@pytest.fixture
def overlay(learned: str, tmp_path: Path) -> Path:
    out = tmp_path / "flowise-3.1.9.yaml"
    out.write_text(learned)
    return out


def test_a_status_and_a_message_are_explained_with_their_evidence(learned: str) -> None:
    actions = [each for each in yaml.safe_load(learned)["actions"] if "x-evidence" in each]
    entry = {"status": 410, "source": "none", "message": "No {noun} has the id {id}"}
    assert {
        "target": "$.paths['/tools/{id}'].get",
        "x-evidence": "r#4",
        "update": {"x-outcomes": {"NotFound": entry}},
    } in [{key: each[key] for key in each if key != "description"} for each in actions]
    assert any("icon" in str(each.get("update")) for each in actions)


def test_ids_that_clients_set(tmp_path: Path) -> None:
    message = "Error: toolsService.createTool - SQLITE_CONSTRAINT: NOT NULL constraint failed: tool.id"
    file = tmp_path / "r.jsonl"
    file.write_text(row("createTool", "POST", "/tools", {**BODY, "id": None}, 500, failure(500, message)))
    assert learn(file, tmp_path / "flowise-3.1.1.yaml") == 0
    assert {"ids": "mutable"} in updates(tmp_path / "flowise-3.1.1.yaml")


def test_frames_without_a_colon(tmp_path: Path) -> None:
    """A mock of 3.1.0 is the server, and 3.1.4 the nearest contract."""
    nodes = [
        {"id": "m", "data": {"name": "bufferMemory", "category": "Memory"}},
        {"id": "c", "data": {"name": "conversationChain", "category": "Chains"}},
    ]
    data = json.dumps({"nodes": nodes, "edges": [{"source": "m", "target": "c"}]})
    flow = {"name": "f", "flowData": data, "type": "CHATFLOW"}
    cases = [
        row("createChatflow", "POST", "/chatflows", flow, 200, {**flow, "id": ID}),
        row("createPrediction", "POST", f"/prediction/{ID}", {"question": "q", "streaming": True}, 200, {}),
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases))
    running = Running(build.build(Options(contract="3.1.0", token_delay=0)))
    try:
        recorder.record(running.url, KEY, read(tmp_path / "cases.jsonl"), tmp_path / "r.jsonl")
    finally:
        running.stop()
    assert learn(tmp_path / "r.jsonl", tmp_path / "flowise-3.1.1.yaml") == 0
    assert {"bare-events": ["end"]} in updates(tmp_path / "flowise-3.1.1.yaml")


def updates(overlay: Path) -> list[Any]:
    return [each.get("update") for each in yaml.safe_load(overlay.read_text())["actions"]]


def internal_request(folder: Path) -> Path:
    """A request of the web interface without a session, which only old versions answer."""
    listed = json.loads(row("getAllTools", "GET", "/tools", None, 200, []))
    listed["request"]["headers"] = {"x-request-from": "internal"}
    file = folder / "r.jsonl"
    file.write_text(json.dumps(listed))
    return file


NEAREST_FIRST = ["3.0.0", "2.2.8", "3.0.8", "3.0.13", "3.1.0", "3.1.2", "3.1.4"]


@pytest.mark.parametrize(
    ("compared", "tried"),
    [(["--compare", "3.0.0"], ["3.0.0"]), (["--compare", "none"], []), ([], NEAREST_FIRST)],
)
def test_another_version_explains_what_no_exchange_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], compared: list[str], tried: list[str]
) -> None:
    out = tmp_path / "flowise-3.0.1.yaml"
    recording = str(internal_request(tmp_path))
    assert main(["learn", "--from", "3.0.5", "--recording", recording, "--out", str(out), *compared]) == 0
    output = capsys.readouterr()
    assert ("after:  1 of 1 exchanges agree" in output.out) is bool(tried)
    actions = yaml.safe_load(out.read_text())["actions"]
    learned = [each for each in actions if each["description"].startswith("As in ")]
    assert [each["update"] for each in learned] == ([{"internal-requests": "open"}] if tried else [])
    assert all(each["x-evidence"] == "r.jsonl" for each in learned)
    assert ("3.0.0: 1 of its differences explain something" in output.err) is bool(tried)
    assert [line.split(":")[0] for line in output.err.splitlines() if "of its differences" in line] == tried


@pytest.mark.slow
def test_the_same_recording_gives_the_same_overlay(recording: Path, overlay: Path, learned: str) -> None:
    assert learn(recording, overlay) == 0
    assert overlay.read_text() == learned


@pytest.mark.slow
def test_an_overlay_that_a_hand_changed_is_refused_or_kept(
    recording: Path, overlay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay.write_text(overlay.read_text().replace("status: 410", "status: 418"))
    assert learn(recording, overlay) == 2
    assert "was changed by hand; keep its actions with --merge" in capsys.readouterr().err
    assert learn(recording, overlay, "--merge") == 0
    assert "status: 418" in overlay.read_text()
    assert "status: 410" not in overlay.read_text()


def test_a_learned_overlay_is_a_contract_of_its_own(overlay: Path) -> None:
    running = Running(build.build(Options(contract=str(overlay))))
    try:
        with running.client() as client:
            answer = client.get(f"/tools/{ID}")
    finally:
        running.stop()
    assert (answer.status_code, answer.json()["message"]) == (410, f"No Tool has the id {ID}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "9.9.9", "--out", "flowise-3.1.9.yaml"], "--from 9.9.9: choose one of"),
        (["--from", "3.1.4", "--out", "new.yaml"], "name the version with --version"),
        (["--from", "3.1.4", "--out", "flowise-3.1.9.yaml"], "name a server, or a recording"),
        (["http://10.0.0.1:1", "--from", "3.1.4", "--out", "flowise-3.1.9.yaml"], "add --allow-writes"),
    ],
)
def test_what_cannot_be_learned_gives_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_chain_of_overlays_must_end(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("extends: two.yaml\n")
    two.write_text("extends: one.yaml\n")
    with pytest.raises(DocumentError, match="which extends it"):
        contracts.overlay_files(str(one))
    two.write_text("actions: []\n")
    with pytest.raises(DocumentError, match="extends no version"):
        contracts.overlay_files(str(one))


@pytest.mark.parametrize(
    ("version", "nearest"),
    [
        ("3.0.7", "3.0.5"),
        ("3.0.5", "3.0.5"),
        ("3.0.99", "3.0.13"),
        ("3.1.1", "3.1.0"),
        ("3.1.99", "3.1.4"),
        ("2.9.9", "2.2.8"),
    ],
)
def test_a_version_without_a_contract_takes_the_nearest_older_one(version: str, nearest: str) -> None:
    assert contracts.resolve_version(version) == nearest


def test_a_version_older_than_all_is_refused() -> None:
    with pytest.raises(DocumentError, match="choose one of"):
        contracts.resolve_version("2.0.0")
