"""The commands replay, record and diff."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import KEY, Running
from flowise_mock.cli import main
from flowise_mock.replay.exchanges import read
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

HEADERS = {"Authorization": "Bearer <API_KEY>", "Content-Type": "application/json"}
ID = "11111111-2222-4333-8444-555555555555"
TOOL = {"name": "n", "description": "d", "color": "c"}
RECORD = {**TOOL, "iconSrc": None, "schema": None, "func": None, "workspaceId": "w", "id": ID,
         "createdDate": "2026-01-02T03:04:05.000Z", "updatedDate": "2026-01-02T03:04:05.000Z"}  # fmt: skip


@pytest.fixture(scope="module")
def newest() -> Iterator[Running]:
    running = Running(build.build(Options(contract="3.1.4", seed=None, token_delay=0)))
    yield running
    running.stop()


def row(operation: str, method: str, path: str, body: object, status: int | None, answer: object) -> str:
    request = {"method": method, "path": path, "query": {}, "headers": HEADERS, "body": body}
    media = {"Content-Type": "application/json; charset=utf-8"}
    response = {"status": status, "headers": media, "body": answer}
    return json.dumps({"operationId": operation, "case": "c", "request": request, "response": response})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    missing = f"Error: toolsService.getToolById - Tool {ID} not found"
    error = {"statusCode": 500, "success": False, "message": missing, "stack": {}}
    file = tmp_path / "r.jsonl"
    file.write_text(
        "\n".join(
            [
                row("createTool", "POST", "/api/v1/tools", TOOL, 200, RECORD),
                row("getToolById", "GET", f"/api/v1/tools/{ID}", None, 200, RECORD),
                row("deleteTool", "DELETE", f"/api/v1/tools/{ID}", None, 200, {"raw": [], "affected": 1}),
                row("getToolById", "GET", f"/api/v1/tools/{ID}", None, 500, error),
            ]
        )
        + "\n"
    )
    return file


def test_replay_maps_the_ids(newest: Running, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recording), newest.url, "--api-key", KEY]) == 0
    output = capsys.readouterr().out
    assert "4 of 4 exchanges agree (100.0 %), 1 of 1 error bodies word for word (100.0 %)" in output


def test_replay_shows_the_differences(
    newest: Running, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = recording.read_text().replace('"color": "c", "iconSrc": null', '"color": 5, "icon": null')
    recording.write_text(text)
    assert main(["replay", str(recording), newest.url, "--api-key", KEY]) == 1
    output = capsys.readouterr().out
    for line in (
        "body.color: expected number, got string",
        "body.icon: missing",
        "body.iconSrc: not expected",
    ):
        assert line in output
    assert main(["replay", str(recording), newest.url, "--api-key", KEY, "--at-least", "50"]) == 0
    assert main(["replay", str(recording), newest.url, "--api-key", KEY, "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert (data["agree"], data["played"]) == (2, 4)


def test_headers_bodies_and_orders_are_figures_of_their_own(
    newest: Running, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the old figure leaves out: a text that differs, a header, and the order of keys."""
    swapped = {"affected": 1, "raw": []}
    page = {"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY"}
    with recording.open("a") as file:
        file.write(row("createTool", "POST", "/api/v1/tools", TOOL, 200, {**RECORD, "id": ID[::-1]}) + "\n")
        file.write(row("deleteTool", "DELETE", f"/api/v1/tools/{ID[::-1]}", None, 200, swapped) + "\n")
        ping = json.loads(row("pingServer", "GET", "/api/v1/ping", None, 200, "another text"))
        ping["response"]["headers"] = page
        file.write(json.dumps(ping) + "\n")
    command = ["replay", str(recording), newest.url, "--api-key", KEY]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "0 of 1 bodies that are not JSON (0.0 %)" in output
    for name in ("headers", "bodies", "order"):
        assert main([*command, f"--{name}-at-least", "100"]) == 1
    capsys.readouterr()
    main([*command, "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    assert data["bodies"] == {"agree": 0, "of": 1}
    assert any("header x-frame-options" in each for each in data["details"]["pingServer/c"])
    assert "body: the keys come in another order" in data["details"]["deleteTool/c"]


def test_exchanges_that_cannot_be_played_are_listed_and_not_counted(
    newest: Running, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with recording.open("a") as file:
        file.write(
            row("getAllTools", "GET", "/api/v1/tools", None, 200, []).replace("<API_KEY>", "<LOW_KEY>")
        )
    assert main(["replay", str(recording), newest.url, "--api-key", KEY]) == 0
    assert "getAllTools/c: needs a key with the permission tools:view alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "r.jsonl:1: is not an exchange"),
        ('{"operationId": "x"}', "r.jsonl:1: is not an exchange: 'request'"),
        ('{"operationId": "x", "case": "c", "request": {}, "response": {}}', "is not an exchange: 'method'"),
    ],
)
def test_an_invalid_recording_gives_one_line(
    recording: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_text(text)
    assert main(["replay", str(recording), "http://127.0.0.1:9"]) == 2
    assert message in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:9", "ftp://x"])
def test_an_unreachable_server_gives_one_line(
    recording: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(recording), url]) == 2
    output = capsys.readouterr().err
    assert output.startswith("flowise-mock: ")
    assert len(output.splitlines()) == 1


def test_record_writes_a_recording_and_cleans_up(newest: Running, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.jsonl"
    cases = recording.read_text().splitlines()[:2]
    recording.write_text("\n".join(cases) + "\n")
    before = len(newest.mock.store.select("tool"))
    assert main(["record", newest.url, "--api-key", KEY, "--cases", str(recording), "--out", str(out)]) == 0
    assert len(newest.mock.store.select("tool")) == before
    exchanges = list(read(out))
    assert [each.name for each in exchanges] == ["createTool/c", "getToolById/c"]
    assert exchanges[0].body["id"] in exchanges[1].request["path"]
    assert KEY not in out.read_text().replace("flowise-mock-", "")


def test_diff_shows_the_changes_of_an_upgrade(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "3.0.5", "3.1.4"]) == 0
    output = capsys.readouterr().out
    assert "POST /vector/upsert/{id}\n  - key not required\n  + key required" in output
    assert "  + permission tools:view" in output
    assert main(["diff", "3.1.4", "3.1.4"]) == 0
    assert capsys.readouterr().out == "3.1.4 and 3.1.4 agree\n"
    assert main(["diff", "3.1.4", "9.9.9"]) == 2
    assert "choose one of documented, clients, 3.0.5, 3.1.4" in capsys.readouterr().err
