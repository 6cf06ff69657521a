"""Snapshots, differences, and worlds as files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from control.conftest import Namespace

SECRET = "a-key-of-its-own"
TOOL = {"name": "t", "description": "d", "color": "#fff"}


def tools(ns: Namespace) -> list[str]:
    return [tool["name"] for tool in ns.control.get("/records/tool").json()]


def test_save_and_restore(ns: Namespace) -> None:
    before = tools(ns)
    assert ns.control.put("/snapshots/before").status_code == 200
    ns.api.post("/tools", json=TOOL).raise_for_status()
    assert tools(ns) == [*before, "t"]
    assert ns.control.post("/snapshots/before/restore").json()["name"] == "before"
    assert tools(ns) == before
    assert [each["name"] for each in ns.control.get("/snapshots").json()] == ["before"]
    assert ns.control.delete("/snapshots/before").status_code == 204
    for gone in (ns.control.delete("/snapshots/before"), ns.control.post("/snapshots/before/restore")):
        assert gone.status_code == 404


def test_counters_are_part_of_it(ns: Namespace) -> None:
    ns.control.post("/rules", json={"answers": ["one", "two", "three"]}).raise_for_status()

    def ask() -> str:
        return str(ns.ask("x", chatId="c").json()["text"])

    assert ask() == "one"
    ns.control.put("/snapshots/s").raise_for_status()
    assert [ask(), ask()] == ["two", "three"]
    ns.control.post("/snapshots/s/restore").raise_for_status()
    assert ask() == "two"


def test_what_changed(ns: Namespace) -> None:
    ns.control.put("/snapshots/first").raise_for_status()
    made = ns.api.post("/tools", json=TOOL).json()
    ns.control.put("/snapshots/second").raise_for_status()
    ns.api.put(f"/tools/{made['id']}", json={"name": "renamed"}).raise_for_status()
    variable = ns.api.get("/variables").json()[0]
    ns.api.delete(f"/variables/{variable['id']}").raise_for_status()

    first = ns.control.get("/snapshots/diff?from=first&to=second").json()
    assert list(first) == ["tool"]
    assert [tool["name"] for tool in first["tool"]["added"]] == ["t"]
    later = ns.control.get("/snapshots/diff?from=second").json()
    assert later["tool"]["changed"][0]["fields"]["name"] == {"before": "t", "after": "renamed"}
    assert [each["id"] for each in later["variable"]["removed"]] == [variable["id"]]
    everything = ns.control.get("/snapshots/diff").json()
    assert [tool["name"] for tool in everything["tool"]["added"]] == ["renamed"]
    assert ns.control.get("/snapshots/diff?from=nothing").status_code == 404


@pytest.mark.parametrize("name", ["a b", "a" * 65, "ä", "a%2Fb"])
def test_names_of_snapshots(ns: Namespace, name: str) -> None:
    assert ns.control.put(f"/snapshots/{name}").status_code in (400, 404)


def test_a_world_as_a_file(ns: Namespace, other: Namespace) -> None:
    ns.api.post("/tools", json=TOOL).raise_for_status()
    ns.control.post("/records/apikey", json={"keyName": "own", "apiKey": SECRET}).raise_for_status()
    ns.control.post("/rules", json={"answer": "second", "match": {"question": {"contains": "x"}}})
    ns.control.post("/rules", json={"answer": "first", "match": {"question": "x"}})
    ns.ask("x y")
    exported = ns.control.get("/export").json()
    assert SECRET not in json.dumps(exported)
    assert SECRET in ns.control.get("/export?secrets=true").text
    other.ask("what was here before")
    imported = other.control.post("/import", json=exported)
    assert imported.status_code == 200, imported.text
    assert imported.json()["rules"] == 2
    assert tools(other) == tools(ns)
    assert other.ask("x").json()["text"] == "first"
    assert other.ask("x z").json()["text"] == "second"
    questions = [(each["json"] or {}).get("question") for each in other.control.get("/journal").json()]
    assert questions == [None, "x y", "x", "x z"]  # the first one created a tool


def test_a_file_with_its_secrets_is_the_same_world(ns: Namespace, other: Namespace) -> None:
    ns.control.post("/records/apikey", json={"keyName": "own", "apiKey": SECRET}).raise_for_status()
    exported = ns.control.get("/export?secrets=true").json()
    other.control.post("/import", json=exported).raise_for_status()
    again = other.control.get("/export?secrets=true").json()
    assert again["records"] == exported["records"]


def broken(exported: dict[str, Any], **changes: Any) -> str:
    return json.dumps({**exported, **changes})


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"format": 2}, 409, "format 2"),
        ({"contract": "3.1.4"}, 409, "3.1.4"),
        ({"records": {"nothing": []}}, 409, "nothing"),
        ({"records": {"tool": [{"name": "no id"}]}}, 409, "id"),
        ({"records": {"tool": [{"id": "cfd531e0-82fc-11e9-bc42-526af7764f64", "name": 5}]}}, 409, "name"),
        ({"rules": [{"answer": "x"}, {"nothing": 1}]}, 409, "nothing"),
        ({"records": []}, 400, "records"),
        ({"format": None}, 400, "format"),
    ],
    ids=str,
)
def test_a_failing_import_changes_nothing(
    ns: Namespace, changes: dict[str, Any], status: int, reason: str
) -> None:
    ns.control.post("/rules", json={"answer": "kept"}).raise_for_status()
    ns.ask("x")
    before = ns.control.get("/export?secrets=true").json()
    refused = ns.control.post("/import", content=broken(before, **changes))
    assert refused.status_code == status, refused.text
    assert reason in refused.json()["message"]
    assert ns.control.get("/export?secrets=true").json() == before


def test_a_file_cut_in_the_middle(ns: Namespace) -> None:
    before = ns.control.get("/export?secrets=true")
    for cut in (1, len(before.content) // 2, len(before.content) - 1):
        refused = ns.control.post("/import", content=before.content[:cut])
        assert (refused.status_code, "JSON" in refused.json()["message"]) == (400, True)
    assert ns.control.get("/export?secrets=true").json() == before.json()
