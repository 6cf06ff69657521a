"""Messages of the Model Context Protocol: JSON-RPC, its grammar, and the parameters of its methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.state.table import Record

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07")
"""The versions of the protocol, the newest one first."""
UNKNOWN_METHOD = -32601
INTERNAL_ERROR = -32603
_PARAMETERS: dict[str, dict[str, tuple[str, bool]]] = {
    "initialize": {
        "params": ("object", True),
        "params.protocolVersion": ("string", True),
        "params.capabilities": ("object", True),
        "params.clientInfo": ("object", True),
        "params.clientInfo.name": ("string", True),
        "params.clientInfo.version": ("string", True),
    },
    "tools/list": {"params.cursor": ("string", False)},
    "tools/call": {
        "params": ("object", True),
        "params.name": ("string", True),
        "params.arguments": ("record", False),
    },
    "ping": {},
}
"""The parameters of each method by their paths: the type, and whether they are required."""


def is_valid(message: Any) -> bool:
    """Whether a value is a request, a notification or a response of JSON-RPC."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return False
    if "method" in message:
        known = message.keys() <= {"jsonrpc", "id", "method", "params"}
        has_types = isinstance(message["method"], str) and isinstance(message.get("params", {}), dict)
        return known and has_types and ("id" not in message or _is_id(message["id"]))
    return _is_response(message)


def _is_response(message: Record) -> bool:
    if "error" in message:
        error = message["error"]
        return message.keys() <= {"jsonrpc", "id", "error"} and isinstance(error, dict)
    return (
        message.keys() == {"jsonrpc", "id", "result"}
        and _is_id(message["id"])
        and isinstance(message["result"], dict)
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def is_request(message: Record) -> bool:
    """Whether a valid message needs an answer."""
    return "method" in message and "id" in message


def refusal(message: Record) -> Record | None:
    """The error that answers a request with an unknown method or with wrong parameters."""
    parameters = _PARAMETERS.get(message["method"])
    if parameters is None:
        return {"code": UNKNOWN_METHOD, "message": "Method not found"}
    found = list(_violations(message, parameters))
    return {"code": INTERNAL_ERROR, "message": jsontext.indented(found)} if found else None


def _violations(message: Record, parameters: dict[str, tuple[str, bool]]) -> Iterator[Record]:
    """What is wrong with the parameters of a request; nothing within one that is wrong itself."""
    wrong: list[str] = []
    for path, (expected, required) in parameters.items():
        if path.startswith(tuple(f"{each}." for each in wrong)):
            continue
        received = type_at(message, path)
        if received != {"record": "object"}.get(expected, expected) and (required or received != "undefined"):
            wrong.append(path)
            text = f"Invalid input: expected {expected}, received {received}"
            yield {"expected": expected, "code": "invalid_type", "path": path.split("."), "message": text}


def type_at(value: Any, path: str) -> str:
    """The type of a value in an object, as JavaScript names it."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return "undefined"
        value = value[key]
    return type_name(value)


def type_name(value: Any) -> str:
    """The type of a JSON value as validators in JavaScript name it."""
    if value is None:
        return "null"
    names = {bool: "boolean", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")
