"""The clock, records and ids of a namespace."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import KEY, Running
from control.conftest import SUPPORT, Namespace
from flowise_mock.server import build
from flowise_mock.server.build import Options


def test_a_frozen_clock(ns: Namespace) -> None:
    frozen = ns.control.put("/clock", json={"at": "2026-01-01T12:00:00+02:00"}).json()
    assert frozen == {"now": "2026-01-01T10:00:00.000Z", "frozen": True}
    tool = ns.api.post("/tools", json={"name": "t", "description": "d", "color": "c"}).json()
    assert tool["createdDate"] == "2026-01-01T10:00:00.000Z"
    assert ns.control.post("/clock/advance", json={"seconds": 90}).json()["now"] == "2026-01-01T10:01:30.000Z"
    assert ns.control.delete("/clock").json()["frozen"] is False


@pytest.mark.parametrize("how", ["delete", "reset"])
def test_what_is_made_after_a_frozen_clock_has_the_real_date(ns: Namespace, how: str) -> None:
    ns.control.put("/clock", json={"at": "9999-12-31T00:00:00Z"})
    ns.ask("a")
    if how == "delete":
        ns.control.delete("/clock")
    else:
        ns.control.post("/reset", json={"parts": ["clock"]})
    tool = ns.api.post("/tools", json={"name": "t", "description": "d", "color": "c"}).json()
    assert tool["createdDate"] < "9999"


def test_time_that_runs_can_be_put_forward(ns: Namespace) -> None:
    before = ns.control.get("/clock").json()["now"]
    after = ns.control.post("/clock/advance", json={"seconds": 86400 * 366}).json()
    assert not after["frozen"]
    assert int(after["now"][:4]) == int(before[:4]) + 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/clock", {"at": "tomorrow"}, 400),
        ("/clock", {"at": 5}, 400),
        ("/clock", {"at": "0000-01-01T00:00:00Z"}, 400),
        ("/clock", {"at": "0001-01-01T00:00:00+14:00"}, 400),
        ("/clock", {"at": "9999-12-31T23:59:59-14:00"}, 400),
        ("/clock/advance", {"seconds": -1}, 400),
        ("/clock/advance", {}, 400),
    ],
)
def test_what_the_clock_cannot_show(ns: Namespace, path: str, body: dict[str, Any], status: int) -> None:
    method = "POST" if path.endswith("advance") else "PUT"
    refused = ns.control.request(method, path, json=body)
    assert (refused.status_code, bool(refused.json()["message"])) == (status, True)
    assert not ns.control.get("/clock").json()["frozen"]


def test_the_last_year(ns: Namespace) -> None:
    ns.control.put("/clock", json={"at": "9999-12-31T23:59:59.999Z"}).raise_for_status()
    refused = ns.control.post("/clock/advance", json={"seconds": 60})
    assert (refused.status_code, "9999" in refused.json()["message"]) == (409, True)
    # each message is dated later than the one before it
    assert [ns.ask("a").status_code, ns.ask("b").status_code] == [200, 200]
    assert ns.control.get("/journal").status_code == 200


def test_time_that_runs_does_not_reach_the_last_year(ns: Namespace) -> None:
    seconds = 10**9
    while seconds:
        advanced = ns.control.post("/clock/advance", json={"seconds": seconds})
        seconds = seconds if advanced.status_code == 200 else seconds // 2
    assert "9998" <= ns.control.get("/clock").json()["now"] < "9999"


# --- records ---------------------------------------------------------------------------------------


def test_records_are_read_and_created(ns: Namespace) -> None:
    before = ns.control.get("/records").json()["tool"]
    created = ns.control.post("/records/tool", json={"name": "t", "description": "d", "color": "#fff"})
    assert created.status_code == 201
    assert ns.api.get(f"/tools/{created.json()['id']}").json()["name"] == "t"
    assert ns.control.get("/records").json()["tool"] == before + 1
    assert ns.control.get("/records/tool", params={"offset": before}).json() == [created.json()]


def test_secrets_of_records_are_masked(ns: Namespace) -> None:
    keys = ns.control.get("/records/apikey").json()
    assert keys
    assert {key["apiKey"] for key in keys} == {"***"}
    assert KEY in [key["key"] for key in ns.control.get("/keys").json()]


@pytest.mark.parametrize(
    ("table", "record", "status"),
    [
        ("nothing", {}, 404),
        ("tool", {"name": 5}, 409),
        ("tool", {"colour": "red"}, 409),
        ("tool", [], 400),
    ],
)
def test_a_record_that_does_not_fit(ns: Namespace, table: str, record: Any, status: int) -> None:
    before = ns.control.get("/records").json()
    assert ns.control.post(f"/records/{table}", json=record).status_code == status
    assert ns.control.get("/records").json() == before


# --- ids -------------------------------------------------------------------------------------------


def calls(ns: Namespace) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers of a few calls that create things, without their dates."""
    ns.control.put("/clock", json={"at": "2026-01-01T00:00:00Z"}).raise_for_status()
    answers = [
        ns.ask("one"),
        ns.ask("two"),
        ns.api.post("/tools", json={"name": "t", "description": "d", "color": "c"}),
        ns.api.get(f"/chatmessage/{SUPPORT}"),
        ns.ask("three", streaming=True),
        ns.api.post("/variables", json={"name": "v", "type": "static", "value": "1"}),
        ns.api.get("/tools/00000000-0000-4000-8000-000000000000"),
    ]
    return [
        (
            each.status_code,
            {name: value for name, value in each.headers.items() if name != "date"},
            each.content,
        )
        for each in answers
    ]


@pytest.mark.parametrize("contract", ["clients", "3.1.4"])
def test_two_servers_give_the_same_answers(contract: str) -> None:
    runs = []
    for _ in range(2):
        served = Running(build.build(Options(token_delay=0, ids="reproducible", contract=contract)))
        try:
            with Namespace(served, "a") as one, Namespace(served, "b") as other:
                runs.append([calls(one), calls(other)])
        finally:
            served.stop()
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]  # of another namespace


def test_a_reset_repeats_the_ids() -> None:
    served = Running(build.build(Options(token_delay=0, ids="reproducible")))
    try:
        with Namespace(served, "a") as ns:
            first = calls(ns)
            ns.control.post("/reset").raise_for_status()
            assert calls(ns) == first
    finally:
        served.stop()
