"""The store: records made, listed, joined, cascaded, without any HTTP."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from itertools import count

import pytest

from flowise_mock.state import rows as state_rows
from flowise_mock.state.clock import Clock, instant, within
from flowise_mock.state.outcomes import NotFound, NothingToDelete
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record, Table

MADE = {"id": "id", "createdDate": "now", "updatedDate": "touch"}
TABLES = [
    Table("tool", "Tool", ("id", "name", "createdDate", "updatedDate"), MADE, {"name": "unnamed"}, "-updatedDate"),
    Table("chatflow", "Chatflow", ("id", "name"), {"id": "id"}),
    Table("chatmessage", "ChatMessage", ("id", "chatflowid"), {"id": "id"}),
    Table("feedback", "Feedback", ("id", "chatflowid", "messageId"), {"id": "id"}),
    Table("upserthistory", "Upsert history", ("id", "chatflowid"), {"id": "id"}),
    Table("file", "File", ("id", "chatflowid"), {"id": "id"}),
    Table("documentstore", "Document store", ("id", "whereUsed"), {"id": "id"}, indexes=(("whereUsed*",),)),
    Table("chunk", "Chunk", ("id", "storeId"), {"id": "id"}),
]  # fmt: skip


@pytest.fixture
def store() -> Store:
    ids = count(1)
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    return Store(TABLES, new_id=lambda: f"id-{next(ids)}", clock=Clock(noon))


def test_what_is_made_is_made_by_the_store_and_unknown_columns_are_dropped(store: Store) -> None:
    tool = store.create("tool", {"id": "mine", "createdDate": "never", "color": "red"})
    assert tool == {
        "id": "id-1",
        "name": "unnamed",
        "createdDate": "2025-01-01T12:00:00.000Z",
        "updatedDate": "2025-01-01T12:00:00.000Z",
    }


def test_time_never_stands_still(store: Store) -> None:
    first, second = store.create("tool", {}), store.create("tool", {})
    assert second["createdDate"] == "2025-01-01T12:00:00.001Z"
    assert store.select("tool") == [second, first]
    store.change("tool", first["id"], {"name": "touched", "id": "other"})
    assert [tool["id"] for tool in store.select("tool")] == ["id-1", "id-2"]
    touched = store.find("tool", first["id"])
    assert first["createdDate"] == touched["createdDate"] < touched["updatedDate"]


def test_an_unknown_id_is_an_outcome(store: Store) -> None:
    with pytest.raises(NotFound) as found:
        store.find("tool", "nope")
    assert (found.value.noun, found.value.id) == ("Tool", "nope")
    with pytest.raises(NothingToDelete):
        store.remove("tool", "nope")


def test_a_chatflow_takes_what_hangs_on_it_along(store: Store) -> None:
    gone, stays = store.create("chatflow", {}), store.create("chatflow", {})
    for flow in (gone, stays):
        for table in ("chatmessage", "feedback", "upserthistory"):
            store.create(table, {"chatflowid": flow["id"]})
    assert store.remove_chatflow(gone["id"]).count == 1
    for table in ("chatmessage", "feedback", "upserthistory"):
        assert [record["chatflowid"] for record in store.select(table)] == [stays["id"]]


def test_messages_take_their_feedback_along(store: Store) -> None:
    first, second = store.create("chatmessage", {}), store.create("chatmessage", {})
    store.create("feedback", {"messageId": first["id"]})
    kept = store.create("feedback", {"messageId": second["id"]})
    assert store.remove_messages([first]) == 1
    assert store.select("feedback") == [kept]


def test_feedback_on_messages_comes_in_their_order(store: Store) -> None:
    messages = [store.create("chatmessage", {}) for _ in range(3)]
    given = [
        store.create("feedback", {"messageId": messages[number]["id"], "chatflowid": flow})
        for number, flow in ((2, "a"), (0, "a"), (2, "b"), (2, "a"))
    ]
    store.change("feedback", given[0]["id"], {"messageId": messages[2]["id"]})
    assert [each["id"] for each in store.feedback_on("a", messages)] == [given[n]["id"] for n in (1, 0, 3)]


def test_feedback_is_found_without_a_search_for_each_message(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [store.create("chatmessage", {"chatId": "a"}) for _ in range(50)]
    for message in messages[::2]:
        store.create("feedback", {"messageId": message["id"]})
    searches: list[object] = []
    select = state_rows.Rows.select

    def counted(rows: state_rows.Rows, equal: dict[str, object]) -> list[Record]:
        searches.append(equal)
        return select(rows, equal)

    monkeypatch.setattr(state_rows.Rows, "select", counted)
    assert store.remove_messages(messages) == 50
    assert len(searches) < 5
    assert store.count("feedback") == 0


def test_where_a_document_store_is_used(store: Store) -> None:
    record = store.create("documentstore", {"whereUsed": "not JSON"})
    store.link_document_stores("flow-1", {record["id"]})
    store.link_document_stores("flow-2", {record["id"]})
    assert store.find("documentstore", record["id"])["whereUsed"] == '["flow-1","flow-2"]'
    store.link_document_stores("flow-1", set())
    assert store.find("documentstore", record["id"])["whereUsed"] == '["flow-2"]'


def test_a_snapshot_is_untouched_by_what_follows(store: Store) -> None:
    tool = store.create("tool", {"name": "before"})
    snapshot = store.snapshot()
    store.change("tool", tool["id"], {"name": "after"})
    store.create("tool", {})
    for _ in range(2):
        store.restore(snapshot)
        assert [each["name"] for each in store.select("tool")] == ["before"]
        store.change("tool", tool["id"], {"name": "again"})


def test_a_snapshot_holds_rate_windows_and_counters(store: Store) -> None:
    store.windows["flow"] = (0.0, 3)
    store.counts.next(("rule", "a"))
    snapshot = store.snapshot()
    store.windows.clear()
    store.counts.next(("rule", "a"))
    for _ in range(2):
        store.restore(snapshot)
        assert store.windows == {"flow": (0.0, 3)}
        assert store.counts.get(("rule", "a")) == 1
        store.counts.next(("rule", "a"))


def test_a_record_is_never_changed_in_place(store: Store) -> None:
    tool = store.create("tool", {"name": "before"})
    seen = [store.find("tool", tool["id"]), *store.select("tool")]
    copies = [dict(each) for each in seen]
    store.change("tool", tool["id"], {"name": "after"})
    store.note("tool", store.find("tool", tool["id"]), name="noted")
    assert seen == copies


INDEXED = Table(
    "message",
    "Message",
    ("id", "flow", "session", "at"),
    {"id": "id"},
    order="at",
    indexes=(("flow", "session"), ("flow",)),
)


def test_an_index_finds_what_a_scan_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_rows, "MANY", 5)
    ids = count(1)
    plain = Store([dataclasses.replace(INDEXED, indexes=())], new_id=lambda: f"p{next(ids):03}")
    again = count(1)
    indexed = Store([INDEXED], new_id=lambda: f"p{next(again):03}")
    chance = random.Random(7)
    for step in range(600):
        values = {
            "flow": chance.choice("ab"),
            "session": chance.choice(["s", "t", None, 5, ["x"]]),
            "at": str(chance.randrange(9)),
        }
        known = [each["id"] for each in plain.select("message")]
        action = chance.choice(["create"] * 5 + ["change"] * 3 + ["remove"] * 2)
        if step % 40 == 39:
            action = "create many"
        if step % 60 == 59:
            action = "remove many" if step % 120 == 59 else "remove most"
        for store in (plain, indexed):
            if action == "create" or not known:
                store.create("message", values)
            elif action == "create many":
                batch = store.batch("message")
                for at in "825":
                    store.create_in(batch, {**values, "at": at})
                store.add(batch)
            elif action == "change":
                store.change("message", known[step % len(known)], values)
            elif action == "remove many":
                store.remove_where("message", flow="a", session="s")
            elif action == "remove most":
                store.remove_records("message", store.select("message")[2:])
            else:
                store.remove("message", known[step % len(known)])
        for wanted in (
            {"flow": "a"},
            {"flow": "b", "session": "s"},
            {"session": 5},
            {"flow": "a", "session": ["x"]},
            {},
        ):
            assert indexed.select("message", **wanted) == plain.select("message", **wanted)
        assert indexed.page("message", 2, 7) == plain.page("message", 2, 7)
        everything = plain.select("message")
        assert everything == sorted(everything, key=lambda each: (each["at"], each["id"]))
        assert indexed.page("message", 2, 7) == (everything[7:14], len(everything))


def test_an_index_is_made_in_steps_while_records_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_rows, "STEP", 10)
    ids = count(1)
    store = Store([INDEXED], new_id=lambda: f"p{next(ids):03}")
    for number in range(100):
        store.create("message", {"flow": "ab"[number % 2], "session": "s", "at": str(number % 9)})
    steps = 0
    for _ in store.prepare("message", flow="a", session="s"):
        steps += 1
        store.create("message", {"flow": "a", "session": "s", "at": "5"})
        store.change("message", f"p{steps * 2:03}", {"flow": "a"})
        store.change("message", f"p{101 - steps * 2:03}", {"flow": "b"})
        store.remove("message", f"p{50 - steps:03}")
    assert steps == 10
    built = store.select("message", flow="a", session="s")
    scanned = [each for each in store.select("message") if each["flow"] == "a"]
    assert built == scanned
    assert list(store.prepare("message", flow="b", session="s")) == []


def test_a_record_is_made_first_and_stored_later(store: Store) -> None:
    batch = store.batch("tool")
    made = [store.create_in(batch, {"name": name, "other": 1}) for name in "ab"]
    assert store.count("tool") == 0
    store.add(batch)
    assert store.select("tool") == made[::-1]
    assert [each["name"] for each in made] == ["a", "b"]


def test_newest_first_keeps_the_order_of_creation_for_equal_dates() -> None:
    table = dataclasses.replace(INDEXED, order="-at")
    ids = count(1)
    store = Store([table], new_id=lambda: f"p{next(ids)}")
    for at in ("1", "2", "2", "1", "2"):
        store.create("message", {"flow": "a", "at": at})
    expected = ["p2", "p3", "p5", "p1", "p4"]
    assert [each["id"] for each in store.select("message")] == expected
    assert [each["id"] for each in store.select("message", flow="a")] == expected
    assert [each["id"] for each in store.page("message", 1, 3)[0]] == expected[:3]
    assert [each["id"] for each in store.page("message", 2, 3)[0]] == expected[3:]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2024-12-31T23:59:59.999Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01T00:00:00+01:00", "2025-01-01T00:00:00z"),
        ("2025-01-01t00:00:00Z", "2025-01-01T00:00:00-00:30"),
        ("2016-12-31T23:59:58Z", "2016-12-31T23:59:60Z"),
        ("0000-12-31T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"),
        ("2025-01-01", "2025-01-02T00:00:00Z"),
    ],
)
def test_every_date_has_its_place(earlier: str, later: str) -> None:
    first, second = instant(earlier), instant(later)
    assert first is not None
    assert second is not None
    assert first < second


@pytest.mark.parametrize("text", ["", "tomorrow", "2025-02-30T00:00:00Z", None, 5])
def test_no_date_is_no_instant(text: object) -> None:
    assert instant(text) is None


def test_bounds_are_included() -> None:
    rows = [{"date": f"2025-01-0{day}T00:00:00.000Z"} for day in (1, 2, 3)]
    assert within(rows, "date", "2025-01-02T00:00:00Z", "2025-01-02T00:00:00Z") == [rows[1]]
    assert within(rows, "date", None, None) == rows


def test_a_table_keeps_its_newest_records() -> None:
    table = Table(
        "run",
        "Run",
        ("id", "flow", "at"),
        {"id": "id", "at": "now"},
        order="-at",
        indexes=(("flow",),),
        keep=3,
    )
    store = Store([table])
    ids = [store.create("run", {"flow": f"{number % 2}"})["id"] for number in range(10)]
    store.change("run", ids[7], {"flow": "2"})
    assert [each["id"] for each in store.select("run")] == ids[:6:-1]
    assert [each["id"] for each in store.select("run", flow="0")] == [ids[8]]
    snapshot = store.snapshot()
    store.create("run", {"flow": "0"})
    assert len(store.select("run")) == 3
    store.restore(snapshot)
    assert len(store.select("run")) == 3
