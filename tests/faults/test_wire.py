"""What goes over the wire for each fault, read from a raw socket; and that no fault touches the state."""

from __future__ import annotations

import json
import re
import time
from functools import partial
from typing import Any

import httpx
import pytest

from conftest import HANG, Running
from faults.wire import SUPPORT, Sent, ask, question
from flowise_mock.contract import contracts
from flowise_mock.contract.document import Document, Operation, operations, resolve
from flowise_mock.contract.samples import sample
from flowise_mock.faults import spec
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

TOLD = ["start", *["token"] * 6, "metadata", "end"]
"""The events of the question, where nothing spoils them."""
END = b'2f\r\nmessage:\ndata:{"event":"end","data":"[DONE]"}\n\n\r\n'
LAST = b"0\r\n\r\n"
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"connection: keep-alive\r\nx-accel-buffering: no\r\nvary: Origin\r\ntransfer-encoding: chunked\r\n\r\n"
)
START = b'2b\r\nmessage:\ndata:{"event":"start","data":""}\n\n\r\n'
TWO = b'32\r\nmessage:\ndata:{"event":"token","data":"Support"}\n\n\r\n30\r\nmessage:\ndata:{"event":"token","data":" chat"}\n\n\r\n'


def plain(raw: bytes) -> bytes:
    """The bytes without date, server's name and what differs from run to run."""
    raw = re.sub(rb"(?m)^(date|server): .*\r\n", b"", raw)
    return re.sub(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", b"ID", raw)


def kept(running: Running, count: int, patience: float = 3.0) -> bool:
    """Whether the conversation comes to have so many messages."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if len(running.mock.store.select("chatmessage", chatId="faults")) == count:
            return True
        time.sleep(0.01)
    return False


# --- faults of a stream ----------------------------------------------------------------------------


def test_without_a_fault(faulty: Running) -> None:
    sent = ask(faulty.port, body=question(), close=True)
    assert (sent.status, sent.names, sent.end, sent.complete) == (200, TOLD, "closed", True)


def test_lost_content(faulty: Running) -> None:
    sent = ask(faulty.port, "lost-content", body=question(), close=True)
    assert sent.names == ["metadata", "end"]
    assert sent.complete


def test_json_instead(faulty: Running) -> None:
    sent = ask(faulty.port, "json-instead", body=question(), close=True)
    assert sent.headers["content-type"] == "application/json"
    assert sent.json["text"] == "Support chat echoes: one two three"
    assert sent.complete


def test_empty_stream(faulty: Running) -> None:
    sent = ask(faulty.port, "empty-stream", body=question())
    assert plain(sent.raw) == STREAM + LAST
    assert sent.end == "open"  # the answer is complete, and the connection is kept alive


def test_error_midstream(faulty: Running) -> None:
    sent = ask(faulty.port, "error-midstream", body=question())
    error = b'message:\ndata:{"event":"error","data":"Error: predictionsServices.buildChatflow - The model did not answer"}\n\n'
    assert plain(sent.raw) == STREAM + START + TWO + b"%x\r\n" % len(error) + error + b"\r\n" + END + LAST


def test_an_older_version_frames_the_error_its_own_way() -> None:
    running = Running(build.build(Options(contract="3.0.5", token_delay=0)))
    try:
        sent = ask(running.port, "error-midstream; after=0", body=question(), close=True)
        assert sent.body.endswith(
            b'message\ndata:{"event":"error","data":"Error: predictionsServices.buildChatflow - The model did not answer"}\n\n'
            b'message\ndata:{"event":"end","data":"[DONE]"}\n\n'
        )
        sent = ask(running.port, "not-found", body=question(), close=True)
        assert (sent.status, sent.json["message"]) == (
            500,
            f"Error: chatflowsService.getChatflowById - Chatflow {SUPPORT} not found in the database!",
        )
    finally:
        running.stop()


@pytest.mark.parametrize(("after", "tokens"), [(0, 0), (1, 1), (5, 5), (6, 6), (100, 6)])
def test_error_midstream_comes_after_so_many_tokens(faulty: Running, after: int, tokens: int) -> None:
    sent = ask(faulty.port, f"error-midstream; after={after}; message=no more", body=question(), close=True)
    assert sent.names == ["start", *["token"] * tokens, "error", "end"]
    assert sent.events[-2][1] == "Error: predictionsServices.buildChatflow - no more"
    assert sent.complete


def test_cut_frame(faulty: Running) -> None:
    sent = ask(faulty.port, "cut-frame", body=question())
    assert plain(sent.raw) == STREAM + START + TWO + b'19\r\nmessage:\ndata:{"event":"t\r\n'
    assert sent.end == "closed"
    assert not sent.complete


def test_no_end(faulty: Running) -> None:
    sent = ask(faulty.port, "no-end", body=question(), close=True)
    assert sent.names == TOLD[:-1]
    assert (sent.end, sent.complete) == ("closed", True)


@pytest.mark.parametrize(("options", "names"), [("", TOLD), ("; end=false", TOLD[:-1])])
def test_never_closed(faulty: Running, options: str, names: list[str]) -> None:
    sent = ask(faulty.port, f"never-closed; seconds=30{options}", body=question())
    assert sent.names == names
    assert (sent.end, sent.raw.endswith(LAST)) == ("open", False)


def test_never_closed_is_closed_when_the_server_hangs_no_longer(faulty: Running) -> None:
    begun = time.monotonic()
    sent = ask(faulty.port, "never-closed", body=question(), close=True)
    assert time.monotonic() - begun >= HANG
    assert (sent.names, sent.end, sent.complete) == (TOLD, "closed", True)


def test_slow_first_token(faulty: Running) -> None:
    begun = ask(faulty.port, "slow-first-token; ms=30000", body=question())
    assert (plain(begun.raw), begun.end) == (STREAM, "open")
    told = ask(faulty.port, "slow-first-token; ms=100", body=question(), close=True)
    assert (told.names, told.complete) == (TOLD, True)


STREAMED = ["lost-content", "empty-stream", "error-midstream", "cut-frame", "no-end", "never-closed; seconds=0", "json-instead", "slow-first-token; ms=1"]  # fmt: skip


@pytest.mark.parametrize("fault", [*STREAMED, "truncated"])
def test_the_run_behind_a_spoiled_stream_goes_its_way(faulty: Running, fault: str) -> None:
    faulty.reset()
    ask(faulty.port, fault, body=question(), patience=5, close=True)
    assert kept(faulty, 2)
    question_kept, answer = faulty.mock.store.select("chatmessage", chatId="faults")
    assert question_kept["content"] == "one two three"
    assert answer["content"] == "Support chat echoes: one two three"


@pytest.mark.parametrize("fault", STREAMED)
def test_a_fault_of_streams_leaves_other_answers_as_they_are(faulty: Running, fault: str) -> None:
    faulty.reset()
    sent = ask(faulty.port, fault, body=question(streaming=False), close=True)
    faulty.reset()
    told = ask(faulty.port, body=question(streaming=False), close=True)
    assert plain(sent.raw) == plain(told.raw)


def test_every_fault_of_a_stream_is_tested() -> None:
    named = {each.partition(";")[0] for each in STREAMED}
    assert named == {name for name, told in spec.catalogue().items() if told["x-spoils"] == "stream"}


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


def body_of(sent: Sent) -> Any:
    textual = sent.headers["content-type"].startswith("text/")
    return sent.body.decode() if textual else json.loads(sent.body)


@pytest.mark.parametrize(("fault", "status", "told", "really"), REPLACED, ids=lambda each: str(each)[:30])
def test_a_fault_that_answers_says_it_in_the_words_of_the_contract(
    faulty: Running, real: Running, fault: str, status: int, told: Any, really: Any
) -> None:
    for running, expected in ((faulty, told), (real, really)):
        before = running.mock.store.snapshot().records
        sent = ask(running.port, fault, body=question(streaming=False), close=True)
        assert (sent.status, body_of(sent)) == (status, expected)
        assert sent.complete
        assert running.mock.store.snapshot().records == before


def test_an_origin_is_refused_in_plain_text_where_a_stream_was_asked_for(real: Running) -> None:
    """A real server would leave other errors unanswered then; a fault is always answered: `hang` is another."""
    sent = ask(real.port, "forbidden-origin", body=question(), close=True)
    assert (sent.status, sent.headers["content-type"], sent.body.decode()) == (
        403,
        "text/html; charset=utf-8",
        ORIGIN,
    )
    assert ask(real.port, "not-found", body=question(), close=True).status == 404


def test_rate_limited_has_its_headers(faulty: Running, real: Running) -> None:
    for running in (faulty, real):
        sent = ask(running.port, "rate-limited; limit=3; seconds=7", body=question(), close=True)
        assert sent.headers["x-ratelimit-limit"] == "3"
        assert sent.headers["x-ratelimit-remaining"] == "0"
        assert sent.headers["retry-after"] == "7"
        assert 0 <= int(sent.headers["x-ratelimit-reset"]) - time.time() <= 8


def test_no_content_is_no_content(faulty: Running) -> None:
    sent = ask(faulty.port, "status; code=204", body=question(), close=True)
    assert (sent.status, sent.raw.endswith(b"\r\n\r\n")) == (204, True)


def test_hang(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    begun = time.monotonic()
    sent = ask(faulty.port, "hang", body=question(), patience=5)
    assert (sent.raw, sent.end) == (b"", "closed")
    assert time.monotonic() - begun >= HANG
    assert ask(faulty.port, "hang; seconds=30", body=question(), patience=0.6) == (b"", "open")
    assert faulty.mock.store.snapshot().records == before


def test_reset(faulty: Running) -> None:
    before = faulty.mock.store.snapshot().records
    assert ask(faulty.port, "reset", body=question()) == (b"", "reset")
    assert ask(faulty.port, "reset", "GET", "/tools") == (b"", "reset")
    assert faulty.mock.store.snapshot().records == before


def test_every_fault_that_answers_is_tested() -> None:
    named = {each.partition(";")[0] for each, *_ in REPLACED} | {"hang", "reset"}
    assert named == {name for name, told in spec.catalogue().items() if told["x-spoils"] == "answer"}


# --- any operation ---------------------------------------------------------------------------------

NONE = "00000000-0000-4000-8000-000000000000"
TOOL = {"name": "t", "description": "d", "color": "#000000", "schema": "[]", "func": ""}


@pytest.mark.parametrize(
    "fault", [name for name, told in spec.catalogue().items() if told["x-spoils"] == "answer"]
)
def test_no_fault_that_answers_touches_the_state(faulty: Running, real: Running, fault: str) -> None:
    for running in (faulty, real):
        before = running.mock.store.snapshot().records
        sent = ask(running.port, fault, path="/tools", body=TOOL, close=True)
        assert sent.raw == b"" or sent.status >= 400
        assert running.mock.store.snapshot().records == before


ANSWERED = [each for each in REPLACED if "body=" not in each[0]]


def attempt(client: httpx.Client, contract: Document, operation: Operation, fault: str) -> httpx.Response:
    """Call an operation with what its schemas ask for."""
    told = operation.definition
    given = {each["name"]: sample(contract, each["schema"]) for each in map(partial(resolve, contract), told.get("parameters", []))
             if each["in"] == "query" and each.get("required")}  # fmt: skip
    content = resolve(contract, told.get("requestBody", {})).get("content", {})
    body = sample(contract, content["application/json"]["schema"]) if "application/json" in content else None
    path = re.sub(r"\{\w+\}", NONE, operation.path)
    headers = {"X-Flowise-Mock-Fault": fault}
    return client.request(operation.method, path, params=given, json=body, headers=headers)


@pytest.mark.parametrize("contract", ["clients", "3.0.5", "3.1.4"])
def test_every_operation_answers_a_fault_in_the_form_that_its_headers_say(contract: str) -> None:
    running, loaded, met = Running(build.build(Options(contract=contract))), contracts.load(contract), 0
    try:
        with running.client() as client:
            for operation in operations(loaded):
                for fault in (*(each[0] for each in ANSWERED), "status; code=200", "status; code=599"):
                    got = attempt(client, loaded, operation, fault)
                    told = f"{operation.id} {fault}: {got.status_code} {got.text}"
                    if got.headers.get("content-type", "").startswith("application/json"):
                        assert isinstance(got.json(), dict), told
                    else:
                        assert not got.text.startswith(("{", "[")), told
                    met += got.status_code == 599
    finally:
        running.stop()
    assert met > 120


def test_not_found_names_what_the_operation_deals_with(faulty: Running, real: Running) -> None:
    sent = ask(faulty.port, "not-found", "GET", f"/tools/{NONE}", close=True)
    assert (sent.status, sent.json["message"][:45]) == (404, f"Tool {NONE} not")
    sent = ask(faulty.port, "not-found", "GET", f"/document-store/store/{NONE}", close=True)
    assert sent.json["message"].startswith(f"Document store {NONE} not found")
    sent = ask(faulty.port, "not-found", "GET", f"/executions/{NONE}", close=True)
    assert sent.json["message"].startswith(f"Execution {NONE} not found")
    sent = ask(real.port, "not-found", "GET", f"/tools/{NONE}", close=True)
    assert (sent.status, sent.json["message"]) == (
        500,
        f"Error: toolsService.getToolById - Tool {NONE} not found",
    )


def test_truncated(faulty: Running) -> None:
    whole = ask(faulty.port, method="GET", path="/tools", close=True)
    sent = ask(faulty.port, "truncated; bytes=25", "GET", "/tools")
    assert sent.headers["content-length"] == whole.headers["content-length"]
    assert sent.body == whole.body[:25]
    assert (sent.end, sent.complete) == ("closed", False)


@pytest.mark.parametrize(("bytes", "left"), [(0, b""), (3, b"pon"), (4, b"pon"), (9999, b"pon")])
def test_truncated_is_always_shorter_than_promised(faulty: Running, bytes: int, left: bytes) -> None:
    sent = ask(faulty.port, f"truncated; bytes={bytes}", "GET", "/ping")
    assert (sent.headers["content-length"], sent.body, sent.end) == ("4", left, "closed")


def test_truncated_promises_a_byte_where_there_is_none(faulty: Running) -> None:
    tool = ask(faulty.port, path="/tools", body=TOOL, close=True).json
    sent = ask(faulty.port, "truncated", "DELETE", f"/tools/{tool['id']}")
    assert (sent.headers["content-length"], sent.body, sent.end) == ("1", b"", "closed")


def test_truncated_cuts_a_stream(faulty: Running) -> None:
    sent = ask(faulty.port, "truncated", body=question())
    assert plain(sent.raw) == STREAM + b"a\r\nmessage:\nd\r\n"
    assert (sent.end, sent.complete) == ("closed", False)


def test_latency(faulty: Running) -> None:
    assert ask(faulty.port, "latency; ms=30000", "GET", "/ping") == (b"", "open")
    begun = time.monotonic()
    sent = ask(faulty.port, "latency; ms=300", "GET", "/ping", close=True)
    assert time.monotonic() - begun >= 0.3
    assert (sent.status, sent.body) == (200, b"pong")


def test_speech_is_a_stream_too(faulty: Running) -> None:
    said = {"chatflowId": SUPPORT, "chatId": "c", "chatMessageId": "m", "text": "hello"}
    sent = ask(
        faulty.port, "error-midstream; after=1", path="/text-to-speech/generate", body=said, close=True
    )
    assert re.findall(rb"^event: (\w+)", sent.body, re.MULTILINE) == [
        b"tts_start",
        b"tts_data",
        b"tts_error",
        b"tts_end",
    ]
    assert sent.complete


# --- nothing stays behind --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["hang; seconds=60", "never-closed; seconds=60", "latency; ms=60000", "slow-first-token; ms=60000"],
)
def test_a_client_that_leaves_frees_everything(faulty: Running, fault: str) -> None:
    ask(faulty.port, fault, body=question(), patience=0.2)
    until = time.monotonic() + 3
    while (faulty.tasks() or len(faulty.mock.streams)) and time.monotonic() < until:
        time.sleep(0.01)
    assert (faulty.tasks(), len(faulty.mock.streams)) == (0, 0)


def test_a_connection_goes_on_after_a_fault(faulty: Running) -> None:
    """The run behind goes its way while the next request comes over the same connection."""
    with faulty.client() as client:
        for _ in range(3):
            spoiled = client.post(
                f"/prediction/{SUPPORT}", json=question(), headers={"x-flowise-mock-fault": "error-midstream"}
            )
            assert '"event":"error"' in spoiled.text
            assert client.get("/ping").text == "pong"
