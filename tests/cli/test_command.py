"""The command, as a user starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from flowise_mock.contract import contracts, document

COMMAND = [sys.executable, "-m", "flowise_mock"]
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


class Served:
    """A running `serve`: its address, what it printed at start, and how it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.banner = [process.stdout.readline().strip() for _ in range(5)]
        found = re.search(r"http://[\d.]+:\d+", self.banner[0])
        assert found, self.banner
        self.url = found[0]

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.get(f"{self.url}{path}", headers=headers)

    def end(self, sig: int) -> tuple[int, str]:
        self.process.send_signal(sig)
        _, errors = self.process.communicate(timeout=5)
        return self.process.returncode, errors


def operations_of(contract: str) -> int:
    return sum(1 for _ in document.operations(contracts.load(contract)))


@contextmanager
def serve(*arguments: str, env: dict[str, str] | None = None) -> Iterator[Served]:
    command = [*COMMAND, "serve", "--port", "0", *arguments]
    environment = {**os.environ, **(env or {})}
    with subprocess.Popen(
        command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def ran(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_banner_says_all_and_its_curl_line_works() -> None:
    with serve() as served:
        text = "\n".join(served.banner)
        assert f"contract clients, {operations_of('clients')} operations" in text
        assert "records of" in text
        assert "key   flowise-mock" in text
        line = re.search(r'curl -H "Authorization: Bearer ([^"]+)" (\S+)', text)
        assert line
        assert httpx.get(line[2], headers={"Authorization": f"Bearer {line[1]}"}).status_code == 200
        assert "flowise-mock" in served.get("/").text
        assert served.get("/openapi.json").json()["servers"] == [{"url": "/api/v1"}]
        assert served.get("/openapi.yaml").text.startswith("openapi: 3.0.3")
        assert "swagger-ui-bundle.js" in served.get("/docs").text
        assert served.get("/docs/swagger-ui-bundle.js").status_code == 200
        assert served.get("/docs/../../etc/passwd").status_code == 404


@pytest.mark.parametrize(
    ("arguments", "env", "key", "expected"),
    [
        ([], {}, "flowise-mock", 200),
        ([], {}, None, 401),
        (["--no-auth"], {}, None, 200),
        (["--api-key", "one", "--api-key", "two"], {}, "two", 200),
        (["--api-key", "one"], {}, "flowise-mock", 401),
        ([], {"FLOWISE_MOCK_API_KEY": "from-env"}, "from-env", 200),
    ],
)
def test_keys(arguments: list[str], env: dict[str, str], key: str | None, expected: int) -> None:
    with serve(*arguments, env=env) as served:
        assert served.get("/api/v1/tools", key).status_code == expected


def test_empty() -> None:
    with serve("--empty", "--contract", "documented") as served:
        assert f"{operations_of('documented')} operations" in served.banner[0]
        assert served.get("/api/v1/tools", "flowise-mock").json() == []


def test_the_access_line() -> None:
    with serve() as served:
        served.get("/api/v1/ping?a=%0d%0a")
        _, errors = served.end(signal.SIGTERM)
        assert re.search(r"127\.0\.0\.1 GET /api/v1/ping\?a=%0[dD]%0[aA] 200 [\d.]+ ms", errors)
    with serve("--no-access-log") as served:
        served.get("/api/v1/ping")
        assert served.end(signal.SIGTERM) == (0, "")


def test_the_end_of_standard_input_ends_it() -> None:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--stop-at-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert "http://" in process.stdout.readline()
        process.stdin.write("other input means nothing\n")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.stdin.close()
        assert process.wait(5) == 0


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_streams_included(sig: int) -> None:
    with serve("--token-delay", "50", "--no-access-log") as served:
        body = json.dumps({"question": "word " * 200, "streaming": True}).encode()
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as stream:
            stream.sendall(
                f"POST /api/v1/prediction/{FLOW} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            assert b"200 OK" in stream.recv(100)
            started = time.monotonic()
            status, errors = served.end(sig)
        assert status == 0
        assert time.monotonic() - started < 3
        assert "Traceback" not in errors


def test_a_signal_ends_it_while_a_thread_reads_a_large_body() -> None:
    """Which takes 18 s for this one."""
    body = b"[" * 24_000_000 + b"]" * 24_000_000
    with serve("--no-access-log") as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            head = (
                "POST /api/v1/variables HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer flowise-mock\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--contract", "9.9.9"], "there is no contract '9.9.9'; choose one of documented, clients"),
        (["serve", "--seed", "/nowhere"], "/nowhere: there is no such folder"),
        (["serve", "--overlay", "/nowhere.yaml"], "/nowhere.yaml: cannot be read: No such file"),
        (["serve", "--port", "99999"], "'99999' is not a port"),
        (["serve", "--host", "256.0.0.1"], "cannot listen on 256.0.0.1:3000"),
        (["serve", "--max-body", "0"], "not a number of bytes"),
        (["serve", "--token-delay", "-1"], "not a pause in milliseconds"),
        (["serve", "--hang", "soon"], "not a pause in seconds"),
        (["replay", "x.jsonl", "http://127.0.0.1:1", "--patience", "-1"], "not a pause in seconds"),
        (["serve", "--nope"], "unrecognized arguments: --nope"),
        (["serve", "--seed", ".", "--empty"], "not allowed with"),
        ([], "required"),
    ],
)
def test_an_error_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    status, _, errors = ran(*arguments)
    assert status == 2
    assert message in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_a_seed_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text('[{"id": "not-a-uuid"}]')
    status, _, errors = ran("serve", "--seed", str(tmp_path))
    assert (status, len(errors.splitlines())) == (2, 1)
    assert f'{tmp_path}/tools.json: 0/id: "not-a-uuid" is not a "uuid"' in errors


