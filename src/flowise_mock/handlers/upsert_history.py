"""Upsert history: the upserts to vector stores and their results."""

from flowise_mock.flows.call import Call
from flowise_mock.state.clock import within
from flowise_mock.state.outcomes import Deletion, EmptyField, MissingReference, WrongType
from flowise_mock.state.table import Record


async def get_all_upsert_history(
    call: Call,
    id: str,
    order: str = "ASC",
    start_date: str | None = None,
    end_date: str | None = None,
) -> list[Record]:
    call.check_uuid("Chatflow", id)
    if not call.store.has("chatflow", id):
        call.report(MissingReference("Chatflow", id))
    rows = call.store.select("upserthistory", chatflowid=id or None)
    rows = within(rows, "date", start_date, end_date)
    return rows[::-1] if order == "DESC" else rows


async def patch_delete_upsert_history(call: Call, body: Record, id: str | None = None) -> Deletion:
    ids = [] if body.get("ids") is None else body["ids"]
    if not isinstance(ids, list):
        call.report(WrongType("ids"))
        ids = [ids]
    ids = [each for each in ids if each not in (None, "") and not isinstance(each, bool)]
    if not ids:
        call.report(EmptyField("ids"))
    rows = [row for row in call.store.select("upserthistory", chatflowid=id) if row["id"] in ids]
    for each in ids:
        if not any(row["id"] == each for row in rows):
            call.report(MissingReference("Upsert history", str(each)))
    return Deletion(call.store.remove_records("upserthistory", rows))
