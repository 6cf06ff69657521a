"""`serve --upstream`: rules and records answer here, a real server the rest, which is recorded."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowise_mock.contract import contracts
from flowise_mock.proxy import fallback
from flowise_mock.proxy.recorder import Recorder
from flowise_mock.proxy.upstream import Upstream
from flowise_mock.scripts import reading
from flowise_mock.server.build import Options, build
from flowise_mock.server.thread import ServerThread

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
KEY = {"Authorization": "Bearer flowise-mock"}


@contextmanager
def served(options: Options) -> Iterator[str]:
    options.access_log = False
    thread = ServerThread(build(options))
    thread.start()
    try:
        yield thread.url
    finally:
        thread.stop()


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    """What stands for a real server: a mock with the seed."""
    with served(Options(contract="3.1.4", token_delay=0.02)) as url:
        yield url


@contextmanager
def before(url: str, script: Path | None = None, *, record: bool = False) -> Iterator[str]:
    """A mock without records before a server."""
    recorder = Recorder(contracts.load("3.1.4"), script) if record and script else None
    if recorder:
        recorder.begin()
    options = Options(
        contract="3.1.4", seed=None, scripts=[script] if script else [], reload=True, token_delay=0
    )
    options.around = fallback.around(Upstream.of(url), recorder)
    with served(options) as own:
        yield own
    if recorder:
        assert recorder.finish()[1]


def rules(path: Path, *listed: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"rules": listed, "chatflows": [{"id": FLOW}]}))
    return path


def ask(url: str, question: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{url}/api/v1/prediction/{FLOW}", json={"question": question, **more})


def journal(url: str) -> list[Any]:
    return list(httpx.get(f"{url}/__mock__/journal").json())


def test_a_rule_answers_here_and_the_server_the_rest(real: str, tmp_path: Path) -> None:
    script = rules(tmp_path / "r.json", {"match": {"question": "mine"}, "answer": "here"})
    with before(real, script) as url:
        assert ask(url, "mine").json()["text"] == "here"
        assert ask(url, "yours").json()["text"] == "Support chat echoes: yours"
        streamed = ask(url, "yours", streaming=True)
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert '"event":"end"' in streamed.text
        found = journal(url)
    assert [(each["rule"] or "").partition(" ")[0] for each in found][1:] == ["upstream", "upstream"]
    assert [each["operation"] for each in found] == ["createPrediction"] * 3


def test_records_of_this_mock_answer_here(real: str) -> None:
    with before(real) as url:
        made = httpx.post(
            f"{url}/__mock__/records/tool", json={"name": "own", "description": "d", "color": "c"}
        )
        assert made.status_code in (200, 201), made.text
        id = made.json()["id"]
        assert httpx.get(f"{url}/api/v1/tools/{id}", headers=KEY).json()["name"] == "own"
        listed = httpx.get(f"{url}/api/v1/tools", headers=KEY).json()
        direct = httpx.get(f"{real}/api/v1/tools", headers=KEY).json()
    assert listed == direct
    assert "own" not in [each["name"] for each in listed]


def test_what_is_missing_is_recorded_and_answered_here_from_then_on(real: str, tmp_path: Path) -> None:
    script = tmp_path / "missing.yaml"
    with before(real, script, record=True) as url:
        first = ask(url, "again").json()
        end = time.monotonic() + 5
        while not reading.read(script).value["rules"] and time.monotonic() < end:
            time.sleep(0.05)
        second = ask(url, "again").json()
        kinds = [(each["rule"] or "").partition(" ")[0] for each in journal(url)]
    assert (kinds[0], kinds[1] == "upstream") == ("upstream", False)
    assert (second["text"], second["chatId"] != first["chatId"]) == (first["text"], True)
    with before("http://127.0.0.1:9", script) as url:
        assert ask(url, "again").json()["text"] == first["text"]


def test_headers_and_bodies_come_as_the_server_sent_them(real: str) -> None:
    target = "/api/v1/chatflows?page=1&limit=2"
    with before(real) as url:
        direct, through = (httpx.get(each + target, headers=KEY) for each in (real, url))
    assert through.content == direct.content
    kept = {name: value for name, value in direct.headers.items() if name != "date"}
    assert {name: value for name, value in through.headers.items() if name in kept} == kept


def test_a_server_that_is_gone_is_said() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    with before(gone) as url:
        found = httpx.get(f"{url}/api/v1/tools", headers=KEY)
    assert (found.status_code, gone in found.json()["message"]) == (502, True)


def test_a_stream_arrives_as_it_is_sent_and_a_client_may_leave(real: str) -> None:
    with before(real) as url:
        sent = {"question": " ".join(["word"] * 100), "streaming": True}
        arrivals = []
        with httpx.stream("POST", f"{url}/api/v1/prediction/{FLOW}", json=sent) as response:
            for _ in response.iter_raw():
                arrivals.append(time.monotonic())
                if len(arrivals) == 10:
                    break
        assert arrivals[-1] - arrivals[0] > 0.1
        end = time.monotonic() + 5
        while not journal(url) and time.monotonic() < end:
            time.sleep(0.05)
        [entry] = journal(url)
    assert not entry["completed"]


def test_a_server_that_breaks_off_breaks_off(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            sock, _ = listening.accept()
            with closing(sock):
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        thread = threading.Thread(target=serve)
        thread.start()
        with before(f"http://127.0.0.1:{listening.getsockname()[1]}") as url:
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{url}/api/v1/tools", headers=KEY)
            thread.join()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "missing"], "--record needs --upstream URL"),
        (["--upstream", "http://127.0.0.1:1", "--record", "missing"], "--record needs --script FILE"),
        (
            ["--upstream", "http://127.0.0.1:1", "--record", "missing", "--script", "support-bot"],
            "--record needs",
        ),
        (["--upstream", "nonsense://x"], "is not an address"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, said in found.stderr) == (2, True), found.stderr
