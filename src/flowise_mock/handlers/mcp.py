"""MCP: a flow as a server of the Model Context Protocol, with one tool, and the settings of that server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, NoReturn

from flowise_mock.contract import jsontext
from flowise_mock.flows import delivery, flow_data, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Event, resolve_turn, text
from flowise_mock.state.outcomes import (
    EventStream,
    NotAcceptable,
    NotFound,
    Ok,
    StatelessSession,
    WrongToken,
)
from flowise_mock.state.table import Record

COLUMN = "mcpServerConfig"
PROTOCOL = "2025-03-26"
MEDIA = ("application/json", "text/event-stream")
UNKNOWN_METHOD = -32601


# --- settings --------------------------------------------------------------------------------------


async def get_mcp_server_config(call: Call, id: str) -> Record:
    return _shown(flow_data.config(call.store.find("chatflow", id), COLUMN))


async def create_mcp_server_config(call: Call, id: str, body: Record) -> Ok:
    known = flow_data.config(call.store.find("chatflow", id), COLUMN)
    names = {name: text(body.get(name)) for name in ("description", "toolName")}
    token = known.get("token") or _token(call)
    return Ok(_keep(call, id, {"enabled": True, "token": token, **names}))


async def update_mcp_server_config(call: Call, id: str, body: Record) -> Record:
    known = _config(call, id)
    sent: Record = {name: text(body[name]) for name in ("description", "toolName") if name in body}
    if "enabled" in body:
        sent["enabled"] = bool(body["enabled"])
    return _keep(call, id, known | sent)


async def delete_mcp_server_config(call: Call, id: str) -> Record:
    known = flow_data.config(call.store.find("chatflow", id), COLUMN)
    if known:
        _keep(call, id, {**known, "enabled": False})
    return {"message": "MCP server config disabled"}


async def refresh_mcp_token(call: Call, id: str) -> Record:
    return _keep(call, id, {**_config(call, id), "token": _token(call)})


def _config(call: Call, id: str) -> Record:
    found = flow_data.config(call.store.find("chatflow", id), COLUMN)
    if not found:
        raise NotFound("MCP server config", id)
    return found


def _keep(call: Call, id: str, config: Record) -> Record:
    call.store.change("chatflow", id, {COLUMN: jsontext.dumps(config)})
    return _shown(config)


def _shown(config: Record) -> Record:
    blank: Record = {"enabled": False, "token": "", "description": "", "toolName": ""}
    return {name: config.get(name, value) for name, value in blank.items()}


def _token(call: Call) -> str:
    return sha256(call.store.new_id().encode()).hexdigest()[:32]


# --- the server ------------------------------------------------------------------------------------


async def call_mcp_server(call: Call, id: str, body: Record) -> EventStream:
    flow = call.store.get("chatflow", id)
    config = flow_data.config(flow, COLUMN) if flow is not None else {}
    _check_token(call, id, config)
    accepted = call.headers.get("accept", "")
    if not all(media in accepted for media in MEDIA):
        raise NotAcceptable(", ".join(MEDIA))
    return EventStream(_message(await _answer(call, flow or {}, config, body)), framing="rpc")


async def end_mcp_session(call: Call, id: str) -> NoReturn:
    raise StatelessSession(id)


def _check_token(call: Call, id: str, config: Record) -> None:
    """Refuse a request without the token of an enabled server."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise WrongToken("Unauthorized: missing or invalid Authorization header. Use Bearer <token>.")
    if not config.get("enabled"):
        raise NotFound("MCP server", id)
    if token != config.get("token"):
        raise WrongToken("Unauthorized")


async def _answer(call: Call, flow: Record, config: Record, body: Record) -> Record:
    """The answer to a message of JSON-RPC."""
    method, params = body.get("method"), jsontext.mapping(body.get("params"))
    about: Record = {"jsonrpc": "2.0", "id": body.get("id")}
    if method == "initialize":
        return {"result": _introduction(config, params), **about}
    if method == "tools/list":
        return {"result": {"tools": [_tool(config)]}, **about}
    if method == "tools/call":
        return {"result": await _call_tool(call, flow, config, params), **about}
    if method == "ping":
        return {"result": {}, **about}
    return {**about, "error": {"code": UNKNOWN_METHOD, "message": "Method not found"}}


def _introduction(config: Record, params: Record) -> Record:
    return {
        "protocolVersion": params.get("protocolVersion") or PROTOCOL,
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": f"flowise-{config.get('toolName')}", "version": "1.0.0"},
    }


def _tool(config: Record) -> Record:
    """The tool of a server, which asks its flow a question."""
    question = {"type": "string", "description": "The question or prompt to send to the chatflow"}
    schema: Record = {
        "type": "object",
        "properties": {"question": question},
        "required": ["question"],
        "additionalProperties": False,
        "$schema": "http://json-schema.org/draft-07/schema#",
    }
    return {
        "name": config.get("toolName"),
        "description": config.get("description"),
        "inputSchema": schema,
        "execution": {"taskSupport": "forbidden"},
    }


async def _call_tool(call: Call, flow: Record, config: Record, params: Record) -> Record:
    name = params.get("name")
    if name != config.get("toolName"):
        content = {"type": "text", "text": f"MCP error -32602: Tool {text(name)} not found"}
        return {"content": [content], "isError": True}
    sent = jsontext.mapping(params.get("arguments"))
    turn = resolve_turn(call, flow, {"question": text(sent.get("question"))})
    turn.chat_type = "MCP"
    answer = await delivery.as_json(call, turn, await scripted.choose(call, turn))
    shown: Any = answer.get("text", answer.get("json"))
    return {"content": [{"type": "text", "text": text(shown)}]}


async def _message(message: Record) -> AsyncIterator[Event]:
    yield "message", message
