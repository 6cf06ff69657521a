"""The commands replay and record."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import KEY, Running
from flowise_mock.cli import main
from flowise_mock.replay import recorder, services
from flowise_mock.replay.exchanges import Exchange, read
from flowise_mock.replay.player import Player
from flowise_mock.replay.restore_nodes import abridge, restore_nodes
from flowise_mock.replay.transport import Answer
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
        file.write(
            row(
                "createTool",
                "POST",
                "/api/v1/tools",
                TOOL,
                200,
                {**RECORD, "id": "21111111-2222-4333-8444-555555555555"},
            )
            + "\n"
        )
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


FOREIGN = "0b9c8d7e-0000-4413-82c1-a09f8e7d6c5b"


def named(*ports: int) -> list[Exchange]:
    """Exchanges whose flows call services of this machine."""
    body = {"flowData": json.dumps({"basepath": "", "url": "http://127.0.0.1:PORT/v1"})}
    text = json.dumps({"method": "POST", "path": "/chatflows", "query": {}, "body": body})
    return [
        Exchange("createChatflow", "a", json.loads(text.replace("PORT", str(port))), {}) for port in ports
    ]


def test_services_that_are_missing(newest: Running) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed = bound.getsockname()[1]  # bound, and nothing listens
        once = closed - 1 if closed > 2000 else closed + 1
        assert services.missing(named(closed, closed, newest.port, newest.port, once)) == [closed]
    assert "127.0.0.1:3090 and 127.0.0.1:3091" in services.warning([3090, 3091])


def test_record_warns_of_them(
    newest: Running, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(services, "missing", lambda cases: [3090])
    arguments = ["record", newest.url, "--cases", str(recording), "--out", str(tmp_path / "new.jsonl")]
    assert main(arguments) == 0
    assert "nothing listens on 127.0.0.1:3090" in capsys.readouterr().err


def test_record_changes_no_record_of_others(
    newest: Running, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids of a recording that the server happens to have are those of somebody else."""
    store = newest.mock.store
    before = store.snapshot()
    store.put("tool", {**RECORD, "id": FOREIGN, "name": "theirs", "workspaceId": store.workspace})
    rows = [
        row("updateTool", "PUT", f"/api/v1/tools/{FOREIGN}", {"name": "ours"}, 200, {}),
        row("deleteTool", "DELETE", f"/api/v1/tools/{FOREIGN}", None, 200, {}),
        row("getToolById", "GET", f"/api/v1/tools/{FOREIGN}", None, 200, {}),
    ]
    recording.write_text("\n".join(rows) + "\n")
    out = tmp_path / "new.jsonl"
    try:
        arguments = ["record", newest.url, "--api-key", KEY, "--cases", str(recording), "--out", str(out)]
        assert main(arguments) == 0
        assert (store.get("tool", FOREIGN) or {})["name"] == "theirs"
    finally:
        store.restore(before)
    sent = [each.request["path"] for each in read(out)]
    assert all(FOREIGN not in path for path in sent)


def test_a_recording_has_the_ids_that_were_sent_in_queries_too(
    newest: Running, recording: Path, tmp_path: Path
) -> None:
    rows = recording.read_text().splitlines()[:1]
    shown = json.loads(row("getAllTools", "GET", "/api/v1/tools", None, 200, []))
    shown["request"]["query"] = {"after": ID}
    recording.write_text("\n".join([*rows, json.dumps(shown)]) + "\n")
    out = tmp_path / "new.jsonl"
    assert main(["record", newest.url, "--api-key", KEY, "--cases", str(recording), "--out", str(out)]) == 0
    created, listed = read(out)
    assert listed.request["query"] == {"after": created.body["id"]}


def test_a_recording_lacks_the_descriptions_of_nodes_and_says_that_they_were_sent() -> None:
    sent = {"name": "llmAgentflow", "inputs": {"a": 1}}
    described = {"inputs": [{"name": "a", "type": "string", "description": "a long text of the vendor"}]}
    flow = json.dumps({"nodes": [{"data": sent}], "edges": []})
    restored = restore_nodes(flow, lambda name: described)
    assert "a long text" in restored
    kept = abridge([{"flowData": restored}])[0]["flowData"]
    assert json.loads(kept)["nodes"][0]["data"]["inputParams"] == []
    assert "a long text" not in kept
    assert json.loads(restore_nodes(kept, lambda name: described)) == json.loads(restored)
    assert abridge({"flowData": "{", "other": 1}) == {"flowData": "{", "other": 1}


