"""Keys: API keys are created, changed and deleted. Each answer shows all keys."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256, sha512

from flowise_mock.contract import v8
from flowise_mock.flows.call import Call
from flowise_mock.knowledge.permissions import PERMISSIONS
from flowise_mock.state.outcomes import Deletion, EmptyField, InvalidChoice, NothingToDelete, Page, WrongType
from flowise_mock.state.table import Record


async def create_api_key(call: Call, body: Record) -> list[Record]:
    columns = _columns(call, body)
    key = urlsafe_b64encode(sha256(call.store.new_id().encode()).digest()).decode().rstrip("=")
    call.store.create("apikey", {**columns, "apiKey": key, "apiSecret": _secret(key)})
    return show_all(call)


async def update_api_key(call: Call, id: str, body: Record) -> list[Record]:
    columns = _columns(call, body)
    call.store.change("apikey", id, columns)
    return show_all(call)


async def delete_api_key(call: Call, id: str) -> Deletion:
    if not call.store.has("apikey", id):
        raise NothingToDelete("API key", id, show_all(call))
    return Deletion(call.store.remove("apikey", id).count, show_all(call))


def _columns(call: Call, body: Record) -> Record:
    """The name and the permissions that a body gives a key, which has none that the caller lacks."""
    if not body.get("keyName"):
        call.report(EmptyField("keyName"))
    permissions = body.get("permissions")
    is_list = isinstance(permissions, list) and all(isinstance(each, str) for each in permissions)
    if not is_list or not permissions:
        call.report(WrongType("permissions"))
        return {"keyName": v8.text(body.get("keyName"))}
    own = (call.key or {}).get("permissions") or PERMISSIONS
    for permission in permissions:
        if permission not in own:
            call.report(InvalidChoice("permissions", permission))
    return {"keyName": v8.text(body.get("keyName")), "permissions": permissions}


def show_all(call: Call) -> list[Record]:
    """All keys, in the order of their table."""
    return [show(call, key) for key in call.store.select("apikey")]


def show_page(call: Call, page: str | None, limit: str | None) -> list[Record] | Page:
    """All keys, or the requested page of them."""
    found = call.page("apikey", page, limit)
    if isinstance(found, Page):
        return Page([show(call, key) for key in found.value], found.total)
    return show_all(call)


def show(call: Call, key: Record) -> Record:
    """A key with the flows that are bound to it; keys of the command line have no stored secret."""
    flows = [_bound_flow(flow) for flow in call.store.select("chatflow", apikeyid=key["id"])]
    return {
        "apiSecret": _secret(str(key["apiKey"])),
        "permissions": list(PERMISSIONS),
        "updatedDate": call.store.date(0),
        "workspaceId": call.store.workspace,
        **key,
        "createdAt": _day(str(key.get("createdAt", call.store.date(0)))),
        "chatFlows": flows,
    }


def _day(date: str) -> str:
    """The day of a date, as in 10-Mar-24; a day stays as it is."""
    return datetime.fromisoformat(date).strftime("%d-%b-%y") if "T" in date else date


def _secret(key: str) -> str:
    return f"{sha512(key.encode()).hexdigest()}.{sha256(key.encode()).hexdigest()[:16]}"


def _bound_flow(flow: Record) -> Record:
    return {
        "flowName": flow.get("name"),
        "category": flow.get("category"),
        "updatedDate": flow.get("updatedDate"),
    }
