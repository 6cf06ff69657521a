"""Leads: people who left their address in a chat."""

from flowise_mock.call import Call
from flowise_mock.store import Record


async def create_lead(call: Call, body: Record) -> Record:
    return call.store.create("lead", {"chatId": call.store.new_id(), **body})


async def get_all_leads_for_chatflow(call: Call, id: str) -> list[Record]:
    return call.store.select("lead", chatflowid=id)
