"""Verification: how often, in which order, and what came nearest."""

from __future__ import annotations

from typing import Any

import pytest

from control.conftest import Namespace
from flowise_mock.engine.slices import Slices

ONE = {"operation": "createPrediction", "question": "one"}
TWO = {"question": {"contains": "two"}}
NONE = {"question": "three"}


def verify(ns: Namespace, **wanted: Any) -> dict[str, Any]:
    found = ns.control.post("/verify", json=wanted)
    assert found.status_code == 200, found.text
    verdict: dict[str, Any] = found.json()
    return verdict


@pytest.fixture(autouse=True)
def questions(ns: Namespace) -> None:
    """One, two, one."""
    for question in ("one", "two", "one"):
        ns.ask(question)


@pytest.mark.parametrize(
    ("wanted", "passed", "count"),
    [
        ({"match": ONE}, True, 2),
        ({"match": NONE}, False, 0),
        ({"match": {}}, True, 3),
        ({}, True, 3),
        ({"match": ONE, "times": {"exactly": 2}}, True, 2),
        ({"match": ONE, "times": {"exactly": 1}}, False, 2),
        ({"match": ONE, "times": {"at_least": 2}}, True, 2),
        ({"match": ONE, "times": {"at_least": 3}}, False, 2),
        ({"match": ONE, "times": {"at_most": 1}}, False, 2),
        ({"match": ONE, "times": {"at_least": 1, "at_most": 2}}, True, 2),
        ({"match": NONE, "times": {"exactly": 0}}, True, 0),
        ({"match": TWO, "times": {"exactly": 0}}, False, 1),
        ({"order": [ONE, TWO, ONE]}, True, 3),
        ({"order": [TWO, ONE]}, True, 3),
        ({"order": [TWO, TWO]}, False, 3),
        ({"order": [ONE, ONE, TWO]}, False, 3),
        ({"match": ONE, "times": {"exactly": 2}, "order": [ONE, TWO]}, True, 2),
    ],
    ids=str,
)
def test_verdicts(ns: Namespace, wanted: dict[str, Any], passed: bool, count: int) -> None:
    verdict = verify(ns, **wanted)
    assert (verdict["passed"], verdict["count"]) == (passed, count)


def test_the_nearest_request_is_named(ns: Namespace) -> None:
    ns.api.get("/tools")
    nearest = verify(ns, match={"operation": "createPrediction", "question": "tow"})["nearest"]
    assert nearest["entry"]["operation"] == "createPrediction"
    assert nearest["differences"] == ['question is "one", not "tow"']


def test_nothing_is_near_an_empty_journal(ns: Namespace) -> None:
    ns.control.delete("/journal")
    assert verify(ns, match=ONE) == {"passed": False, "count": 0, "expected": "at least 1", "nearest": None}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"match": {"nothing": 1}}, 409),
        ({"match": {"question": 5}}, 409),
        ({"order": [{"question": {"regex": "("}}]}, 409),
        ({"match": [], "times": {}}, 400),
        ({"times": {"exactly": -1}}, 400),
        ({"times": 2}, 400),
        ({"order": []}, 400),
        ({"matches": {}}, 400),
    ],
)
def test_what_cannot_be_verified(ns: Namespace, wanted: dict[str, Any], status: int) -> None:
    assert ns.control.post("/verify", json=wanted).status_code == status


def test_a_place_of_thousands_of_digits_is_none(ns: Namespace) -> None:
    ns.api.post("/tools", json=["a"])
    assert not verify(ns, match={"operation": "createTool", "json": {"/" + "9" * 5000: "a"}})["passed"]


def test_others_get_their_turn_while_entries_are_compared(ns: Namespace, pauses: list[Slices]) -> None:
    """A match of 50,000 headers kept them waiting for 39 s."""
    for _ in range(27):  # and the three that are there
        ns.ask("a")
    pauses.clear()
    assert not verify(ns, match=NONE, order=[NONE])["passed"]
    assert len(pauses) >= 4 * 30  # read, counted, looked for in order, and compared
