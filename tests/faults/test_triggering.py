"""How a fault is triggered: the header, keys, browsers, the access log, counted calls, scripts."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import HANG, KEY, Running
from faults.wire import SUPPORT, question, send
from flowise_mock.faults import spec
from flowise_mock.server import build
from flowise_mock.server.build import Options
from flowise_mock.state.counts import Counts
from scripts.scripted import Bot

pytestmark = pytest.mark.server

# --- the header ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("melt", "there is no fault melt; there are lost-content, json-instead"),
        ("", "there is no fault ; there are lost-content"),
        ("hang; secs=1", "the fault hang has no option secs; it has seconds, probability, seed, nth"),
        ("status; code=abc", 'the option code of the fault status: "abc" is not of type "integer"'),
        ("hang seconds", "there is no fault hang seconds"),
        ("hang; seconds", "write NAME; option=value"),
    ],
)
@pytest.mark.parametrize("path", ["/ping", "/tools"])
def test_an_invalid_header_is_refused_in_json(
    faulty: Running, real: Running, path: str, header: str, message: str
) -> None:
    for running in (faulty, real):
        response = send(running.port, header, "GET", path, close=True)
        assert (response.status, response.headers["content-type"].partition(";")[0]) == (
            400,
            "application/json",
        )
        assert response.json["message"].startswith("The header x-flowise-mock-fault cannot be obeyed: ")
        assert message in response.json["message"]


def test_an_invalid_header_is_refused_before_the_handler_runs(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    assert send(faulty.port, "melt", body=question(), close=True).status == 400
    assert faulty.mock.store.snapshot().records == before


def test_a_header_may_be_utf_8(faulty: Running) -> None:
    fault = "status; code=502; body=Grüße".encode()
    for header in (fault, fault.decode().encode("latin-1")):
        with faulty.client() as client:
            response = client.get("/ping", headers=[(b"x-flowise-mock-fault", header)])
        assert (response.status_code, response.text) == (502, "Grüße")


def test_two_headers_are_refused(faulty: Running) -> None:
    response = send(faulty.port, "hang", "GET", "/ping", close=True, x_flowise_mock_fault="reset")
    assert (response.status, "request one fault at a time" in response.json["message"]) == (400, True)


def test_the_key_is_checked_before_a_fault(faulty: Running, real: Running) -> None:
    for running in (faulty, real):
        response = send(
            running.port, "status; code=418", "GET", "/tools", close=True, Authorization="Bearer none"
        )
        assert response.status == 401


def test_an_unknown_path_has_no_faults(faulty: Running) -> None:
    assert send(faulty.port, "status; code=418", "GET", "/nowhere", close=True).status == 404


def test_a_browser_may_request_faults(faulty: Running, real: Running) -> None:
    for running in (faulty, real):
        response = send(
            running.port, method="OPTIONS", close=True, Origin="http://localhost:5173", Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="content-type, x-flowise-mock-fault, prefer",
        )  # fmt: skip
        assert response.status in (200, 204)
        assert "x-flowise-mock-fault" in response.headers["access-control-allow-headers"]
        refused = send(
            running.port, "server-error", body=question(), close=True, Origin="http://localhost:5173"
        )
        assert refused.status == 500
        assert refused.headers["access-control-allow-origin"] == "http://localhost:5173"


def test_the_access_log_names_the_fault(faulty: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flowise_mock.access")
    send(faulty.port, "status; code=418; message=tea", "GET", "/ping", close=True)
    send(faulty.port, "cut-frame", body=question(streaming=False), close=True)
    send(faulty.port, "reset", "GET", "/ping")
    send(faulty.port, "reset; nth=70", "GET", "/ping", close=True)
    deadline = time.monotonic() + 3
    while len(caplog.messages) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    ends = [re.sub(r"^.*? (GET|POST) \S+ |[\d.]+ ms", "", line) for line in caplog.messages]
    assert ends == [
        "418 ; fault status; code=418; message=tea",
        "200 ; fault cut-frame, and there was no stream",
        "- ; fault reset",
        "200 ",
    ]


@pytest.mark.parametrize("fault", sorted(spec.catalogue()))
def test_the_answer_of_a_fault_is_not_checked(
    faulty: Running, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """None of these answers is documented for /ping, and none is reported as a defect of the mock."""
    send(faulty.port, fault, "GET", "/ping", patience=0.1)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


# --- at which calls --------------------------------------------------------------------------------


def statuses(running: Running, fault: str, count: int, path: str = "/ping") -> list[int]:
    with running.client() as client:
        return [client.get(path, headers={"x-flowise-mock-fault": fault}).status_code for _ in range(count)]


def fresh(**options: Any) -> Running:
    return Running(build.build(Options(token_delay=0, hang=HANG, **options)))


def test_calls_are_counted_per_operation_and_fault() -> None:
    running = fresh()
    try:
        assert statuses(running, "status; nth=3", 5) == [200, 200, 503, 200, 200]
        assert statuses(running, "status; nth=3; code=500", 3) == [200, 200, 500]
        assert statuses(running, "status; nth=3", 3, "/tools") == [200, 200, 503]
    finally:
        running.stop()


def test_the_calls_are_the_same_on_every_server() -> None:
    runs = []
    for _ in range(2):
        running = fresh()
        try:
            runs.append(statuses(running, "status; probability=0.5; seed=4", 40))
        finally:
            running.stop()
    assert runs[0] == runs[1]
    assert runs[0].count(503) in range(10, 31)


def test_the_number_of_counters_is_limited() -> None:
    counts = Counts(most=3)
    assert [counts.next(key) for key in (("a",), ("a",), ("b",))] == [1, 2, 1]
    for key in (("c", "1"), ("c", "2")):
        counts.next(key)
    assert counts.next(("b",)) == 2
    assert counts.next(("a",)) == 1  # dropped: it is the first call again


# --- scripts ---------------------------------------------------------------------------------------

SCRIPT = """
rules:
  - match: {question: {contains: refund}}
    answers:
      - You can send it back.
      - {text: As I said, fault: {name: error-midstream, after: 0}}
      - fault: server-error
  - {match: {question: limit}, fault: {name: rate-limited, message: slow down}}
  - {match: {question: sometimes}, fault: {name: server-error, nth: 2}}
  - {match: {question: json}, fault: json-instead}
  - {match: {operation: createTool}, times: 1, fault: {name: status, code: 503}}
