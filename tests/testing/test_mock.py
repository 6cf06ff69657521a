"""FlowiseMock: one object for a server in this process and for one that runs."""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowise_mock.server.run import ServerError
from flowise_mock.testing import ControlError, FlowiseMock

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def ask(mock: FlowiseMock, question: str, **more: Any) -> httpx.Response:
    return httpx.post(
        f"{mock.url}/api/v1/prediction/{FLOW}",
        json={"question": question, **more},
        headers={"Authorization": f"Bearer {mock.api_key}"},
    )


@pytest.fixture(scope="module")
def server() -> Iterator[FlowiseMock]:
    with FlowiseMock() as mock:
        yield mock


@pytest.fixture(params=["in process", "connected"])
def mock(request: pytest.FixtureRequest, server: FlowiseMock) -> Iterator[FlowiseMock]:
    """The same object twice: in process without a socket, and over a socket in a namespace."""
    if request.param == "in process":
        server.begin({"ids": "reproducible"})
        yield server
        return
    connected = FlowiseMock.connect(server.url)
    with connected.namespace(ids="reproducible") as namespace:
        yield namespace
    connected.stop()


def test_answers_and_failures(mock: FlowiseMock) -> None:
    mock.answer("refund", "Within 30 days.")
    mock.fail("order", "server-error", times=2)
    assert ask(mock, "A refund?").json()["text"] == "Within 30 days."
    assert [ask(mock, "my order").status_code for _ in range(3)] == [500, 500, 200]
    found = mock.requests("createPrediction")
    assert [each.json["question"] for each in found] == ["A refund?", "my order", "my order", "my order"]
    assert [each.fault for each in found] == [None, "server-error", "server-error", None]
    assert found[0].rule == "added:1"
    assert found[0].headers["CONTENT-TYPE"] == "application/json"
    assert mock.api_key not in str(found[0].headers)
    assert all(each.completed for each in found)


def test_each_form_of_an_answer(mock: FlowiseMock) -> None:
    mock.answer("always")
    mock.answer("turns", ["one", "two"])
    mock.answer("whole", {"text": "with tools", "usedTools": [{"tool": "search"}]}, times=1)
    mock.answer("exact", question="only this")
    texts = [ask(mock, "turns", chatId="c").json()["text"] for _ in range(3)]
    assert texts == ["one", "two", "two"]
    whole = [ask(mock, "whole").json() for _ in range(2)]
    assert whole[0]["usedTools"][0]["tool"] == "search"
    assert whole[1]["text"] == "always"
    assert ask(mock, "only this").json()["text"] == "exact"
    assert ask(mock, "not only this").json()["text"] == "always"


def test_match_words(mock: FlowiseMock) -> None:
    mock.fail("unauthorized", operation="createTool", headers={"X-Kind": "bad"})
    mock.answer("by json", json={"/overrideConfig/temperature": 0})
    assert ask(mock, "x", overrideConfig={"temperature": 0}).json()["text"] == "by json"
    assert ask(mock, "x").json()["text"] != "by json"
    headers = {"Authorization": f"Bearer {mock.api_key}", "x-kind": "bad"}
    tool = {"name": "a", "description": "b", "color": "#fff"}
    assert httpx.post(f"{mock.url}/api/v1/tools", json=tool, headers=headers).status_code == 401
    del headers["x-kind"]
    assert httpx.post(f"{mock.url}/api/v1/tools", json=tool, headers=headers).is_success
    assert len(mock.requests(json={"/overrideConfig/temperature": 0})) == 1
    assert len(mock.requests(method="POST", headers={"x-kind": "bad"})) == 1


def test_rules_are_listed_and_removed(mock: FlowiseMock) -> None:
    first = mock.answer("a", "b", name="first")
    fault = mock.fail("c", "server-error")
    ask(mock, "a")
    assert [(each["name"], each["answered"]) for each in mock.rules()] == [("first", 1)]
    assert [each["triggered"] for each in mock.faults()] == [0]
    mock.remove(first)
    mock.remove(fault)
    assert mock.rules() == mock.faults() == []
    with pytest.raises(ControlError, match="There is no rule"):
        mock.remove(first)


