"""Runs: webhooks, executions and aborts."""

from flowise_mock.flows import delivery, flow_data, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import resolve_turn, text
from flowise_mock.state.outcomes import Deletion, NotFound
from flowise_mock.state.table import Record


async def abort_chat_message(call: Call, chatflowid: str, chatid: str) -> Record:
    running = call.store.runs.get((chatflowid, chatid))
    if running is not None:
        running.aborted = True
    return {"status": 200, "message": "Chat message aborted"}


async def trigger_webhook(call: Call, id: str, body: Record) -> Record:
    flow = call.chatflow(id)
    if not any(node.inputs.get("startInputType") == "webhookTrigger" for node in flow_data.nodes(flow)):
        raise NotFound("Webhook of chatflow", id)
    turn = resolve_turn(call, flow, {"question": text(body)})
    return await delivery.as_json(call, turn, await scripted.choose(call, turn))


async def get_all_executions(
    call: Call,
    agentflow_id: str | None = None,
    session_id: str | None = None,
    state: str | None = None,
    page: int | str = 1,
    limit: int | str = 12,
) -> Record:
    number, size = max(_to_number(page, 1), 1), max(_to_number(limit, 12), 1)
    found, total = call.store.page(
        "execution", number, size, chatflowid=agentflow_id, sessionId=session_id, state=state
    )
    return {
        "data": [
            {**_execution(each), "agentflow": call.store.get("chatflow", each["chatflowid"])}
            for each in found
        ],
        "total": total,
    }


def _to_number(value: int | str, default: int) -> int:
    """A number of the query, which a lenient server passes on as text."""
    return int(value) if str(value).isdecimal() else default


async def get_execution_by_id(call: Call, id: str) -> Record:
    return _execution(call.store.find("execution", id))


async def delete_execution(call: Call, id: str) -> Deletion:
    return call.store.remove("execution", id)


def _execution(row: Record) -> Record:
    return {**row, "agentflowId": row["chatflowid"]}
