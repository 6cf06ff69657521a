"""The journal: what an entry has, filters, HAR, events, and its bounds."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx
import pytest

from conftest import KEY, Running
from control.conftest import SUPPORT, Namespace
from flowise_mock.engine.slices import Slices
from flowise_mock.server import build
from flowise_mock.server.build import Options
from flowise_mock.state.journal import MAX_BODY, Entry, Journal


def journal(ns: Namespace, **query: Any) -> list[dict[str, Any]]:
    found = ns.control.get("/journal", params=query)
    assert found.status_code == 200, found.text
    entries: list[dict[str, Any]] = found.json()
    return entries


def test_an_entry(ns: Namespace) -> None:
    ns.control.post("/rules", json={"name": "greeting", "answer": "Hello.", "match": {"question": "hi"}})
    ns.api.post(f"/prediction/{SUPPORT}?a=1&b=%20", json={"question": "hi"}, headers={"X-Own": "yes"})
    (entry,) = journal(ns)
    assert entry["operation"] == "createPrediction"
    assert (entry["method"], entry["path"]) == ("POST", f"/api/v1/prediction/{SUPPORT}")
    assert entry["query"] == {"a": "1", "b": " "}
    assert entry["headers"]["x-own"] == "yes"
    assert entry["headers"]["authorization"] == "Bearer ***"
    assert entry["json"] == {"question": "hi"}
    assert entry["text"] is None
    assert "greeting" in entry["rule"]
    assert entry["fault"] is None
    assert entry["status"] == 200
    assert entry["response"]["json"]["text"] == "Hello."
    assert entry["completed"] is True
    assert entry["duration"] > 0
    assert entry["namespace"] == ns.name


def test_a_fault_is_named(ns: Namespace) -> None:
    ns.control.post("/faults", json={"fault": "server-error", "name": "down"})
    ns.ask("x")
    (entry,) = journal(ns)
    assert entry["status"] == 500
    assert "server-error" in entry["fault"]
    assert "down" in entry["rule"]


def test_the_events_of_a_stream_are_counted(ns: Namespace) -> None:
    with ns.api.stream("POST", f"/prediction/{SUPPORT}", json={"question": "x", "streaming": True}) as stream:
        body = b"".join(stream.iter_raw())
    (entry,) = journal(ns)
    assert entry["events"] == body.count(b"\n\n")
    assert entry["completed"]
    assert "token" in entry["response"]["text"]


def test_events_that_are_written_together_are_counted_one_by_one() -> None:
    """A stream that is late writes the events that are due at once."""
    running = Running(build.build(Options(token_delay=0.00001)))
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        with httpx.Client(base_url=running.url, headers=headers, timeout=30) as client:
            body = {"question": "word " * 5000, "streaming": True}
            sent = client.post(f"/api/v1/prediction/{SUPPORT}", json=body).text
            (entry,) = client.get("/__mock__/journal").json()
    finally:
        running.stop()
    assert entry["events"] == sent.count("\n\n") > 5000


def test_a_client_that_leaves_is_not_completed(ns: Namespace) -> None:
    slow = {"text": "word " * 50, "timing": {"tokens_per_second": 20}}
    ns.control.post("/rules", json={"answer": slow}).raise_for_status()
    with ns.api.stream("POST", f"/prediction/{SUPPORT}", json={"question": "x", "streaming": True}) as stream:
        next(stream.iter_raw())
    until = time.monotonic() + 5
    while not (found := journal(ns)) and time.monotonic() < until:
        time.sleep(0.05)
    assert found[0]["completed"] is False
    assert 0 < found[0]["events"] < 50


def test_a_request_that_no_operation_matches(ns: Namespace) -> None:
    ns.api.get("/nope")
    (entry,) = journal(ns)
    assert (entry["operation"], entry["status"]) == ("", 404)


def test_requests_to_the_control_api_are_not_in_it(ns: Namespace) -> None:
    ns.control.get("/ready")
    assert journal(ns) == []


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["createPrediction", "createPrediction", "listTools", ""]),
    ({"operation": "createPrediction"}, ["createPrediction"] * 2),
    ({"status": 404}, [""]),
    ({"match": '{"question": "two"}'}, ["createPrediction"]),
    ({"match": '{"question": {"contains": "o"}}'}, ["createPrediction"] * 2),
    ({"match": '{"method": "GET"}'}, ["listTools", ""]),
    ({"match": '{"json": {"/question": "one"}}'}, ["createPrediction"]),
    ({"match": '{"query": {"page": "1"}}'}, ["listTools"]),
    ({"match": '{"headers": {"X-Own": {"contains": "y"}}}'}, ["listTools"]),
    ({"limit": 1}, ["createPrediction"]),
    ({"offset": 3}, [""]),
    ({"since": "2000-01-01T00:00:00Z", "until": "2001-01-01T00:00:00Z"}, []),
    ({"since": "2000-01-01T00:00:00Z"}, ["createPrediction", "createPrediction", "listTools", ""]),
]


@pytest.mark.parametrize(("query", "operations"), FILTERS, ids=str)
def test_filters(ns: Namespace, query: dict[str, Any], operations: list[str]) -> None:
    ns.ask("one")
    ns.ask("two")
    ns.api.get("/tools?page=1&limit=2", headers={"X-Own": "yes"})
    ns.api.get("/nope")
    wanted = [each.replace("listTools", "getAllTools") for each in operations]
    assert [entry["operation"] for entry in journal(ns, **query)] == wanted


def test_all_namespaces(ns: Namespace, other: Namespace) -> None:
    ns.ask("here")
    other.ask("there")
    found = {
        each["namespace"] for each in journal(ns, namespace="*", match='{"operation": "createPrediction"}')
    }
    assert {ns.name, other.name} <= found
    assert {each["namespace"] for each in journal(ns)} == {ns.name}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"match": "{"}, 409),
        ({"match": "[]"}, 409),
        ({"match": '{"nothing": 1}'}, 409),
        ({"match": '{"question": {"regex": "("}}'}, 409),
        ({"match": '{"question": "\\ud800"}'}, 409),
        ({"match": '{"json": {"/a": 1%s}}' % ("0" * 400)}, 409),
        ({"match": '{"json": {"/a": %s}}' % ("[" * 300 + "]" * 300)}, 409),
        ({"since": "yesterday"}, 400),
        ({"status": "x"}, 400),
        ({"limit": -1}, 400),
    ],
)
def test_filters_that_cannot_be_used(ns: Namespace, query: dict[str, Any], status: int) -> None:
    refused = ns.control.get("/journal", params=query)
    assert refused.status_code == status
    assert next(iter(query)) in refused.json()["message"] or "nothing" in refused.json()["message"]


def test_one_entry_says_why(ns: Namespace) -> None:
    ns.control.post("/rules", json={"name": "first", "answer": "1", "match": {"question": "one"}})
    ns.ask("two")
    entry = ns.control.get("/journal/1").json()
    assert len(entry["why"]) == 1
    assert 'question is "two", not "one"' in entry["why"][0]
    gone = ns.control.get("/journal/99")
    assert (gone.status_code, gone.json()["message"]) == (404, "There is no entry 99 in this namespace")


def test_clear(ns: Namespace) -> None:
    ns.ask("x")
    assert ns.control.delete("/journal").status_code == 204
    assert journal(ns) == []
    ns.ask("y")
    assert journal(ns)[0]["id"] == "2"


def test_har(ns: Namespace) -> None:
    ns.ask("x")
    log = ns.control.get("/journal/har").json()["log"]
    assert log["version"] == "1.2"
    (entry,) = log["entries"]
    assert entry["request"]["method"] == "POST"
    assert entry["request"]["url"].endswith(f"/api/v1/prediction/{SUPPORT}")
    assert json.loads(entry["request"]["postData"]["text"]) == {"question": "x"}
    assert entry["response"]["status"] == 200
    assert {"name": "authorization", "value": "Bearer ***"} in entry["request"]["headers"]


@pytest.mark.parametrize("path", ["/journal?limit=100", "/journal/har", "/export", "/verify"])
def test_others_get_their_turn_while_entries_are_read(ns: Namespace, pauses: list[Slices], path: str) -> None:
    """Each entry is masked when it is read: of a full journal that took 0.2 s at once."""
    for _ in range(30):
        ns.ask("a")
    pauses.clear()
    answer = ns.control.post(path, json={}) if path == "/verify" else ns.control.get(path)
    assert answer.status_code == 200
    assert len(pauses) >= 30


def test_events_as_they_come(ns: Namespace) -> None:
    def later() -> None:
        time.sleep(0.2)
        ns.ask("one")
        ns.ask("two")

    thread = threading.Thread(target=later)
    thread.start()
    with ns.control.stream("GET", "/journal/events?max=2&timeout=10", timeout=15) as stream:
        text = "".join(stream.iter_text())
    thread.join()
    frames = [frame.split("\n") for frame in text.strip().split("\n\n")]
    assert [frame[0] for frame in frames] == ["event: entry"] * 2
    entries = [json.loads(frame[1].removeprefix("data: ")) for frame in frames]
    assert [entry["json"]["question"] for entry in entries] == ["one", "two"]


def test_events_end_by_themselves(ns: Namespace) -> None:
    started = time.monotonic()
    assert ns.control.get("/journal/events?timeout=0.2").text == ""
    assert time.monotonic() - started < 3
    assert ns.control.get("/journal/events?timeout=601").status_code == 400


def test_a_journal_that_keeps_nothing() -> None:
    served = Running(build.build(Options(token_delay=0, journal=0)))
    try:
        with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
            assert client.get("/api/v1/tools").status_code == 200
            assert client.get("/__mock__/journal").json() == []
    finally:
        served.stop()


# --- bodies that are odd ---------------------------------------------------------------------------

NUMBER = b"9" * 30
ODD = {
    "a large number": b'{"name": ' + NUMBER + b"}",
    "a large number beside infinity": b'{"name": "a", "value": [' + NUMBER + b", 1e400]}",
    "a negative large number": b'{"name": "a", "value": [-' + NUMBER + b", 1e400]}",
    "more digits than Python reads": b'{"name": "a", "value": ' + b"9" * 5000 + b"}",
    "not a number": b'{"name": NaN}',
    "half of a pair": b'{"name": "\\ud800"}',
    "half of a pair beside a secret": b'{"name": "\\ud800", "password": "pssst"}',
    "a large number beside a secret": b'{"name": ' + NUMBER + b', "password": "pssst"}',
    "deep": b'{"name": ' + b"[" * 50_000 + b"]" * 10_000,
    "deep beside a secret": b'{"password": "pssst", "name": ' + b"[" * 50_000,
    "deep and closed beside a secret": b'{"password": "pssst", "name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a secret in a text in a text": b'{"name": "{\\"a\\": \\"{\\\\\\"password\\\\\\": \\\\\\"pssst\\\\\\"}\\"}"}',
    "deep in a text": b'{"name": "{\\"password\\": ' + b"[" * 20_000 + b'"}',
    "bytes": b'{"password": "pssst", "name": "\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"password": "pssst"}',
}


@pytest.mark.parametrize("contract", ["clients", "3.1.4"])
def test_odd_bodies_can_be_shown(contract: str) -> None:
    running = Running(build.build(Options(contract=contract)))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    try:
        with httpx.Client(base_url=running.url, headers=headers, timeout=30) as client:
            for path in ("variables", f"prediction/{SUPPORT}", "credentials"):
                for name, body in ODD.items():
                    answer = client.post(f"/api/v1/{path}", content=body)
                    assert "is a defect" not in answer.text, name
            for path in ("journal", "journal/har", "export", "records/variable", "records/credential"):
                shown = client.get(f"/__mock__/{path}")
                assert shown.status_code == 200, shown.text[:200]
                assert "pssst" not in shown.text, path
    finally:
        running.stop()


# --- bounds ----------------------------------------------------------------------------------------


def test_a_body_is_cut(ns: Namespace) -> None:
    ns.ask("x" * 3_000_000)
    (entry,) = journal(ns)
    assert entry["size"] > 3_000_000
    assert len(entry["text"]) == MAX_BODY
    assert entry["response"]["size"] > 3_000_000
    assert len(entry["response"]["text"]) == MAX_BODY


def entry(journal: Journal, size: int = 0) -> Entry:
    made = Entry(journal.next_id(), 0, "GET", "/")
    made.body = b"x" * size
    return made


def test_the_oldest_entries_are_dropped() -> None:
    kept = Journal(3)
    for _ in range(10):
        kept.add(entry(kept))
    assert [each.id for each in kept] == [8, 9, 10]


def test_its_bytes_are_bounded() -> None:
    kept = Journal(1000, max_bytes=1000)
    for _ in range(10):
        kept.add(entry(kept, 300))
    assert [each.id for each in kept] == [8, 9, 10]
    kept.add(entry(kept, 5000))
    assert [each.id for each in kept] == [11]
