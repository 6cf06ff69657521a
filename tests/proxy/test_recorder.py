"""Recording: what a flow answered to an application is what the mock answers by the script."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from flowise_mock.contract import contracts
from flowise_mock.flows.call import FlowRuntime
from flowise_mock.flows.delivery import Pace
from flowise_mock.proxy.exchange import Exchange
from flowise_mock.proxy.recorder import Recorder
from flowise_mock.proxy.rules import templated
from flowise_mock.scripts import reading
from flowise_mock.scripts.recorded import Played
from flowise_mock.scripts.replies import Reply
from flowise_mock.server.build import Options, build
from flowise_mock.server.thread import ServerThread

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
REFUNDS = "2f4a6c8e-1b3d-4f5a-8c7e-9d0b1a2c3e4f"
UNKNOWN = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
CONTRACT = contracts.load("3.1.4")
IDS = ("chatId", "sessionId", "chatMessageId", "executionId", "id", "executionData")


@contextmanager
def serving(*scripts: Path, seed: bool = False, speed: float = 1000.0) -> Iterator[str]:
    """A mock as 3.1.4 with scripts, without records unless it has the `seed`."""
    options = Options(contract="3.1.4", scripts=scripts, speed=speed, token_delay=0.2, access_log=False)
    if not seed:
        options.seed = None
    thread = ServerThread(build(options, CONTRACT))
    thread.start()
    try:
        yield thread.url
    finally:
        thread.stop()


def exchange(body: Any, response: Any, flow: str = FLOW, status: int = 200, **more: Any) -> Exchange:
    """A prediction; a response of bytes is a stream."""
    is_stream = isinstance(response, bytes) and response.startswith(b"message")
    media = b"text/event-stream" if is_stream else b"application/json"
    sent = json.dumps(body).encode()
    content = response if isinstance(response, bytes) else json.dumps(response).encode()
    made = Exchange(
        1, 0, "POST", f"/api/v1/prediction/{flow}", [(b"content-type", b"application/json")], sent, len(sent),
        status, [(b"content-type", media)], content, len(content), [(0.0, 0), (5.0, len(content))], 7.0,
    )  # fmt: skip
    for name, value in more.items():
        setattr(made, name, value)
    return made


def recorded(path: Path, *exchanges: Exchange, **options: bool) -> tuple[list[str], bool]:
    recorder = Recorder(CONTRACT, path, **options)
    lines = [line for each in exchanges for line in recorder.saw(each)]
    found, is_well = recorder.finish()
    return [*lines, *found], is_well


def answer(text: str, chat: str = "c1", **more: Any) -> dict[str, Any]:
    ids = {"chatId": chat, "chatMessageId": "11111111-2222-4333-8444-555555555555", "sessionId": chat}
    return {"text": text, "question": "q", **ids, **more}


def stream(*events: tuple[str, Any]) -> bytes:
    frames = [f"message:\ndata:{json.dumps({'event': name, 'data': data})}\n\n" for name, data in events]
    return "".join(frames).encode()


def stable(value: Any) -> Any:
    """A value without the ids that differ in each run."""
    if isinstance(value, dict):
        return {name: "*" if name in IDS else stable(each) for name, each in value.items()}
    return [stable(each) for each in value] if isinstance(value, list) else value


def events(text: str) -> list[Any]:
    frames = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    return [stable(json.loads(each)) for each in frames]


# --- the same answers --------------------------------------------------------------------------------

CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"question": "Hello {{ you }} {% x %} {# y"}, {"question": "again"}, {"question": "again"}],
    "stream": [{"question": "Hello", "streaming": True}, {"question": "More", "streaming": True}],
    "documents": [{"question": "warranty", "streaming": True}, {"question": "warranty"}],
    "decision": [
        {"question": "I want a refund", "streaming": True},
        {"humanInput": {"type": "proceed", "feedback": "fine"}, "streaming": True},
        {"question": "What else?", "streaming": True},
    ],
    "rejection": [{"question": "I want a refund"}, {"humanInput": {"type": "reject"}}],
    "form": [{"form": {"size": "L", "count": "2"}}],
    "upload": [{"question": "Read", "uploads": [{"data": "data:text/plain;base64,aGk=", "type": "file:full",
                "name": "a.txt", "mime": "text/plain"}]}],
    "settings": [{"question": "x", "overrideConfig": {"sessionId": "s1", "temperature": 1}}],
    "failure": [{"question": "x", "uploads": [{"data": "data:text/plain;base64,aGk=", "type": "file",
                 "name": "../a.txt", "mime": "text/plain"}]}],
}  # fmt: skip
FLOWS = {
    "documents": "7c4e8b7a-7b9a-4b4d-9f3e-2d28f1ebea02",
    "decision": REFUNDS,
    "rejection": REFUNDS,
    "form": "5a1d3c02-8f6e-4c1b-9d2a-0b7e4f6a9c31",
}


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("match", ["question", "turn"])
def test_a_script_answers_what_the_flow_answered(name: str, match: str, tmp_path: Path) -> None:
    flow, script = FLOWS.get(name, FLOW), tmp_path / "rules.yaml"
    recorder = Recorder(CONTRACT, script, by_turn=match == "turn")
    with serving(seed=True) as url:
        before = [asked(url, flow, body, recorder) for body in CONVERSATIONS[name]]
    assert recorder.finish() == ([], True)
    with serving(script) as url:
        after = [asked(url, flow, body) for body in CONVERSATIONS[name]]
    assert after == before


def asked(url: str, flow: str, body: dict[str, Any], recorder: Recorder | None = None) -> Any:
    """Status and content of an answer without its ids, which a recorder sees too."""
    response = httpx.post(f"{url}/api/v1/prediction/{flow}", json={"chatId": "conversation", **body})
    if recorder is not None:
        made = exchange(json.loads(response.request.content), response.content, flow, response.status_code)
        made.response_headers = [(b"content-type", response.headers["content-type"].encode())]
        assert recorder.saw(made) == []
    is_stream = response.headers["content-type"].startswith("text/event-stream")
    return response.status_code, events(response.text) if is_stream else stable(response.json())


def test_an_answer_is_stored_as_if_the_flow_had_run(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    action = {"id": "x", "mapping": {"approve": "Yes"}}
    data = [{"nodeId": "a", "nodeLabel": "A", "data": {"output": {"content": "Sure?"}}, "status": "STOPPED"}]
    first = answer("Sure?", executionId="e1", agentFlowExecutedData=data, action=action)
    second = answer("Done", executionId="e1", agentFlowExecutedData=data)
    human = {"chatId": "c1", "humanInput": {"type": "proceed"}}
    recorded(script, exchange({"question": "q", "chatId": "c1"}, first), exchange(human, second))
    key = {"Authorization": "Bearer flowise-mock"}
    with serving(script) as url:
        path = f"{url}/api/v1/prediction/{FLOW}"
        stopped = httpx.post(path, json={"question": "q", "chatId": "c1"}).json()
        [execution] = httpx.get(f"{url}/api/v1/executions", headers=key).json()["data"]
        assert (execution["state"], execution["id"]) == ("STOPPED", stopped["executionId"])
        resumed = httpx.post(path, json=human).json()
        [execution] = httpx.get(f"{url}/api/v1/executions", headers=key).json()["data"]
        messages = httpx.get(f"{url}/api/v1/chatmessage/{FLOW}", headers=key).json()
    assert (execution["state"], resumed["executionId"]) == ("FINISHED", stopped["executionId"])
    assert [each["content"] for each in messages] == ["q", "Sure?", " ", "Done"]
    assert messages[1]["id"] == stopped["chatMessageId"]
    assert not any(each["action"] for each in messages)


def test_a_stream_with_an_error_is_one_offline(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    sent = stream(("token", "Hal"), ("error", "model {{gone}}"), ("end", "[DONE]"))
    recorded(script, exchange({"question": "q", "streaming": True}, sent))
    with serving(script) as url:
        path = f"{url}/api/v1/prediction/{FLOW}"
        streamed = httpx.post(path, json={"question": "q", "streaming": True})
        assert events(streamed.text) == events(sent.decode())
        assert httpx.post(path, json={"question": "q"}).status_code == 500
        messages = httpx.get(
            f"{url}/api/v1/chatmessage/{FLOW}", headers={"Authorization": "Bearer flowise-mock"}
        )
    assert messages.json() == []


def test_the_other_form_is_made_of_what_is_recorded(tmp_path: Path) -> None:
    script, documents = tmp_path / "rules.yaml", [{"pageContent": "p", "metadata": {}}]
    events_ = (("start", ""), ("token", "He"), ("token", "y"), ("sourceDocuments", documents),
               ("metadata", {"chatId": "c1", "memoryType": "M"}), ("end", "[DONE]"))  # fmt: skip
    recorded(
        script,
        exchange({"question": "s", "streaming": True}, stream(*events_)),
        exchange({"question": "j"}, answer("Hey you", sourceDocuments=documents)),
    )
    with serving(script) as url:
        path = f"{url}/api/v1/prediction/{FLOW}"
        made = httpx.post(path, json={"question": "s", "chatId": "z"}).json()
        assert (made["text"], made["sourceDocuments"], made["chatId"]) == ("Hey", documents, "z")
        streamed = events(httpx.post(path, json={"question": "j", "streaming": True}).text)
    assert "".join(each["data"] for each in streamed if each["event"] == "token") == "Hey you"
    assert {"event": "sourceDocuments", "data": documents} in streamed


def test_pauses_are_those_of_the_recording(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    sent = stream(*(("token", str(number)) for number in range(4)), ("end", "[DONE]"))
    each = len(sent) / 5
    made = exchange({"question": "q", "streaming": True}, sent)
    made.arrivals = [(200.0 * number, round(each * number)) for number in range(6)]
    recorded(script, made)
    rule = reading.read(script).value["rules"][0]
    [row] = rule["answer"]["events"]
    assert sum(row["ms"] if isinstance(row["ms"], list) else [row["ms"]] * 4) >= 600


@pytest.mark.parametrize("speed", [1.0, 100.0])
def test_a_recorded_answer_has_its_pauses_over_the_speed_and_no_others(speed: float) -> None:
    async def pauses() -> tuple[float, Any]:
        reply = Reply(None, None, {}, None, lambda ids: Played([], None, 0.0))
        call: Any = SimpleNamespace(runtime=FlowRuntime(speed=speed))
        turn: Any = SimpleNamespace(reply=reply)
        pace = Pace(call, turn, 0.2)
        first, second = pace.delayed(0.5).until, pace.delayed(0.5).until
        return second - first, pace.after(("token", "x"))

    between, further = asyncio.run(pauses())
    assert between == pytest.approx(0.5 / speed)
    assert further is None


# --- what a rule matches -----------------------------------------------------------------------------


def test_a_question_asked_again_has_further_answers(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    ask = {"question": "q", "chatId": "c1"}
    recorded(script, *(exchange(ask, answer(text)) for text in ("one", "two", "two")))
    [rule] = reading.read(script).value["rules"]
    assert [each["response"]["text"] for each in rule["answers"]] == ["one", "two"]


def test_the_same_question_in_another_conversation_is_the_same_rule(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    recorded(script, *(exchange({"question": "q", "chatId": id}, answer("one", id)) for id in ("c1", "c2")))
    [rule] = reading.read(script).value["rules"]
    assert rule["match"] == {"chatflow": FLOW, "question": "q"}
    assert rule["answer"]["response"]["chatId"] == "{{ chatId }}"


def test_secrets_are_not_in_a_script(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    sent = {"question": "q", "overrideConfig": {"openAIApiKey": "sk-hidden"}}
    told = answer("x", usedTools=[{"tool": "t", "toolInput": {"password": "hidden too"}, "toolOutput": "o"}])
    recorded(script, exchange(sent, told))
    text = script.read_text()
    assert "hidden" not in text
    assert "***" in text


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (exchange({"question": "q"}, b"message:\ndata:{}\n\n"), "a frame that is no event"),
        (exchange({"question": "q"}, stream(("token", "x"))), "its stream has no end"),
        (exchange({"question": "q"}, b"<html>"), "200 with application/json"),
        (exchange({"question": "q"}, {}, flow="nope"), "nope is no ID of a flow"),
        (exchange({"question": "q"}, {}, failure="the server left before a response"), "the server left"),
        (exchange({"question": "q"}, {}, request=b"{", request_length=1), "its request cannot be read"),
        (exchange({"question": "q"}, {}, response_length=10**9), "its body is too long"),
    ],
)
def test_what_cannot_be_recorded_is_said_and_harms_nothing(made: Exchange, why: str, tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    good = exchange({"question": "good"}, answer("fine"))
    lines, is_well = recorded(script, good, made)
    assert is_well
    assert why in lines[0]
    assert len(reading.read(script).value["rules"]) == 1


ODD = [
    "yes", "no", "on", "null", "~", "1", "0x1F", "0o17", "1e3", "1_000", "2026-01-01", "12:30:45", "", " ", "- a",
    "a: b", "# c", "{{ x }}", "{% raw %}", "{#", "{", "'", '"', "\n\nx", "x\n", "x\ty\n", "\u2028", "\x85", "é",
    "\U0001f600", "a\r\nb", "|", ">", "*a", "&a", "!a", "%", "@", "`", "=", "<<", ".inf", "---", "line\n  two\n",
]  # fmt: skip


def test_any_text_stays_the_same(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    asked_and_told = [
        (f"{number} {text}", answer(text, odd={text or "k": [text, {"ms": text}]}))
        for number, text in enumerate(ODD)
    ]
    recorded(
        script, *(exchange({"question": question, "chatId": "c1"}, told) for question, told in asked_and_told)
    )
    with serving(script) as url:
        path = f"{url}/api/v1/prediction/{FLOW}"
        for question, told in asked_and_told:
            found = httpx.post(path, json={"question": question, "chatId": "c1"}).json()
            assert stable(found) == stable(told)


def test_an_id_inside_a_text_is_a_template() -> None:
    id = "11111111-2222-4333-8444-555555555555"
    made = templated({"url": f"/a/{{{id}}}/{id}", "chatId": "c"}, {"chatMessageId": id, "chatId": "c"})
    assert made["url"] == '/a/{{ "{" }}{{ chatMessageId }}}/{{ chatMessageId }}'
    assert made["chatId"] == "{{ chatId }}"


# --- the file ----------------------------------------------------------------------------------------

OWN = """\
# mine
chatflows:
  - {id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee, name: Other}