def test_what_record_cannot_delete_is_listed(
    newest: Running, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lead = {"chatflowid": FOREIGN, "name": "n", "email": "e", "phone": "p"}
    rows = [
        row("createTool", "POST", "/api/v1/tools", TOOL, 200, RECORD),
        row("createLead", "POST", "/api/v1/leads", lead, 200, {**lead, "id": ID[::-1]}),
    ]
    recording.write_text("\n".join(rows) + "\n")
    out = tmp_path / "new.jsonl"
    before = len(newest.mock.store.select("tool"))
    assert main(["record", newest.url, "--api-key", KEY, "--cases", str(recording), "--out", str(out)]) == 0
    output = capsys.readouterr().out
    made = [each.body["id"] for each in read(out)]
    assert f"2 exchanges in {out}; 1 records could not be deleted\n  /leads/{made[1]}\n" in output
    assert len(newest.mock.store.select("tool")) == before


def test_what_is_left_is_looked_for_after_all_was_deleted(
    newest: Running, recording: Path, tmp_path: Path
) -> None:
    """One that a case deleted is gone too; one that the server keeps is listed."""
    rows = [
        row("createTool", "POST", "/api/v1/tools", TOOL, 200, RECORD),
        row(
            "createTool",
            "POST",
            "/api/v1/tools",
            TOOL,
            200,
            {**RECORD, "id": "21111111-2222-4333-8444-555555555555"},
        ),
        row("deleteTool", "DELETE", f"/api/v1/tools/{RECORD['id']}", None, 200, {"raw": [], "affected": 1}),
    ]
    recording.write_text("\n".join(rows) + "\n")
    sent: list[str] = []
    player_delete, player_is_gone = Player.delete, Player.is_gone

    class Refusing(Player):
        """Cannot delete the second tool."""

        def delete(self, path: str) -> None:
            sent.append(f"delete {path}")
            if len([each for each in sent if each.startswith("delete")]) > 1:
                player_delete(self, path)

        def is_gone(self, path: str) -> bool:
            sent.append(f"look for {path}")
            return player_is_gone(self, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "Player", Refusing)
        count, left, _ = recorder.record(newest.url, KEY, read(recording), tmp_path / "new.jsonl")
    first, second = (
        each.body["id"] for each in read(tmp_path / "new.jsonl") if each.operation == "createTool"
    )
    newest.mock.store.remove("tool", second)
    assert (count, left) == (3, [f"/tools/{second}"])
    assert sent == [
        f"delete /tools/{second}", f"delete /tools/{first}", f"look for /tools/{second}", f"look for /tools/{first}",
    ]  # fmt: skip


def test_a_recording_ends_where_the_server_does(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new.jsonl"
    server = Running(build.build(Options(contract="3.1.4", seed=None)))
    arguments = ["record", server.url, "--api-key", KEY, "--cases", str(recording), "--out", str(out)]
    send = Player.send

    def stop_after_the_first(player: Player, exchange: Exchange) -> Answer:
        answer = send(player, exchange)
        if exchange.operation == "createTool":
            server.stop()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Player, "send", stop_after_the_first)
        assert main(arguments) == 1
    output = capsys.readouterr()
    (made,) = read(out)
    assert f"1 exchanges in {out}; 1 records could not be deleted\n  /tools/{made.body['id']}\n" in output.out
    assert "does not answer any more after exchange 1, createTool/c: the recording ends there" in output.err
    assert main(arguments) == 2
    assert "is the server running?" in capsys.readouterr().err


def test_a_deleted_record_is_gone_even_if_its_list_cannot_be_read(newest: Running) -> None:
    store = newest.mock.store
    before = store.snapshot()
    player = Player(newest.url, KEY)
    try:
        store.put("documentstore", {"id": FOREIGN, "name": "n", "loaders": "{", "whereUsed": "["})
        assert not player.is_gone(f"/document-store/store/{FOREIGN}")
        assert player.is_gone(f"/document-store/store/{ID}")
    finally:
        store.restore(before)


def test_record_writes_to_another_machine_only_if_it_may(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def record(url: str, *_: object, **__: object) -> recorder.Recorded:
        called.append(url)
        return recorder.Recorded(0, [])

    monkeypatch.setattr(recorder, "record", record)
    arguments = ["record", "http://192.0.2.1:3000", "--cases", str(recording), "--out", str(tmp_path / "x")]
    assert main(arguments) == 2
    assert "192.0.2.1:3000 is another machine: recording writes to it" in capsys.readouterr().err
    assert called == []
    assert main([*arguments, "--allow-writes"]) == 0
    assert called == ["http://192.0.2.1:3000"]
