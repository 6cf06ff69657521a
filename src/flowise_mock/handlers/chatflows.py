"""Chatflows: the flows that predictions run."""

from hashlib import sha256

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows import flow_data
from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import (
    BoundFlowNotFound,
    Deletion,
    InvalidApiConfig,
    InvalidChatbotConfig,
    InvalidChoice,
    InvalidJson,
    KeyNotFound,
    MissingPart,
    Page,
    WrongType,
)
from flowise_mock.state.table import Record

TYPES = ("CHATFLOW", "AGENTFLOW", "MULTIAGENT", "ASSISTANT")


async def create_chatflow(call: Call, body: Record) -> Record:
    _check_type(call, body)
    _check_flow_data(call, body)
    flow = call.store.create("chatflow", _without_secret(body))
    call.store.windows[flow["id"]] = None
    call.store.link_document_stores(flow["id"], flow_data.document_stores(flow))
    return flow


async def list_chatflows(
    call: Call, type: str | None = None, page: str | None = None, limit: str | None = None
) -> list[Record] | Page:
    return call.page("chatflow", page, limit, type=type if type in TYPES else None)


async def get_chatflow_by_id(call: Call, id: str) -> Record:
    return call.chatflow(id)


async def update_chatflow(call: Call, id: str, body: Record) -> Record:
    call.chatflow(id)
    if body.get("type") is not None:
        _check_type(call, body)
    if "flowData" in body:
        _check_flow_data(call, body)
    for name, outcome in (("chatbotConfig", InvalidChatbotConfig), ("apiConfig", InvalidApiConfig)):
        found = v8.complaint(body[name]) if body.get(name) else None
        if found is not None:
            call.report(outcome(*found))
    flow = call.store.change("chatflow", id, _without_secret(body))
    call.store.windows.pop(id, None)
    call.store.link_document_stores(id, flow_data.document_stores(flow))
    return flow


async def delete_chatflow(call: Call, id: str) -> Deletion:
    call.check_uuid("Chatflow", id)
    deleted = call.store.remove_chatflow(id)
    call.store.windows.pop(id, None)
    call.store.link_document_stores(id, set())
    return deleted


async def get_chatflow_by_api_key(call: Call, apikey: str, keyonly: str = "true") -> list[Record]:
    """The flows bound to a key, by name; if `keyonly` is `all`, also the flows bound to no key."""
    key = call.store.key_named(apikey)
    if key is None:
        raise KeyNotFound("API key", apikey)
    flows = [
        flow
        for flow in call.store.select("chatflow")
        if flow.get("apikeyid") == key["id"] or (keyonly == "all" and not flow.get("apikeyid"))
    ]
    if not flows:
        raise BoundFlowNotFound("Chatflow of the API key", apikey)
    return sorted(flows, key=lambda flow: str(flow.get("name", "")))


async def set_webhook_secret(call: Call, id: str) -> Record:
    secret = sha256(call.store.new_id().encode()).hexdigest()
    call.store.change("chatflow", id, {"webhookSecret": secret, "webhookSecretConfigured": True})
    return {"webhookSecret": secret}


async def clear_webhook_secret(call: Call, id: str) -> None:
    call.store.change("chatflow", id, {"webhookSecret": None, "webhookSecretConfigured": False})


def _without_secret(body: Record) -> Record:
    """The fields of a body that a client may set: the secret of a webhook has operations of its own."""
    return {name: value for name, value in body.items() if name not in _SECRET_COLUMNS}


_SECRET_COLUMNS = ("webhookSecret", "webhookSecretConfigured")


def _check_type(call: Call, body: Record) -> None:
    if body.get("type") not in TYPES:
        call.report(InvalidChoice("type", str(body.get("type"))))


def _check_flow_data(call: Call, body: Record) -> None:
    found = v8.complaint(body.get("flowData"))
    if body.get("flowData", "") is None:
        call.report(WrongType("flowData"))
    elif found is not None:
        call.report(InvalidJson(*found))
    elif v8.trim(v8.text(body["flowData"])) == "null":
        call.report(WrongType("flowData"))
    elif not isinstance(jsontext.mapping(body["flowData"]).get("nodes"), list):
        call.report(MissingPart("Chatflow", "nodes"))
    elif "edges" not in jsontext.mapping(body["flowData"]):
        call.report(WrongType("edges"))
