"""Tools: functions that flows may call."""

from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import Deletion, Page
from flowise_mock.state.table import Record


async def create_tool(call: Call, body: Record) -> Record:
    return call.store.create("tool", body)


async def get_all_tools(call: Call, page: str | None = None, limit: str | None = None) -> list[Record] | Page:
    return call.page("tool", page, limit)


async def get_tool_by_id(call: Call, id: str) -> Record:
    return call.store.find("tool", id)


async def update_tool(call: Call, id: str, body: Record) -> Record:
    return call.store.change("tool", id, body)


async def delete_tool(call: Call, id: str) -> Deletion:
    return call.store.remove("tool", id)
