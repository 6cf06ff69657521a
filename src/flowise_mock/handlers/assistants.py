"""Assistants: a model with instructions and tools of its own."""

from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import (
    Deletion,
    EmptyField,
    InvalidJson,
    MissingPart,
    MissingReference,
    UnreachableService,
)
from flowise_mock.state.table import Record

_CUSTOM = "CUSTOM"


async def create_assistant(call: Call, body: Record) -> Record:
    details = body.get("details")
    if not details:
        call.report(EmptyField("details"))
    found = v8.complaint(details)
    if found is not None:
        call.report(InvalidJson(*found))
    if body.get("type") != _CUSTOM:
        _check_credential(call, body.get("credential"))
        call.report(UnreachableService("OpenAI"))
    return call.store.create("assistant", body)


def _check_credential(call: Call, id: Any) -> None:
    """Report an unknown credential. Without an id, a real database finds any."""
    if "credential" not in call.store.tables:
        return
    is_found = call.store.count("credential") if id is None else call.store.has("credential", v8.text(id))
    if not is_found:
        call.report(MissingReference("Credential", v8.text(id)))


async def list_assistants(call: Call, type: str | None = None) -> list[Record]:
    return call.store.select("assistant", type=type or None)


async def get_assistant_by_id(call: Call, id: str) -> Record:
    return call.store.find("assistant", id)


async def update_assistant(call: Call, id: str, body: Record) -> Record:
    stored = call.store.find("assistant", id)
    if "details" in body:
        _check_details(call, body["details"], stored.get("type"))
    return call.store.change("assistant", id, body)


def _check_details(call: Call, details: Any, type: str | None) -> None:
    """Report invalid new details of an assistant of that type."""
    found = v8.complaint(details)
    if not details:
        call.report(EmptyField("details"))
    elif found is not None:
        call.report(InvalidJson(*found))
    elif type == _CUSTOM and not jsontext.mapping(details).get("name"):
        call.report(MissingPart("Assistant", "name"))


async def delete_assistant(call: Call, id: str) -> Deletion:
    return call.store.remove("assistant", id)