"""


def test_a_script_requests_faults(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SCRIPT)
    assert bot.predict(SUPPORT, question="a refund", chatId="c")["text"] == "You can send it back."
    events = bot.stream(SUPPORT, question="a refund", chatId="c")
    assert [name for name, _ in events] == ["start", "error", "end"]
    before = bot.mock.store.snapshot().records
    failed = bot.post(SUPPORT, question="a refund", chatId="c")
    assert (failed.status_code, failed.json()) == (500, {"error": "The model did not answer"})
    limited = bot.post(SUPPORT, question="limit")
    assert (limited.status_code, limited.json(), limited.headers["retry-after"]) == (
        429,
        {"error": "slow down"},
        "60",
    )
    assert bot.mock.store.snapshot().records == before


def test_the_nth_question_of_a_rule_fails(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SCRIPT)
    assert [bot.post(SUPPORT, question="sometimes").status_code for _ in range(4)] == [200, 500, 200, 200]


def test_a_script_requests_faults_for_other_operations(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SCRIPT)
    tool = {"name": "t", "description": "d", "color": "#000000"}
    before = bot.mock.store.snapshot().records
    assert bot.request("POST", "/tools", json=tool).status_code == 503
    assert bot.mock.store.snapshot().records == before
    assert bot.request("POST", "/tools", json=tool).status_code == 200


def test_json_instead_has_the_answer_of_the_flow(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SCRIPT)
    answer = bot.post(SUPPORT, question="json", streaming=True)
    assert answer.json()["text"] == "Support chat echoes: json"


def test_json_instead_needs_the_key_of_the_flow() -> None:
    running = fresh(contract="3.1.4")
    try:
        key = running.mock.store.key_named(KEY)
        assert key is not None
        with running.client() as client:
            assert client.put(f"/chatflows/{SUPPORT}", json={"apikeyid": key["id"]}).status_code == 200
        response = send(
            running.port, "json-instead", body=question(), patience=0.3, Authorization="Bearer none"
        )
        assert response.end == "open"
        assert b"Support chat echoes" not in response.raw
        response = send(running.port, "json-instead", body=question(), close=True)
        assert response.json["text"] == "Support chat echoes: one two three"
    finally:
        running.stop()


def test_the_header_takes_precedence_over_the_script(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{fault: {name: error-midstream, after: 0}}]")
    response = bot.request(
        "POST",
        f"/prediction/{SUPPORT}",
        json={"question": "a", "streaming": True},
        headers={"x-flowise-mock-fault": "lost-content"},
    )
    assert re.findall(r'"event":"(\w+)"', response.text) == ["metadata", "end"]


# --- the end of the server -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["hang", "never-closed", "slow-first-token; ms=50000", "latency; ms=50000"])
def test_the_server_ends_during_any_fault(fault: str) -> None:
    command = [sys.executable, "-m", "flowise_mock", "serve", "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = re.search(r":(\d+)/", process.stdout.readline())
        assert address
        client = subprocess.Popen(
            ["curl", "-sN", "-H", f"x-flowise-mock-fault: {fault}", "-H", "Content-Type: application/json",
             "-d", '{"question": "a", "streaming": true}', f"http://127.0.0.1:{address[1]}/api/v1/prediction/{SUPPORT}"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.5)
        assert client.poll() is None
        process.terminate()
        assert process.wait(10) == 0
        client.wait(10)
