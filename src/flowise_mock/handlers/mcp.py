"""MCP: a flow as a server of the Model Context Protocol, with one tool, and the settings of that server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any, NoReturn

from flowise_mock.contract import jsontext
from flowise_mock.flows import delivery, flow_data, mcp_messages, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Event, resolve_turn, text
from flowise_mock.state.outcomes import (
    Accepted,
    EmptyField,
    EventStream,
    InvalidChoice,
    InvalidMessage,
    NotAcceptable,
    NotFound,
    Ok,
    StatelessSession,
    TooLong,
    UnexpectedMediaType,
    UnsupportedProtocol,
    WrongToken,
    WrongType,
)
from flowise_mock.state.table import Record

COLUMN = "mcpServerConfig"
MEDIA = ("application/json", "text/event-stream")
TYPES = {"toolName": "string", "description": "string", "enabled": "boolean"}
"""The settings that a client sends, with their types."""
LONGEST_NAME = 64


# --- settings --------------------------------------------------------------------------------------


async def get_mcp_server_config(call: Call, id: str) -> Record:
    return _shown(flow_data.config(call.store.find("chatflow", id), COLUMN))


async def create_mcp_server_config(call: Call, id: str, body: Record) -> Ok:
    known = flow_data.config(call.store.find("chatflow", id), COLUMN)
    if known.get("enabled"):
        return Ok(_shown(known))
    _check_settings(call, body, required=("toolName", "description"))
    names = {name: text(body.get(name)) for name in ("description", "toolName")}
    return Ok(_keep(call, id, {"enabled": True, "token": _token(call), **names}))


async def update_mcp_server_config(call: Call, id: str, body: Record) -> Record:
    known = _config(call, id)
    _check_settings(call, body)
    return _keep(call, id, known | {name: body[name] for name in TYPES if name in body})


def _check_settings(call: Call, body: Record, required: tuple[str, ...] = ()) -> None:
    """Report the first setting that is invalid, in the order in which Flowise checks."""
    for name, expected in TYPES.items():
        received = mcp_messages.type_at(body, name)
        if received == "undefined" and name not in required:
            continue
        if received != expected:
            call.report(WrongType(name, _mismatch(expected, received)))
        if body.get(name) == "":
            call.report(EmptyField(name))
        if name == "toolName" and isinstance(body.get(name), str):
            _check_name(call, body[name])


def _check_name(call: Call, name: str) -> None:
    if len(name) > LONGEST_NAME:
        call.report(TooLong("toolName", LONGEST_NAME))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        call.report(InvalidChoice("toolName", name))


def _mismatch(expected: str, received: str) -> str:
    """What a validator says about a value of another type."""
    return "Required" if received == "undefined" else f"Expected {expected}, received {received}"


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


async def call_mcp_server(call: Call, id: str, body: Any) -> EventStream | Accepted:
    flow = call.store.get("chatflow", id)
    config = flow_data.config(flow, COLUMN) if flow is not None else {}
    _check_token(call, id, config)
    _check_headers(call)
    messages: list[Any] = body if isinstance(body, list) else [body]
    if not all(mcp_messages.is_valid(each) for each in messages):
        raise InvalidMessage
    _check_version(call.headers, messages)
    requests = [each for each in messages if mcp_messages.is_request(each)]
    if not requests:
        return Accepted("")
    return EventStream(_answers(call, flow or {}, config, requests), framing="rpc")


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


def _check_headers(call: Call) -> None:
    """Refuse a client that does not accept events, or that does not send JSON."""
    accepted = call.headers.get("accept", "")
    if not all(media in accepted for media in MEDIA):
        raise NotAcceptable(", ".join(MEDIA))
    sent = call.headers.get("content-type", "")
    if MEDIA[0] not in sent:
        call.report(UnexpectedMediaType(sent, MEDIA[0]))


def _check_version(headers: Mapping[str, str], messages: list[Record]) -> None:
    """Refuse a version of the protocol that is not known; a client that introduces itself has none yet."""
    version = headers.get("mcp-protocol-version", mcp_messages.VERSIONS[0])
    introduces = any(each.get("method") == "initialize" for each in messages)
    if version not in mcp_messages.VERSIONS and not introduces:
        raise UnsupportedProtocol(version, ", ".join(mcp_messages.VERSIONS))


async def _answers(call: Call, flow: Record, config: Record, requests: list[Record]) -> AsyncIterator[Event]:
    for request in requests:
        yield "message", await _answer(call, flow, config, request)


async def _answer(call: Call, flow: Record, config: Record, request: Record) -> Record:
    """The answer to a request of JSON-RPC."""
    method, params = request["method"], request.get("params", {})
    about: Record = {"jsonrpc": "2.0", "id": request["id"]}
    refusal = mcp_messages.refusal(request)
    if refusal is not None:
        return {**about, "error": refusal}
    if method == "initialize":
        return {"result": _introduction(config, params), **about}
    if method == "tools/list":
        return {"result": {"tools": [_tool(config)]}, **about}
    if method == "tools/call":
        return {"result": await _call_tool(call, flow, config, params), **about}
    return {"result": {}, **about}


def _introduction(config: Record, params: Record) -> Record:
    sent = params["protocolVersion"]
    return {
        "protocolVersion": sent if sent in mcp_messages.VERSIONS else mcp_messages.VERSIONS[0],
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
    name, sent = params["name"], params.get("arguments", {})
    if name != config.get("toolName"):
        return _failed(f"Tool {name} not found")
    received = mcp_messages.type_at(sent, "question")
    if received != "string":
        issue = {
            "code": "invalid_type", "expected": "string", "received": received, "path": ["question"],
            "message": _mismatch("string", received),
        }  # fmt: skip
        issues = jsontext.indented([issue])
        return _failed(f"Input validation error: Invalid arguments for tool {name}: {issues}")
    turn = resolve_turn(call, flow, {"question": sent["question"]})
    turn.chat_type = "MCP"
    answer = await delivery.as_json(call, turn, await scripted.choose(call, turn))
    shown: Any = answer.get("text", answer.get("json"))
    return {"content": [{"type": "text", "text": text(shown)}]}


def _failed(reason: str) -> Record:
    """The result of a tool that could not be called."""
    return {"content": [{"type": "text", "text": f"MCP error -32602: {reason}"}], "isError": True}