timing: none   # keep
rules:
  # about q
  - name: the first
    match: {question: q, chatflow: d290f1ee-6c54-4b01-90e6-d701748f0851}
    answer: by hand
  # about others
  - match:
      question: other
    answer: stays
  - answer: for all
"""


def test_recording_again_changes_only_its_rules(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    script.write_text(OWN)
    script.chmod(0o640)
    lines, is_well = recorded(
        script, exchange({"question": "q"}, answer("new")), exchange({"question": "r"}, answer("R"))
    )
    assert is_well
    assert any("the first: /text is gone" in line or "the first" in line for line in lines)
    text = script.read_text()
    for line in (
        "# mine",
        "timing: none   # keep",
        "# about q",
        "# about others",
        "    answer: stays",
        "name: Other",
    ):
        assert line in text
    rules = reading.read(script).value["rules"]
    assert [each.get("name") or each.get("match", {}).get("question") for each in rules] == [
        "the first", "other", "r", None
    ]  # fmt: skip
    assert rules[0]["answer"]["response"]["text"] == "new"
    assert script.stat().st_mode & 0o777 == 0o640
    assert [each["id"] for each in reading.read(script).value["chatflows"]] == [UNKNOWN, FLOW]


@pytest.mark.parametrize("name", ["rules.json", "rules.yaml"])
def test_other_forms_of_files_keep_their_rules(name: str, tmp_path: Path) -> None:
    script = tmp_path / name
    script.write_text(json.dumps({"rules": [{"match": {"question": "other"}, "answer": "stays"}]}))
    recorded(script, exchange({"question": "q"}, answer("new")))
    rules = reading.read(script).value["rules"]
    assert [each["match"]["question"] for each in rules] == ["other", "q"]


def test_a_file_that_is_edited_meanwhile_keeps_the_edit(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    recorder = Recorder(CONTRACT, script)
    recorder.saw(exchange({"question": "q"}, answer("one")))
    script.write_text(script.read_text() + "- match: {question: mine}\n  answer: by hand\n")
    recorder.saw(exchange({"question": "r"}, answer("two")))
    assert recorder.finish()[1]
    questions = [each["match"]["question"] for each in reading.read(script).value["rules"]]
    assert sorted(questions) == ["mine", "q", "r"]


def test_a_file_that_is_broken_meanwhile_stays_and_nothing_is_lost(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    recorder = Recorder(CONTRACT, script)
    recorder.saw(exchange({"question": "q"}, answer("one")))
    script.write_text("rules: [")
    recorder.saw(exchange({"question": "r"}, answer("two")))
    lines, is_well = recorder.finish()
    assert not is_well
    assert script.read_text() == "rules: ["
    assert lines[-1] == f"what was recorded is in {tmp_path / 'rules.recorded.yaml'}"
    assert len(reading.read(tmp_path / "rules.recorded.yaml").value["rules"]) == 2


def test_a_folder_without_room_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "rules.yaml"
    recorded(script, exchange({"question": "q"}, answer("one")))
    before = script.read_text()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    lines, is_well = recorded(script, exchange({"question": "r"}, answer("two")))
    assert not is_well
    assert any("No space left on device" in line for line in lines)
    assert script.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["rules.yaml"]


# --- drift -------------------------------------------------------------------------------------------


def test_what_differs_in_each_run_is_no_drift(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    ask = {"question": "q", "streaming": True}

    def told(id: str, *tokens: str) -> bytes:
        nodes = [
            {
                "nodeId": "n",
                "data": {"output": {"startTime": len(id) * 7, "runId": id, "at": "2026-01-02T03:04:05.678Z"}},
            }
        ]
        rows = [("token", each) for each in tokens]
        return stream(
            *rows, ("agentFlowExecutedData", nodes), ("metadata", {"chatId": id}), ("end", "[DONE]")
        )

    recorded(script, exchange(ask, told("11111111-2222-4333-8444-555555555555", "Hel", "lo")))
    before = script.read_text()
    again = exchange(ask, told("99999999-2222-4333-8444-555555555555", "H", "ell", "o"), duration=900.0)
    assert recorded(script, again, check=True) == ([], True)
    assert recorded(script, again) == ([], True)
    assert script.read_text() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"text": "two"}, '/response/text: "one" -> "two"'),
        ({"sourceDocuments": [{"pageContent": "p"}]}, "/response/sourceDocuments is new"),
        ({"memoryType": None}, '/response/memoryType: "M" -> null'),
    ],
)
def test_a_change_of_the_server_is_named(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    recorded(script, exchange({"question": "q"}, answer("one", memoryType="M")))
    before = script.read_text()
    changed = exchange({"question": "q"}, {**answer("one", memoryType="M"), **change})
    lines, is_well = recorded(script, changed, check=True)
    assert not is_well
    assert any(line.startswith("drift: q:") and named in line for line in lines)
    assert script.read_text() == before
    assert recorded(script, changed)[1]
    assert recorded(script, changed, check=True) == ([], True)


def test_a_new_failure_and_a_new_question_are_drift(tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    recorded(script, exchange({"question": "q"}, answer("one")))
    lines, _ = recorded(script, exchange({"question": "q"}, {"message": "no"}, status=500), check=True)
    assert any("/fault is new" in line for line in lines)
    lines, _ = recorded(script, exchange({"question": "r"}, answer("one")), check=True)
    assert lines == ["drift: r: there is no rule for it"]
