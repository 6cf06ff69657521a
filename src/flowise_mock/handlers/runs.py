"""Runs: executions and aborts."""

import re

from flowise_mock.flows.call import Call
from flowise_mock.state.clock import within
from flowise_mock.state.outcomes import Deletion, WrongType
from flowise_mock.state.table import Record

STATES = ("INPROGRESS", "FINISHED", "ERROR", "TERMINATED", "TIMEOUT", "STOPPED")


async def abort_chat_message(call: Call, chatflowid: str, chatid: str) -> Record:
    running = call.store.runs.get((chatflowid, chatid))
    if running is not None:
        running.aborted = True
    return {"status": 200, "message": "Chat message aborted"}


async def get_all_executions(
    call: Call,
    agentflow_id: str | None = None,
    session_id: str | None = None,
    state: str | None = None,
    page: int | str = 1,
    limit: int | str = 12,
    id: str | None = None,
    agentflow_name: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
) -> Record:
    number, size = max(_to_number(call, page, 1), 1), _to_number(call, limit, 12) or 12
    rows = call.store.select(
        "execution",
        chatflowid=agentflow_id or None,
        sessionId=session_id or None,
        state=state if state in STATES else None,
        id=id or None,
    )
    rows = within(rows, "createdDate", start_date, end_date)
    found = [
        {**show_execution(each), "agentflow": call.store.get("chatflow", each["chatflowid"])} for each in rows
    ]
    if agentflow_name:
        wanted = agentflow_name.lower()
        found = [each for each in found if wanted in str((each["agentflow"] or {}).get("name", "")).lower()]
    start = (number - 1) * size
    return {"data": found[start : start + size], "total": len(found)}


def _to_number(call: Call, value: int | str, default: int) -> int:
    """A number of the query, which a lenient server passes on as text."""
    found = re.match(r"\s*([+-]?\d+)", str(value))
    if found is None and value != "":
        call.report(WrongType("skip"))
    return int(found[1][:9]) if found is not None else default


async def get_execution_by_id(call: Call, id: str) -> Record:
    return show_execution(call.store.find("execution", id))


async def delete_execution(call: Call, id: str) -> Deletion:
    return call.store.remove("execution", id)


def show_execution(row: Record) -> Record:
    return {**row, "agentflowId": row["chatflowid"]}