def test_a_fault_spoils_the_answer_of_a_rule(mock: FlowiseMock) -> None:
    mock.answer("hi", "hello", times=2)
    mock.fail("hi", {"name": "truncated", "bytes": 1}, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(mock, "hi")
    assert ask(mock, "hi").json()["text"] == "hello"
    assert ask(mock, "hi").json()["text"] != "hello"
    mock.answer("hi", "hello")
    mock.fail("hi", "server-error", times=1)
    assert [ask(mock, "hi").status_code for _ in range(2)] == [500, 200]
    assert [each["answered"] for each in mock.rules()] == [1, 2]
    mock.fail("latency")
    with mock.namespace(strict=True) as strict:
        strict.fail({"name": "latency", "ms": 1})
        assert ask(strict, "unexpected").status_code == 200
    assert (mock.requests()[0].rule, mock.requests()[0].fault) == ("added:1", "truncated; bytes=1")


def test_verify_names_the_nearest_request(mock: FlowiseMock) -> None:
    with pytest.raises(AssertionError, match="there were no requests"):
        mock.verify("createPrediction")
    ask(mock, "Where is my order?")
    mock.verify("createPrediction", question="Where is my order?", times=1)
    mock.verify(question={"contains": "refund"}, times=0)
    with pytest.raises(AssertionError) as failed:
        mock.verify("createPrediction", question="Where is my ordre?", at_least=2)
    assert str(failed.value).startswith(
        'createPrediction question="Where is my ordre?": expected at least 2, found 0\n  nearest: #'
    )
    assert 'question is "Where is my order?", not "Where is my ordre?"' in str(failed.value)


def test_verify_order(mock: FlowiseMock) -> None:
    ask(mock, "first")
    ask(mock, "second")
    mock.verify(order=[{"question": "first"}, {"question": "second"}])
    with pytest.raises(AssertionError, match="in order"):
        mock.verify(order=[{"question": "second"}, {"question": "first"}])


def test_wait_for_what_comes_later(mock: FlowiseMock) -> None:
    later = threading.Timer(0.2, ask, (mock, "late"))
    later.start()
    assert mock.wait_for("createPrediction", question="late")[0].status == 200
    later.join()
    with pytest.raises(AssertionError, match="expected at least 2, found 1"):
        mock.wait_for("createPrediction", count=2, timeout=0.1)


def test_hold_and_release(mock: FlowiseMock) -> None:
    mock.answer("slow", "done", hold="spinner")
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(mock, "slow").json()["text"]))
    waiting.start()
    waiting.join(0.3)
    assert answers == []
    mock.release("spinner")
    waiting.join(10)
    assert answers == ["done"]


def test_state(mock: FlowiseMock) -> None:
    before = mock.store.counts()["tool"]
    mock.snapshot("before")
    made = mock.store.create("tool", name="t", description="d", color="#fff")
    assert made in mock.store.list("tool")
    assert [each["name"] for each in mock.diff()["tool"]["added"]] == ["t"]
    mock.restore("before")
    assert mock.store.counts()["tool"] == before
    mock.store.create("tool", name="t", description="d", color="#fff")
    mock.answer("x")
    ask(mock, "y")
    mock.reset("state")
    assert mock.store.counts()["tool"] == before
    assert len(mock.requests()) == 1
    mock.reset()
    assert mock.requests() == []
    assert mock.rules() == []
    with pytest.raises(ControlError, match="no column"):
        mock.store.create("tool", colour="red")


def test_the_clock(mock: FlowiseMock) -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert mock.clock.freeze(at) == at
    assert mock.clock.advance(timedelta(hours=1)) == at + timedelta(hours=1) == mock.clock.now
    ask(mock, "now")
    assert mock.requests()[0].time.startswith("2026-01-01T13:00:00")
    assert mock.clock.release() > at
    with pytest.raises(ControlError, match="date"):
        mock.clock.freeze("tomorrow")


def test_a_request_of_an_earlier_test_leaves_no_entry(mock: FlowiseMock) -> None:
    mock.answer("slow", "done", hold="late")
    waiting = threading.Thread(target=ask, args=(mock, "slow"))
    waiting.start()
    while not mock._control.get("/holds"):
        pass
    mock.reset("journal")
    mock.release("late")
    waiting.join(10)
    assert mock.requests() == []


# --- namespaces and beginnings -----------------------------------------------------------------------


def test_namespaces_are_apart_and_deleted(server: FlowiseMock) -> None:
    server.begin({"ids": "reproducible"})
    with server.namespace() as one, server.namespace("two", seed="empty") as two:
        assert one.url.startswith(f"{server.url}/ns/")
        one.answer("mine")
        assert ask(one, "x").json()["text"] == "mine"
        assert ask(server, "x").json()["text"] != "mine"
        assert two.store.counts()["chatflow"] == 0
        assert [each["name"] for each in server._control.get("/namespaces")] == ["default", one.name, "two"]
    assert [each["name"] for each in server._control.get("/namespaces")] == ["default"]


