"""Variables: named values that flows read."""

from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import Deletion, Page
from flowise_mock.state.table import Record


async def create_variable(call: Call, body: Record) -> Record:
    return call.store.create("variable", body)


async def get_all_variables(
    call: Call, page: str | None = None, limit: str | None = None
) -> list[Record] | Page:
    return call.page("variable", page, limit)


async def update_variable(call: Call, id: str, body: Record) -> Record:
    return call.store.change("variable", id, body)


async def delete_variable(call: Call, id: str) -> Deletion:
    return call.store.remove("variable", id)
