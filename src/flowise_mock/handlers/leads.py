"""Leads: contact data that users leave in a chat."""

from flowise_mock.flows.call import Call
from flowise_mock.state.table import Record


async def create_lead(call: Call, body: Record) -> Record:
    chat = call.store.new_id() if body.get("chatId") is None else body["chatId"]
    return call.store.create("lead", {**body, "chatId": chat})


async def get_all_leads_for_chatflow(call: Call, id: str) -> list[Record]:
    return call.store.select("lead", chatflowid=id)