def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, errors = ran("serve", "--port", str(port))
    assert (status, len(errors.splitlines())) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --port" in errors


def test_version_departures_contract() -> None:
    assert re.fullmatch(r"flowise-mock \d+\.\d+\.\d+\n", ran("--version")[1])
    status, output, _ = ran("departures")
    assert status == 0
    assert len(output.splitlines()) > 100
    for form in ("json", "yaml"):
        status, output, _ = ran("contract", "--format", form)
        assert status == 0
        assert "deleteTool" in output


def test_a_script_answers_and_the_log_says_which_rule(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("rules: [{match: {turn: 1}, answer: '{{ question }}!'}]")
    arguments = ["--script", str(file), "--script", "recorded-model", "--explain", "--reload", "--no-auth"]
    with serve(*arguments) as served:

        def ask(question: str) -> httpx.Response:
            body = {"question": question, "chatId": "c"}
            return httpx.post(f"{served.url}/api/v1/prediction/{FLOW}", json=body)

        first, second = ask("hi"), ask("hi")
        assert (first.json()["text"], first.headers["x-flowise-mock-rule"]) == ("hi!", "rule bot.yaml:1")
        assert second.json()["text"] == "Echo of your question: hi"
        assert second.headers["x-flowise-mock-rule"] == "no rule; bot.yaml:1 turn is 2, not 1"
        file.write_text("rules: [{answr: hm}]")
        assert ask("so").json()["text"] == "Echo of your question: so"
        file.write_text("rules: [{answer: new}]")
        assert ask("so").json()["text"] == "new"
        lines = served.end(signal.SIGTERM)[1].splitlines()
    assert lines[0].endswith(" ms; rule bot.yaml:1")
    assert lines[2].startswith(f"{file}:1:10: /rules/0/answr: there is no key answr")
    assert lines[4] == "scripts read again: 1 rules, all counts start anew"


def test_strict_answers_without_a_rule_are_errors(tmp_path: Path) -> None:
    (tmp_path / "bot.json").write_text('{"rules": [{"match": {"turn": 2}, "answer": "hi"}]}')
    with serve("--script", str(tmp_path / "bot.json"), "--strict", "--flowise", "3.1.4") as served:
        refused = httpx.post(f"{served.url}/api/v1/prediction/{FLOW}", json={"question": "x"})
    assert refused.status_code == 500
    assert refused.json()["message"].endswith("the nearest is bot.json:1: turn is 1, not 2")


def test_a_request_that_goes_on_ends_with_the_server_and_leaves_no_traceback(tmp_path: Path) -> None:
    script = tmp_path / "slow.json"
    script.write_text(json.dumps({"rules": [{"answer": {"ms": 60000, "response": {"text": "late"}}}]}))
    with serve("--script", str(script)) as served:
        found: list[BaseException] = []

        def ask() -> None:
            try:
                httpx.post(f"{served.url}/api/v1/prediction/{FLOW}", json={"question": "x"}, timeout=30)
            except httpx.TransportError as error:
                found.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)
        status, errors = served.end(signal.SIGTERM)
        thread.join()
    assert (status, [type(each) for each in found]) == (0, [httpx.RemoteProtocolError])
    assert "Traceback" not in errors
