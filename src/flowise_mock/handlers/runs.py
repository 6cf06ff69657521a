"""Runs: webhooks, executions, and how to end a run."""

from flowise_mock.call import Call
from flowise_mock.outcomes import NotFound
from flowise_mock.store import Record


async def abort_chat_message(call: Call, chatflowid: str, chatid: str) -> Record:
    return {"status": 200, "message": "Chat message aborted"}


async def trigger_webhook(call: Call, id: str, body: Record) -> Record:
    call.store.find("chatflow", id)
    raise NotFound("Webhook of chatflow", id)


async def get_all_executions(
    call: Call,
    agentflow_id: str | None = None,
    session_id: str | None = None,
    state: str | None = None,
    page: int = 1,
    limit: int = 12,
) -> Record:
    found = call.store.select("execution", chatflowid=agentflow_id, sessionId=session_id, state=state)
    return {"data": found[(page - 1) * limit : page * limit], "total": len(found)}


async def get_execution_by_id(call: Call, id: str) -> Record:
    return call.store.find("execution", id)
