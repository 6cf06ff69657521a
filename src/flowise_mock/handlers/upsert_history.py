"""Upsert history: what was written to vector stores, when, with which result."""

from flowise_mock.call import Call
from flowise_mock.outcomes import Deleted
from flowise_mock.store import Record, within


async def get_all_upsert_history(
    call: Call,
    id: str,
    order: str = "ASC",
    start_date: str | None = None,
    end_date: str | None = None,
) -> list[Record]:
    rows = call.store.select("upserthistory", chatflowid=id)
    rows = within(rows, "date", start_date, end_date)
    return rows[::-1] if order == "DESC" else rows


async def patch_delete_upsert_history(call: Call, id: str, body: Record) -> Deleted:
    named = set(body.get("ids", []))
    rows = call.store.select("upserthistory", chatflowid=id)
    return Deleted(call.store.remove_records("upserthistory", [row for row in rows if row["id"] in named]))
