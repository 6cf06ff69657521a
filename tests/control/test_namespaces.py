"""Namespaces: by header, by path, listed, deleted, limited."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from conftest import KEY, Running
from control.conftest import SUPPORT, Namespace
from flowise_mock.server import build
from flowise_mock.server.build import Options

HEADERS = {"Authorization": f"Bearer {KEY}"}
JSON = {"Content-Type": "application/json"}
TOOL = {"name": "t", "description": "d", "color": "#fff"}


def test_worlds_do_not_see_each_other(ns: Namespace, other: Namespace) -> None:
    tool = ns.api.post("/tools", json=TOOL).json()
    assert other.api.get(f"/tools/{tool['id']}").status_code == 404
    ns.control.post("/rules", json={"answer": "mine"})
    assert other.ask("x").json()["text"] != "mine"
    own = {"Authorization": "Bearer a-key-of-its-own"}
    key = {"keyName": "mine", "apiKey": "a-key-of-its-own"}
    ns.control.post("/records/apikey", json=key).raise_for_status()
    assert ns.api.get("/tools", headers=own).status_code == 200
    assert other.api.get("/tools", headers=own).status_code == 401


def test_the_header_and_the_path_name_the_same_world(ns: Namespace, default: Running) -> None:
    tool = ns.api.post("/tools", json=TOOL).json()
    headers = {**HEADERS, "Flowise-Mock-Namespace": ns.name}
    assert httpx.get(f"{default.api}/tools/{tool['id']}", headers=headers).status_code == 200
    both = httpx.get(f"{default.url}/ns/{ns.name}/api/v1/tools/{tool['id']}", headers=headers)
    assert both.status_code == 200
    differ = httpx.get(f"{default.url}/ns/another/api/v1/tools", headers=headers)
    assert differ.status_code == 400
    assert "another" in differ.json()["message"]
    assert ns.control.get("/namespaces").json() != []
    assert "another" not in [each["name"] for each in ns.control.get("/namespaces").json()]


@pytest.mark.parametrize("name", ["a b", "a" * 65, "ä", "", "a;b", "*"])
def test_names_that_cannot_be_used(default: Running, name: str) -> None:
    known = httpx.get(f"{default.url}/__mock__/namespaces").json()
    refused = httpx.get(f"{default.url}/ns/{name}/api/v1/ping")
    assert refused.status_code == 400
    assert refused.json()["message"]
    header = name.encode()
    named = httpx.get(f"{default.api}/ping", headers=[(b"Flowise-Mock-Namespace", header)])
    assert named.status_code == 400
    assert httpx.get(f"{default.url}/__mock__/namespaces").json() == known


def test_list_and_delete(ns: Namespace) -> None:
    ns.ask("x")
    shown = {each["name"]: each for each in ns.control.get("/namespaces").json()}
    assert shown[ns.name]["journal"] == 1
    assert shown[ns.name]["records"] > 0
    assert ns.control.delete(f"/namespaces/{ns.name}").status_code == 204
    fresh = ns.control.get("/journal").json()
    assert fresh == []
    assert ns.control.delete("/namespaces/nothing").status_code == 404


def test_the_default_one_begins_anew(default: Running) -> None:
    default.reset()
    with httpx.Client(base_url=default.url, headers=HEADERS) as client:
        made = client.post("/api/v1/tools", json=TOOL).json()
        assert client.delete("/__mock__/namespaces/default").status_code == 204
        assert client.get(f"/api/v1/tools/{made['id']}").status_code == 404
        assert client.get("/api/v1/tools").status_code == 200
    default.seeded = default.mock.store.snapshot()


def test_the_limit_evicts_nothing() -> None:
    served = Running(build.build(Options(token_delay=0, namespaces=3)))
    try:
        with httpx.Client(base_url=served.url, headers=HEADERS) as client:
            for name in "abc":
                assert client.post(f"/ns/{name}/api/v1/tools", json=TOOL).status_code in (200, 201)
            for path in ("/ns/d/api/v1/ping", "/ns/d/__mock__/journal"):
                refused = client.get(path)
                assert refused.status_code == 429, refused.text
                assert "3" in refused.json()["message"]
            assert client.put("/__mock__/namespaces/d", headers=JSON).status_code == 429
            for name in "abc":
                assert "t" in [each["name"] for each in client.get(f"/ns/{name}/api/v1/tools").json()]
            assert client.delete("/__mock__/namespaces/b", headers=JSON).status_code == 204
            assert client.get("/ns/d/api/v1/ping").status_code == 200
    finally:
        served.stop()


def test_ten_thousand_names(default: Running) -> None:
    """Only so many namespaces are made, and the others are refused quickly."""
    served = Running(build.build(Options(token_delay=0, namespaces=50)))
    try:
        with httpx.Client(base_url=served.url) as client:
            statuses = [client.get(f"/ns/n{number}/api/v1/ping").status_code for number in range(1000)]
            assert statuses == [200] * 50 + [429] * 950
            names = client.get("/__mock__/namespaces").json()
            assert len(names) == 51
    finally:
        served.stop()


def test_one_fault_each(ns: Namespace, other: Namespace) -> None:
    statuses: dict[str, list[Any]] = {}
    for each in (ns, other):
        each.control.post("/faults", json={"fault": "server-error", "times": 1}).raise_for_status()
    for _ in range(2):
        for each in (ns, other):
            statuses.setdefault(each.name, []).append(each.ask("x").status_code)
    assert list(statuses.values()) == [[500, 200], [500, 200]]
    assert SUPPORT in ns.control.get("/journal").json()[0]["path"]


def test_the_first_answer_says_that_a_namespace_begins_anew(
    ns: Namespace, default: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flowise_mock")
    name = f"{ns.name}-fresh"
    headers = {**HEADERS, "Flowise-Mock-Namespace": name}

    def fresh(path: str = "/tools") -> str | None:
        found = httpx.get(f"{default.api}{path}", headers=headers).headers
        return str(found["flowise-mock-fresh"]) if "flowise-mock-fresh" in found else None

    assert fresh("/tools/none") == "1"  # an error, too
    assert fresh() is None
    httpx.delete(f"{default.url}/__mock__/namespaces/{name}").raise_for_status()
    assert fresh() == "1"
    assert fresh() is None
    assert "flowise-mock-fresh" not in httpx.get(f"{default.api}/tools", headers=HEADERS).headers
    assert caplog.text.count(f"namespace {name} begins anew, from the seed") == 2
