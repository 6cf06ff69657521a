"""Rules and faults that are added, and requests that a rule holds."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from control.conftest import SUPPORT, Namespace


def add(ns: Namespace, **rule: Any) -> str:
    added = ns.control.post("/rules", json=rule)
    assert added.status_code == 201, added.text
    return str(added.json()["id"])


def answer(ns: Namespace, question: str) -> str:
    return str(ns.ask(question).json()["text"])


def test_the_last_one_added_is_tried_first(ns: Namespace) -> None:
    add(ns, answer="first")
    second = add(ns, answer="second", match={"question": {"contains": "x"}})
    assert [answer(ns, "x"), answer(ns, "y")] == ["second", "first"]
    assert ns.control.delete(f"/rules/{second}").status_code == 204
    assert answer(ns, "x") == "first"
    assert ns.control.delete("/rules").status_code == 204
    assert answer(ns, "x") not in ("first", "second")


def test_rules_are_listed_in_the_order_of_trying(ns: Namespace) -> None:
    add(ns, name="a", answer="1", match={"question": "one"})
    add(ns, name="b", answer="2", match={"question": "two"}, times=3)
    ns.ask("two")
    shown = [(rule["name"], rule["answered"], rule["times"]) for rule in ns.control.get("/rules").json()]
    assert shown == [("b", 1, 3), ("a", 0, None)]
    assert ns.control.get("/rules").json()[1]["rule"] == {
        "name": "a",
        "answer": "1",
        "match": {"question": "one"},
    }


def test_a_replaced_rule_keeps_its_place_and_counts_anew(ns: Namespace) -> None:
    first = add(ns, answer="one", times=1, match={"question": "x"})
    add(ns, answer="other", match={"question": "y"})
    assert answer(ns, "x") == "one"
    assert answer(ns, "x") != "one"
    replaced = ns.control.put(
        f"/rules/{first}", json={"answer": "new", "times": 1, "match": {"question": "x"}}
    )
    assert (replaced.status_code, replaced.json()["answered"]) == (200, 0)
    assert answer(ns, "x") == "new"
    assert [rule["id"] for rule in ns.control.get("/rules").json()][-1] == first
    assert ns.control.put("/rules/99", json={"answer": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"answer": "x", "match": {"question": {"regex": "("}}}, "/match/question/regex: "),
        ({"answer": "x", "matches": {}}, "matches"),
        ({"answer": "{{ nothing }}"}, "/answer: "),
        ({"match": {"question": "x"}}, "answer"),
        ({"answer": "x", "fault": "no-such-fault"}, "fault"),
        ({"answer": "x", "match": {"chatflow": "no such flow", "nothing": 1}}, "nothing"),
        ({"answer": "x", "times": 0}, "times"),
        ({"answer": "x", "match": {"json": {"question": 1}}}, "JSON pointer"),
    ],
    ids=str,
)
def test_a_rule_that_does_not_compile_is_refused(ns: Namespace, rule: dict[str, Any], reason: str) -> None:
    kept = add(ns, answer="kept")
    for refused in (ns.control.post("/rules", json=rule), ns.control.put(f"/rules/{kept}", json=rule)):
        assert refused.status_code == 409, refused.text
        assert reason in refused.json()["message"]
    assert answer(ns, "x") == "kept"


@pytest.mark.parametrize("body", ["[]", "5", "{", ""])
def test_what_is_not_a_rule(ns: Namespace, body: str) -> None:
    assert ns.control.post("/rules", content=body).status_code == 400


# --- faults ----------------------------------------------------------------------------------------


def test_a_fault_has_a_number_of_times(ns: Namespace) -> None:
    armed = ns.control.post("/faults", json={"fault": "server-error", "times": 2}).json()
    assert [ns.ask("x").status_code for _ in range(3)] == [500, 500, 200]
    (shown,) = ns.control.get("/faults").json()
    assert (shown["id"], shown["triggered"], shown["times"]) == (armed["id"], 2, 2)


def test_a_fault_for_any_operation(ns: Namespace) -> None:
    fault = {"fault": {"name": "status", "code": 503}, "match": {"operation": "getAllTools"}}
    assert ns.control.post("/faults", json=fault).status_code == 201
    assert ns.api.get("/tools").status_code == 503
    assert ns.api.get("/variables").status_code == 200
    assert ns.ask("x").status_code == 200


def test_a_fault_by_path_and_header(ns: Namespace) -> None:
    match = {"path": {"contains": "/tools"}, "headers": {"X-Own": "yes"}}
    ns.control.post("/faults", json={"fault": "server-error", "match": match}).raise_for_status()
    assert ns.api.get("/tools", headers={"x-own": "yes"}).status_code == 500
    assert ns.api.get("/tools").status_code == 200


def test_a_fault_with_a_probability_and_a_seed_repeats_itself(ns: Namespace) -> None:
    fault = {"fault": {"name": "server-error", "probability": 0.5, "seed": 7}}
    runs = []
    for _ in range(2):
        ns.control.post("/faults", json=fault).raise_for_status()
        runs.append([ns.ask("x").status_code for _ in range(20)])
        ns.control.post("/reset")
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_disarming(ns: Namespace) -> None:
    add(ns, answer="kept")
    one = ns.control.post("/faults", json={"fault": "server-error"}).json()["id"]
    assert ns.control.delete(f"/faults/{one}").status_code == 204
    assert ns.control.delete(f"/faults/{one}").status_code == 404
    ns.control.post("/faults", json={"fault": "server-error"})
    assert ns.control.delete("/faults").status_code == 204
    assert answer(ns, "x") == "kept"


@pytest.mark.parametrize(
    "fault", ["no-such-fault", {"name": "status", "code": 5}, {"name": "latency", "ms": -1}, 5, {}]
)
def test_a_fault_that_is_none_is_refused(ns: Namespace, fault: Any) -> None:
    refused = ns.control.post("/faults", json={"fault": fault})
    assert refused.status_code == 409
    assert "fault" in refused.json()["message"]
    assert ns.control.get("/faults").json() == []


# --- requests that wait ----------------------------------------------------------------------------


def test_a_held_request_waits_for_its_release(ns: Namespace) -> None:
    add(ns, answer="late", hold="gate")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(answer(ns, "x")))
    thread.start()
    until = time.monotonic() + 5
    while ns.control.get("/holds").json() != {"gate": 1} and time.monotonic() < until:
        time.sleep(0.02)
    assert answers == []
    assert ns.control.post("/holds/gate").json() == {"released": 1}
    thread.join(5)
    assert answers == ["late"]
    assert ns.control.get("/holds").json() == {}


def test_a_release_may_come_first(ns: Namespace) -> None:
    add(ns, answer="late", hold="gate")
    assert ns.control.post("/holds/gate").json() == {"released": 0}
    assert answer(ns, "x") == "late"


def test_a_fault_can_be_held(ns: Namespace) -> None:
    ns.control.post("/faults", json={"fault": "server-error", "hold": "gate"}).raise_for_status()
    ns.control.post("/holds/gate")
    assert ns.ask("x").status_code == 500


def test_a_reset_releases(ns: Namespace) -> None:
    add(ns, answer="late", hold="gate")
    thread = threading.Thread(target=lambda: ns.ask("x"))
    thread.start()
    while ns.control.get("/holds").json() != {"gate": 1}:
        time.sleep(0.02)
    ns.control.post("/reset", json={"parts": ["state"]})
    thread.join(5)
    assert not thread.is_alive()


def test_a_held_stream_starts_when_it_is_released(ns: Namespace) -> None:
    add(ns, answer="late", hold="gate")
    ns.control.post("/holds/gate")
    with ns.api.stream("POST", f"/prediction/{SUPPORT}", json={"question": "x", "streaming": True}) as stream:
        assert b'"late"' in b"".join(stream.iter_raw())
