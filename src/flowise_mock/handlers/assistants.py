"""Assistants: a model with instructions and tools of its own."""

from flowise_mock.call import Call
from flowise_mock.outcomes import Deleted
from flowise_mock.store import Record


async def create_assistant(call: Call, body: Record) -> Record:
    return call.store.create("assistant", body)


async def list_assistants(call: Call) -> list[Record]:
    return call.store.select("assistant")


async def get_assistant_by_id(call: Call, id: str) -> Record:
    return call.store.find("assistant", id)


async def update_assistant(call: Call, id: str, body: Record) -> Record:
    return call.store.change("assistant", id, body)


async def delete_assistant(call: Call, id: str) -> Deleted:
    return call.store.remove("assistant", id)
