"""Checks of webhooks that a flow switches on: the signature of the request, and its parameters."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from flowise_mock.flows.agentflow_texts import entries
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.state.outcomes import (
    MismatchedParameters,
    MissingParameters,
    MissingSecret,
    WrongSignature,
)
from flowise_mock.state.table import Record

HEADER = "X-Webhook-Signature"


def check_signature(call: Call, flow: Record, node: Node) -> None:
    """Refuse a request whose signature is not that of the flow's secret."""
    secret = flow.get("webhookSecret")
    if not secret:
        raise MissingSecret(flow["id"])
    header = str(node.inputs.get("webhookSignatureHeader") or HEADER).lower()
    sent = call.headers.get(header)
    if not sent:
        raise WrongSignature(f"Missing signature header: {header}")
    plain = node.inputs.get("webhookSignatureType") == "plain-token"
    if (
        not hmac.compare_digest(sent.encode(), str(secret).encode())
        if plain
        else not _signed(call, str(secret), sent)
    ):
        raise WrongSignature("Invalid webhook signature")


def _signed(call: Call, secret: str, sent: str) -> bool:
    """Whether `ALGORITHM=HEX`, or the digits alone, is the signature of the body."""
    algorithm, found, digits = sent.partition("=")
    name = "sha1" if found and algorithm == "sha1" else "sha256"
    expected = hmac.new(secret.encode(), call.raw, name).hexdigest()
    return bool(call.raw) and hmac.compare_digest(
        (digits if found else sent).lower().encode(), expected.encode()
    )


def check_parameters(call: Call, node: Node, body: Record) -> None:
    """Refuse missing headers, parameters of the body and of the query, and values of another type."""
    _require("headers", node.inputs.get("webhookHeaderParams"), call.headers, str.lower)
    _require("webhook body parameters", node.inputs.get("webhookBodyParams"), body, str)
    wrong = [
        str(each.get("name"))
        for each in entries(node.inputs.get("webhookBodyParams"))
        if each.get("type")
        and body.get(str(each.get("name"))) is not None
        and not _fits(str(each["type"]), body[str(each["name"])])
    ]
    if wrong:
        raise MismatchedParameters(", ".join(wrong))
    _require("query parameters", node.inputs.get("webhookQueryParams"), call.request.query, str)


def _require(kind: str, params: Any, sent: Mapping[str, Any], spelled: Callable[[str], str]) -> None:
    names = [str(each.get("name")) for each in entries(params) if each.get("required")]
    missing = [name for name in names if sent.get(spelled(name)) is None]
    if missing:
        raise MissingParameters(kind, ", ".join(missing))


def _fits(type: str, value: Any) -> bool:
    """Whether a value has the type that a flow says; numbers and booleans may be texts."""
    if type.startswith("array["):
        inner = type.removeprefix("array[").removesuffix("]")
        return isinstance(value, list) and all(_is(inner, each) for each in value)
    if type == "boolean" and value in ("true", "false"):
        return True
    if type == "number" and isinstance(value, str):
        return _is_number(value)
    return _is(type, value)


def _is(type: str, value: Any) -> bool:
    """Whether JavaScript gives a value this type; an array is no object here."""
    if type == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {"string": str, "boolean": bool, "object": dict}
    return type in kinds and isinstance(value, kinds[type])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
