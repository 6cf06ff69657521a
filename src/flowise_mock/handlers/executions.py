"""Executions: they are changed, deleted, and shown to everyone if they are public."""

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.handlers.runs import show_execution
from flowise_mock.state.outcomes import Deletion, EmptyField, NotFound, Ok
from flowise_mock.state.table import Record


async def update_execution(call: Call, id: str, body: Record) -> Record:
    columns: Record = {name: body[name] for name in ("state", "isPublic", "action") if name in body}
    return show_execution(call.store.change("execution", id, columns))


async def delete_executions(call: Call, body: Record) -> Deletion:
    ids = jsontext.sequence(body.get("executionIds"))
    if not isinstance(body.get("executionIds"), list):
        call.report(EmptyField("executionIds"))
    return Deletion(sum(call.store.remove_where("execution", id=str(id)) for id in ids))


async def get_public_execution(call: Call, id: str) -> Record | Ok:
    row = call.store.find("execution", id)
    if not row.get("isPublic"):
        raise NotFound("Execution", id)
    return show_execution(row)