def test_how_a_world_begins(server: FlowiseMock, tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    script.write_text("rules:\n- {match: {question: hi}, answer: from the file}\n")
    (tmp_path / "tools.json").write_text("[]")
    tool = server.store.list("tool")[0]
    with server.namespace(script=script, seed={"tool": [tool]}, strict=True) as mock:
        assert mock.store.list("tool") == [tool]
        assert mock.store.counts()["chatflow"] == 0
        assert [each["place"] for each in mock.rules()] == [f"{script.name}:2"]
        mock.store.create("tool", name="t", description="d", color="#fff")
        mock.reset()
        assert mock.store.list("tool") == [tool]
        assert len(mock.rules()) == 1
    with server.namespace(seed=tmp_path) as mock:
        assert mock.store.counts()["tool"] == 0
    with server.namespace(script=["support-bot"]) as mock:
        assert mock.rules()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"script": "missing.yaml"}, "missing.yaml: cannot be read: No such file or directory"),
        ({"seed": "missing"}, "missing: there is no such seed"),
        ({"seed": {"toolz": []}}, "there is no table toolz; there are"),
        ({"seed": {"tool": [{"id": "x"}]}}, '"x" is not a "uuid"'),
    ],
)
def test_a_beginning_that_cannot_be(server: FlowiseMock, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        server.namespace(**options)
    assert [each["name"] for each in server._control.get("/namespaces")] == ["default"]


def test_a_script_that_cannot_be_names_its_line(server: FlowiseMock, tmp_path: Path) -> None:
    script = tmp_path / "rules.yaml"
    script.write_text("rules:\n- answer: hi\n  anser: ho\n")
    with pytest.raises(ControlError, match=r"rules.yaml:3:3: /rules/0/anser: there is no key anser"):
        server.namespace(script=script)


def test_reproducible_ids() -> None:
    def play(mock: FlowiseMock) -> list[tuple[int, dict[str, str], Any]]:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        answers = [ask(mock, "one"), ask(mock, "two", chatId="c"), ask(mock, "")]
        headers = {"Authorization": f"Bearer {mock.api_key}"}
        tool = {"name": "a", "description": "b", "color": "#fff"}
        answers.append(httpx.post(f"{mock.url}/api/v1/tools", json=tool, headers=headers))
        answers.append(httpx.get(f"{mock.url}/api/v1/chatmessage/{FLOW}", headers=headers))
        return [
            (each.status_code, {k: v for k, v in each.headers.items() if k != "date"}, each.text)
            for each in answers
        ]

    with FlowiseMock() as one, FlowiseMock() as two:
        assert play(one) == play(two)
        one.reset()
        two.begin({"ids": "reproducible"})
        assert play(one) == play(two)


# --- where it runs -------------------------------------------------------------------------------------


def test_in_an_event_loop() -> None:
    async def main() -> str:
        async with FlowiseMock(contract="3.1.4") as mock, httpx.AsyncClient() as client:
            mock.answer("hi")
            headers = {"Authorization": f"Bearer {mock.api_key}"}
            url = f"{mock.url}/api/v1/prediction/{FLOW}"
            response = await client.post(url, json={"question": "x"}, headers=headers)
            mock.verify("createPrediction", times=1)
            return str(response.json()["text"])

    assert asyncio.run(main()) == "hi"


def test_unittest() -> None:
    class TestBot(unittest.TestCase):
        def setUp(self) -> None:
            self.mock = self.enterContext(FlowiseMock())

        def test_it(self) -> None:
            self.mock.answer("hi")
            self.assertEqual(ask(self.mock, "x").json()["text"], "hi")

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(TestBot).run(result)
    assert result.wasSuccessful(), result.errors
    assert result.testsRun == 1


def test_from_several_threads(server: FlowiseMock) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            with server.namespace() as mock:
                for number in range(10):
                    mock.answer(f"q{number}", f"a{number}")
                    assert ask(mock, f"q{number}").json()["text"] == f"a{number}"
                mock.verify(times=10)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_misuse() -> None:
    with pytest.raises(RuntimeError, match="is not started"):
        FlowiseMock().requests()
    with pytest.raises(ControlError, match=r"no flowise-mock answers at http://127\.0\.0\.1:9"):
        FlowiseMock.connect("http://127.0.0.1:9")
    with FlowiseMock() as mock:
        with pytest.raises(TypeError, match="is a part of the question, a text"):
            mock.answer({"text": "x"}, "y")
        with pytest.raises(TypeError, match="once"):
            mock.answer("part", "reply", question="whole")
        with pytest.raises(ControlError, match="there is no key tetx"):
            mock.answer({"tetx": "x"})
        with pytest.raises(ControlError, match="no fault"):
            mock.fail("server-eror")
        with pytest.raises(ServerError, match="choose another"):
            FlowiseMock(port=int(mock.url.rpartition(":")[2])).start()
    mock.stop()


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_is_no_flowise_mock(status: int) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>")

    with HTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.handle_request).start()
        with pytest.raises(ControlError, match=f"answers {status} to the control API; is it a flowise-mock"):
            FlowiseMock.connect(f"http://127.0.0.1:{other.server_port}")


def test_the_token_of_a_server() -> None:
    from flowise_mock.server.build import Options, build
    from flowise_mock.server.thread import ServerThread

    running = ServerThread(build(Options(control_token="secret", token_delay=0)))
    running.start()
    try:
        with FlowiseMock.connect(running.url, control_token="secret") as mock:
            mock.reset()
        other = FlowiseMock.connect(running.url, control_token="other")
        with other, pytest.raises(ControlError, match="token is wrong"):
            other.reset()
    finally:
        running.stop()
