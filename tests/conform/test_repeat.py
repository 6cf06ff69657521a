"""Each deviation repeats: by `--only ID`, and by a script that needs curl and Python alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from flask import Flask

from conform.judged import judge
from conform.right import KEY, Served, World, build, contract
from conform.test_broken import PAGE, answer, body, instead, rewrite, status, with_
from conform.test_more_broken import changes_another, no_validation, second_page, wraps
from flowise_mock.cli import main
from flowise_mock.conform import curl
from flowise_mock.conform.client import Request
from flowise_mock.conform.deviations import Key
from flowise_mock.conform.reports import script
from flowise_mock.conform.run import Run

ALL = ("walks", "probes", "generated")


def broken() -> tuple[World, Flask]:
    """A server with faults that walks, probes and generated requests see."""
    world = World()
    app = build(world)
    no_validation(world, app)
    for fault in (
        rewrite("getToolById", with_(color=7)),
        rewrite("getAllChatMessages", lambda rows: [{**row, "role": "nobody"} for row in rows]),
        answer("createAttachment", status(201)),
        answer("getAllVariables", body(PAGE, "text/html")),
        instead("ordered", lambda original, rows, descending: original(rows, False)),
        second_page, wraps,
    ):  # fmt: skip
        fault(world, app)
    return world, app


@pytest.fixture(scope="module")
def deviating(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    _, app = broken()
    with Served(app) as served:
        return judge(served.url, folder, phases=ALL, max_examples=1)


def conform(url: str, folder: Path, *arguments: str) -> int:
    file = folder / "contract.json"
    file.write_text(json.dumps(contract()))
    return main(["conform", url, "--document", str(file), "--api-key", KEY, "--no-progress", *arguments])


def test_each_phase_found_something(deviating: Run) -> None:
    assert {"walks", "probes"} < {each["phase"] for each in deviating["new"]}
    assert len(deviating["new"]) > 25


def test_one_deviation_of_each_check_repeats_by_its_id(
    deviating: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a fresh server of the same kind, in a run of its own."""
    by_check = {(each["check"], each["phase"]): each for each in deviating["new"]}
    world, app = broken()
    with Served(app) as served:
        for each in by_check.values():
            assert conform(served.url, tmp_path, "--only", each["id"]) == 1, each
            shown = capsys.readouterr().out
            assert f"repeated: {each['operation']} {each['check']}: {each['what']}" in shown
            assert "0 records changed, 0 left" in shown
    assert world.rows["tools"] == world.rows["variables"] == world.rows["chatflows"] == []


def test_each_script_repeats(deviating: Run) -> None:
    """The script sets up, requests, and cleans up; the last status is the one of the report."""
    world, app = broken()
    assert max(len(each["steps"]) for each in deviating["new"]) > 3
    with Served(app) as served:
        for each in deviating["new"][::3]:
            text = script.text({**deviating, "url": f"{served.url}/api/v1"}, each)
            done = run_script(text)
            statuses = re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.MULTILINE)
            assert statuses[-1:] == [str(each["status"])], (each, done.stderr, text)
    assert world.rows["tools"] == world.rows["variables"] == world.rows["chatflows"] == []


def run_script(text: str, key: str | None = KEY) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "FLOWISE_API_KEY"}
    if key:
        environment["FLOWISE_API_KEY"] = key
    return subprocess.run(
        ["bash", "-c", text], env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_a_script_says_that_it_needs_the_key(deviating: Run) -> None:
    done = run_script(script.text(deviating, deviating["new"][0]), key=None)
    assert done.returncode != 0
    assert "FLOWISE_API_KEY: is not set: export the key of the server" in done.stderr


def test_what_does_not_repeat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    id = Key("getToolById", "unknown_is_refused", "500 instead of 404").id
    with Served(build(World())) as served:
        assert conform(served.url, tmp_path, "--only", id) == 0
    assert re.search(rf"not repeated: \d+ requests to getToolById did not show {id}", capsys.readouterr().out)


@pytest.mark.parametrize("id", ["noSuchOperation-12345678", "nonsense"])
def test_an_id_of_no_operation(id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("http://127.0.0.1:9", tmp_path, "--only", id) == 2
    assert "--only: the contract contract.json has no operation" in capsys.readouterr().err


def test_an_id_is_the_same_in_every_run() -> None:
    assert Key("getToolById", "unknown_is_refused", "500 instead of 404").id == "getToolById-b6983635"


def test_a_record_that_a_request_changed_by_accident_repeats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only the comparison of lists shows repeats, too."""
    world = World()
    world.create("tools", {"name": "not of the run", "description": "", "color": ""})
    app = build(world)
    changes_another(world, app)
    with Served(app) as served:
        first = judge(served.url, tmp_path)
        (found,) = first["new"]
        assert conform(served.url, tmp_path, "--only", found["id"]) == 1


# --- curl --------------------------------------------------------------------------------------------


def echoed(request: Request) -> tuple[dict[str, str], bytes]:
    """What a server receives of a curl command."""
    received: list[tuple[dict[str, str], bytes]] = []
    app = Flask("echo")

    @app.route("/<path:path>", methods=["GET", "POST", "PUT"])
    def take(path: str) -> str:
        from flask import request as sent

        parts = {
            name: file.read().decode() + "|" + str(file.filename) + "|" + file.mimetype
            for name, file in sent.files.items()
        }
        received.append(({**sent.form, **parts}, sent.get_data()))
        return "ok"

    with Served(app) as served:
        done = run_script(curl.command(served.url, request))
    assert done.stdout.endswith("ok"), done.stderr
    return received[0]


@pytest.mark.parametrize(
    "content", [b'{"a": "it\'s \\"$HOME\\" `x` \\n"}', b"@file", b"\x00\xff% \\", "ü€".encode(), b"a\nb\n"]
)
def test_curl_sends_the_same_bytes(content: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    assert echoed(Request("x", "POST", "/a", headers=headers, content=content))[1] == content


def test_curl_sends_files_that_the_reader_does_not_have() -> None:
    files = [("files", ("walk; 1.txt", b'hello; "you"\nthere', "text/plain"))]
    form, _ = echoed(Request("x", "POST", "/a", form={"base64": "@false"}, files=files))
    assert form == {"base64": "@false", "files": 'hello; "you"\nthere|walk; 1.txt|text/plain'}
