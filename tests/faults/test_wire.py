"""The bytes of each fault, read from a raw socket; and that no fault changes the state."""

from __future__ import annotations

import json
import re
import time
from functools import partial
from typing import Any

import httpx
import pytest

from conftest import HANG, Running
from faults.wire import SUPPORT, RawResponse, question, send
from flowise_mock.contract import contracts
from flowise_mock.contract.document import Document, Operation, operations, resolve
from flowise_mock.contract.samples import sample
from flowise_mock.faults import spec
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

EVENTS = ["start", *["token"] * 6, "metadata", "end"]
"""The events of the question without a fault."""
END = b'2f\r\nmessage:\ndata:{"event":"end","data":"[DONE]"}\n\n\r\n'
LAST = b"0\r\n\r\n"
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"connection: keep-alive\r\nx-accel-buffering: no\r\nvary: Origin\r\ntransfer-encoding: chunked\r\n\r\n"
)
START = b'2b\r\nmessage:\ndata:{"event":"start","data":""}\n\n\r\n'
TWO = b'32\r\nmessage:\ndata:{"event":"token","data":"Support"}\n\n\r\n30\r\nmessage:\ndata:{"event":"token","data":" chat"}\n\n\r\n'


def plain(raw: bytes) -> bytes:
    """The bytes without the date, the name of the server and the ids."""
    raw = re.sub(rb"(?m)^(date|server): .*\r\n", b"", raw)
    return re.sub(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", b"ID", raw)


def wait_for_messages(running: Running, count: int, patience: float = 3.0) -> bool:
    """Wait until the conversation has `count` messages. False if that takes too long."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if len(running.mock.store.select("chatmessage", chatId="faults")) == count:
            return True
        time.sleep(0.01)
    return False


# --- faults of a stream ----------------------------------------------------------------------------


def test_without_a_fault(faulty: Running) -> None:
    response = send(faulty.port, body=question(), close=True)
    assert (response.status, response.names, response.end, response.complete) == (200, EVENTS, "closed", True)


def test_lost_content(faulty: Running) -> None:
    response = send(faulty.port, "lost-content", body=question(), close=True)
    assert response.names == ["metadata", "end"]
    assert response.complete


def test_json_instead(faulty: Running) -> None:
    response = send(faulty.port, "json-instead", body=question(), close=True)
    assert response.headers["content-type"] == "application/json"
    assert response.json["text"] == "Support chat echoes: one two three"
    assert response.complete


def test_empty_stream(faulty: Running) -> None:
    response = send(faulty.port, "empty-stream", body=question())
    assert plain(response.raw) == STREAM + LAST
    assert response.end == "open"  # the answer is complete, and the connection is kept alive


def test_error_midstream(faulty: Running) -> None:
    response = send(faulty.port, "error-midstream", body=question())
    error = b'message:\ndata:{"event":"error","data":"Error: predictionsServices.buildChatflow - The model did not answer"}\n\n'
    assert plain(response.raw) == STREAM + START + TWO + b"%x\r\n" % len(error) + error + b"\r\n" + END + LAST


def test_the_error_has_the_frame_of_its_version() -> None:
    running = Running(build.build(Options(contract="3.0.5", token_delay=0)))
    try:
        response = send(running.port, "error-midstream; after=0", body=question(), close=True)
        assert response.body.endswith(
            b'message\ndata:{"event":"error","data":"Error: predictionsServices.buildChatflow - The model did not answer"}\n\n'
            b'message\ndata:{"event":"end","data":"[DONE]"}\n\n'
        )
        response = send(running.port, "not-found", body=question(), close=True)
        assert (response.status, response.json["message"]) == (
            500,
            f"Error: chatflowsService.getChatflowById - Chatflow {SUPPORT} not found in the database!",
        )
    finally:
        running.stop()


@pytest.mark.parametrize(("after", "tokens"), [(0, 0), (1, 1), (5, 5), (6, 6), (100, 6)])
def test_error_midstream_comes_after_a_number_of_tokens(faulty: Running, after: int, tokens: int) -> None:
    response = send(
        faulty.port, f"error-midstream; after={after}; message=no more", body=question(), close=True
    )
    assert response.names == ["start", *["token"] * tokens, "error", "end"]
    assert response.events[-2][1] == "Error: predictionsServices.buildChatflow - no more"
    assert response.complete


def test_cut_frame(faulty: Running) -> None:
    response = send(faulty.port, "cut-frame", body=question())
    assert plain(response.raw) == STREAM + START + TWO + b'19\r\nmessage:\ndata:{"event":"t\r\n'
    assert response.end == "closed"
    assert not response.complete


def test_no_end(faulty: Running) -> None:
    response = send(faulty.port, "no-end", body=question(), close=True)
    assert response.names == EVENTS[:-1]
    assert (response.end, response.complete) == ("closed", True)


@pytest.mark.parametrize(("options", "names"), [("", EVENTS), ("; end=false", EVENTS[:-1])])
def test_never_closed(faulty: Running, options: str, names: list[str]) -> None:
    response = send(faulty.port, f"never-closed; seconds=30{options}", body=question())
    assert response.names == names
    assert (response.end, response.raw.endswith(LAST)) == ("open", False)


def test_never_closed_is_closed_after_the_hang_of_the_server(faulty: Running) -> None:
    begun = time.monotonic()
    response = send(faulty.port, "never-closed", body=question(), close=True)
    assert time.monotonic() - begun >= HANG
    assert (response.names, response.end, response.complete) == (EVENTS, "closed", True)


def test_slow_first_token(faulty: Running) -> None:
    head = send(faulty.port, "slow-first-token; ms=30000", body=question())
    assert (plain(head.raw), head.end) == (STREAM, "open")
    response = send(faulty.port, "slow-first-token; ms=100", body=question(), close=True)
    assert (response.names, response.complete) == (EVENTS, True)


STREAMED = ["lost-content", "empty-stream", "error-midstream", "cut-frame", "no-end", "never-closed; seconds=0", "json-instead", "slow-first-token; ms=1"]  # fmt: skip


@pytest.mark.parametrize("fault", [*STREAMED, "truncated"])
def test_the_run_of_a_spoiled_stream_continues(faulty: Running, fault: str) -> None:
    faulty.reset()
    send(faulty.port, fault, body=question(), patience=5, close=True)
    assert wait_for_messages(faulty, 2)
    sent, answer = faulty.mock.store.select("chatmessage", chatId="faults")
    assert sent["content"] == "one two three"
    assert answer["content"] == "Support chat echoes: one two three"


@pytest.mark.parametrize("fault", STREAMED)
def test_a_fault_of_streams_does_not_change_other_answers(faulty: Running, fault: str) -> None:
    faulty.reset()
    response = send(faulty.port, fault, body=question(streaming=False), close=True)
    faulty.reset()
    usual = send(faulty.port, body=question(streaming=False), close=True)
    assert plain(response.raw) == plain(usual.raw)


def test_every_fault_of_a_stream_is_tested() -> None:
    named = {each.partition(";")[0] for each in STREAMED}
    assert named == {name for name, fault in spec.catalogue().items() if fault["x-spoils"] == "stream"}


# --- faults that replace the answer ----------------------------------------------------------------


def failure(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "success": False, "message": message, "stack": {}}


ORIGIN = "This site is not allowed to access this chatbot"
SLOW = "Too many requests, please try again later"
REPLACED: list[tuple[str, int, Any, Any]] = [
    ("unauthorized", 401, {"error": "Unauthorized Access"}, {"error": "Unauthorized Access"}),
    ("forbidden-origin", 403, {"error": ORIGIN}, failure(403, ORIGIN)),
    ("forbidden-origin; message=Not you", 403, {"error": "Not you"}, failure(403, "Not you")),
    ("not-found", 404, {"error": f"Chatflow {SUPPORT} not found; list the Chatflows there are, or create it first"},
     failure(404, f"Chatflow {SUPPORT} not found in the database!")),
    ("rate-limited", 429, {"error": SLOW}, SLOW),
    ("too-large", 413, {"error": "request entity too large: send at most 52428800 bytes"}, failure(413, "request entity too large")),
    ("server-error", 500, {"error": "The model did not answer"},
     failure(500, "Error: predictionsServices.buildChatflow - The model did not answer")),
    ("server-error; message=no", 500, {"error": "no"}, failure(500, "Error: predictionsServices.buildChatflow - no")),
    ("status", 503, {"error": "Service Unavailable"}, failure(503, "Service Unavailable")),
    ("status; code=418; message=tea", 418, {"error": "tea"}, failure(418, "tea")),
    ("status; code=599", 599, {"error": "Status 599"}, failure(599, "Status 599")),
    ("status; code=502; body=<h1>Bad gateway</h1>", 502, "<h1>Bad gateway</h1>", "<h1>Bad gateway</h1>"),
    ('status; code=200; body={"odd": [1]}', 200, {"odd": [1]}, {"odd": [1]}),
]  # fmt: skip


def body_of(response: RawResponse) -> Any:
    textual = response.headers["content-type"].startswith("text/")
    return response.body.decode() if textual else json.loads(response.body)


@pytest.mark.parametrize(("fault", "status", "usual", "flowise"), REPLACED, ids=lambda each: str(each)[:30])
def test_a_fault_that_replaces_the_answer_has_the_text_of_the_contract(
    faulty: Running, real: Running, fault: str, status: int, usual: Any, flowise: Any
) -> None:
    for running, expected in ((faulty, usual), (real, flowise)):
        before = running.mock.store.snapshot().records
        response = send(running.port, fault, body=question(streaming=False), close=True)
        assert (response.status, body_of(response)) == (status, expected)
        assert response.complete
        assert running.mock.store.snapshot().records == before


def test_a_stream_to_a_forbidden_origin_is_refused_in_plain_text(real: Running) -> None:
    """A real server would not answer other errors of a stream; a fault is always answered, except `hang`."""
    response = send(real.port, "forbidden-origin", body=question(), close=True)
    assert (response.status, response.headers["content-type"], response.body.decode()) == (
        403,
        "text/html; charset=utf-8",
        ORIGIN,
    )
    assert send(real.port, "not-found", body=question(), close=True).status == 404


def test_rate_limited_has_its_headers(faulty: Running, real: Running) -> None:
    for running in (faulty, real):
        response = send(running.port, "rate-limited; limit=3; seconds=7", body=question(), close=True)
        assert response.headers["x-ratelimit-limit"] == "3"
        assert response.headers["x-ratelimit-remaining"] == "0"
        assert response.headers["retry-after"] == "7"
        assert 0 <= int(response.headers["x-ratelimit-reset"]) - time.time() <= 8


def test_status_204_has_no_body(faulty: Running) -> None:
    response = send(faulty.port, "status; code=204", body=question(), close=True)
    assert (response.status, response.raw.endswith(b"\r\n\r\n")) == (204, True)


def test_hang(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    begun = time.monotonic()
    response = send(faulty.port, "hang", body=question(), patience=5)
    assert (response.raw, response.end) == (b"", "closed")
    assert time.monotonic() - begun >= HANG
    assert send(faulty.port, "hang; seconds=30", body=question(), patience=0.6) == (b"", "open")
    assert faulty.mock.store.snapshot().records == before


def test_reset(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    assert send(faulty.port, "reset", body=question()) == (b"", "reset")
    assert send(faulty.port, "reset", "GET", "/tools") == (b"", "reset")
    assert faulty.mock.store.snapshot().records == before


def test_every_fault_that_replaces_the_answer_is_tested() -> None:
    named = {each.partition(";")[0] for each, *_ in REPLACED} | {"hang", "reset"}
    assert named == {name for name, fault in spec.catalogue().items() if fault["x-spoils"] == "answer"}


# --- any operation ---------------------------------------------------------------------------------

NONE = "00000000-0000-4000-8000-000000000000"
TOOL = {"name": "t", "description": "d", "color": "#000000", "schema": "[]", "func": ""}


@pytest.mark.parametrize(
    "fault", [name for name, fault in spec.catalogue().items() if fault["x-spoils"] == "answer"]
)
def test_no_fault_that_replaces_the_answer_changes_the_state(
    faulty: Running, real: Running, fault: str
) -> None:
    for running in (faulty, real):
        before = running.mock.store.snapshot().records
        response = send(running.port, fault, path="/tools", body=TOOL, close=True)
        assert response.raw == b"" or response.status >= 400
        assert running.mock.store.snapshot().records == before


ANSWERED = [each for each in REPLACED if "body=" not in each[0]]


def attempt(client: httpx.Client, contract: Document, operation: Operation, fault: str) -> httpx.Response:
    """Call an operation with the parameters and the body that its schemas require."""
    definition = operation.definition
    query = {each["name"]: sample(contract, each["schema"]) for each in map(partial(resolve, contract), definition.get("parameters", []))
             if each["in"] == "query" and each.get("required")}  # fmt: skip
    content = resolve(contract, definition.get("requestBody", {})).get("content", {})
    body = sample(contract, content["application/json"]["schema"]) if "application/json" in content else None
    path = re.sub(r"\{\w+\}", NONE, operation.path)
    headers = {"X-Flowise-Mock-Fault": fault}
    return client.request(operation.method, path, params=query, json=body, headers=headers)


@pytest.mark.parametrize("contract", ["clients", "3.0.5", "3.1.4"])
def test_the_body_of_a_fault_matches_its_content_type_at_every_operation(contract: str) -> None:
    running, loaded, count = Running(build.build(Options(contract=contract))), contracts.load(contract), 0
    try:
        with running.client() as client:
            for operation in operations(loaded):
                for fault in (*(each[0] for each in ANSWERED), "status; code=200", "status; code=599"):
                    got = attempt(client, loaded, operation, fault)
                    message = f"{operation.id} {fault}: {got.status_code} {got.text}"
                    if got.headers.get("content-type", "").startswith("application/json"):
                        assert isinstance(got.json(), dict), message
                    else:
                        assert not got.text.startswith(("{", "[")), message
                    count += got.status_code == 599
    finally:
        running.stop()
    assert count > 120


def test_not_found_names_the_resource_of_the_operation(faulty: Running, real: Running) -> None:
    response = send(faulty.port, "not-found", "GET", f"/tools/{NONE}", close=True)
    assert (response.status, response.json["message"][:45]) == (404, f"Tool {NONE} not")
    response = send(faulty.port, "not-found", "GET", f"/document-store/store/{NONE}", close=True)
    assert response.json["message"].startswith(f"Document store {NONE} not found")
    response = send(faulty.port, "not-found", "GET", f"/executions/{NONE}", close=True)
    assert response.json["message"].startswith(f"Execution {NONE} not found")
    response = send(real.port, "not-found", "GET", f"/tools/{NONE}", close=True)
    assert (response.status, response.json["message"]) == (
        500,
        f"Error: toolsService.getToolById - Tool {NONE} not found",
    )


def test_truncated(faulty: Running) -> None:
    whole = send(faulty.port, method="GET", path="/tools", close=True)
    response = send(faulty.port, "truncated; bytes=25", "GET", "/tools")
    assert response.headers["content-length"] == whole.headers["content-length"]
    assert response.body == whole.body[:25]
    assert (response.end, response.complete) == ("closed", False)


@pytest.mark.parametrize(("bytes", "left"), [(0, b""), (3, b"pon"), (4, b"pon"), (9999, b"pon")])
def test_truncated_is_always_shorter_than_promised(faulty: Running, bytes: int, left: bytes) -> None:
    response = send(faulty.port, f"truncated; bytes={bytes}", "GET", "/ping")
    assert (response.headers["content-length"], response.body, response.end) == ("4", left, "closed")


def test_truncated_promises_a_byte_for_an_empty_body(faulty: Running) -> None:
    tool = send(faulty.port, path="/tools", body=TOOL, close=True).json
    response = send(faulty.port, "truncated", "DELETE", f"/tools/{tool['id']}")
    assert (response.headers["content-length"], response.body, response.end) == ("1", b"", "closed")


def test_truncated_cuts_a_stream(faulty: Running) -> None:
    response = send(faulty.port, "truncated", body=question())
    assert plain(response.raw) == STREAM + b"a\r\nmessage:\nd\r\n"
    assert (response.end, response.complete) == ("closed", False)


def test_latency(faulty: Running) -> None:
    assert send(faulty.port, "latency; ms=30000", "GET", "/ping") == (b"", "open")
    begun = time.monotonic()
    response = send(faulty.port, "latency; ms=300", "GET", "/ping", close=True)
    assert time.monotonic() - begun >= 0.3
    assert (response.status, response.body) == (200, b"pong")


def test_speech_is_a_stream_too(faulty: Running) -> None:
    body = {"chatflowId": SUPPORT, "chatId": "c", "chatMessageId": "m", "text": "hello"}
    response = send(
        faulty.port, "error-midstream; after=1", path="/text-to-speech/generate", body=body, close=True
    )
    assert re.findall(rb"^event: (\w+)", response.body, re.MULTILINE) == [
        b"tts_start",
        b"tts_data",
        b"tts_error",
        b"tts_end",
    ]
    assert response.complete


# --- nothing remains -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["hang; seconds=60", "never-closed; seconds=60", "latency; ms=60000", "slow-first-token; ms=60000"],
)
def test_a_client_that_leaves_frees_everything(faulty: Running, fault: str) -> None:
    send(faulty.port, fault, body=question(), patience=0.2)
    deadline = time.monotonic() + 3
    while (faulty.tasks() or len(faulty.mock.streams)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (faulty.tasks(), len(faulty.mock.streams)) == (0, 0)


def test_a_connection_is_kept_after_a_fault(faulty: Running) -> None:
    """The run continues while the next request uses the same connection."""
    with faulty.client() as client:
        for _ in range(3):
            spoiled = client.post(
                f"/prediction/{SUPPORT}", json=question(), headers={"x-flowise-mock-fault": "error-midstream"}
            )
            assert '"event":"error"' in spoiled.text
            assert client.get("/ping").text == "pong"
