"""Chatflows: the flows that predictions run."""

from flowise_mock import flowdata
from flowise_mock.call import Call
from flowise_mock.outcomes import Deleted, NotFound
from flowise_mock.store import Record


async def create_chatflow(call: Call, body: Record) -> Record:
    flow = call.store.create("chatflow", body)
    call.windows[flow["id"]] = None
    call.store.link_document_stores(flow["id"], flowdata.document_stores(flow))
    return flow


async def list_chatflows(call: Call, type: str | None = None) -> list[Record]:
    return call.store.select("chatflow", type=type)


async def get_chatflow_by_id(call: Call, id: str) -> Record:
    return call.store.find("chatflow", id)


async def update_chatflow(call: Call, id: str, body: Record) -> Record:
    flow = call.store.change("chatflow", id, body)
    call.windows.pop(id, None)
    call.store.link_document_stores(id, flowdata.document_stores(flow))
    return flow


async def delete_chatflow(call: Call, id: str) -> Deleted:
    deleted = call.store.remove_chatflow(id)
    call.windows.pop(id, None)
    call.store.link_document_stores(id, set())
    return deleted


async def get_chatflow_by_api_key(call: Call, apikey: str) -> Record:
    key = call.store.key_named(apikey)
    if key is None:
        raise NotFound("API key", apikey)
    flows = call.store.select("chatflow", apikeyid=key["id"])
    if not flows:
        raise NotFound("Chatflow of the API key", apikey)
    return min(flows, key=lambda flow: flow.get("name", ""))
