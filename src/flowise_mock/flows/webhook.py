"""Webhooks: what the start node of an agentflow expects of a request, and the payload that it gets."""

from __future__ import annotations

from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.contract.query_strings import nested
from flowise_mock.flows import flow_data, webhook_checks
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.state.outcomes import UnexpectedMediaType, UnexpectedMethod
from flowise_mock.state.table import Record

TRIGGER = "webhookTrigger"
_SECRET = {"authorization", "cookie", "x-api-key", "proxy-authorization", "set-cookie"}


@flow_data.kept
def start_node(flow: Record) -> Node | None:
    """The node at which a webhook starts a flow; None if the flow has no webhook."""
    nodes = flow_data.nodes(flow)
    return next((node for node in nodes if node.inputs.get("startInputType") == TRIGGER), None)


def check(call: Call, flow: Record, node: Node, body: Any) -> None:
    """Refuse a wrong signature, a method or a media type that the node does not expect, and parameters."""
    if node.inputs.get("webhookEnableAuth") is True:
        webhook_checks.check_signature(call, flow, node)
    method, expected = call.request.method, str(node.inputs.get("webhookMethod") or "")
    if expected and method.upper() != expected.upper():
        call.report(UnexpectedMethod(method, expected))
    media, type = call.headers.get("content-type", ""), str(node.inputs.get("webhookContentType") or "")
    if type and body and not media.lower().startswith(type):
        call.report(UnexpectedMediaType(media, type))
    if node.inputs.get("webhookEnableValidation") is True:
        webhook_checks.check_parameters(call, node, jsontext.mapping(body))


def payload(call: Call, body: Any) -> Record:
    """What the flow gets of a request; a form may hold its JSON in the field `payload`."""
    if isinstance(body, dict) and isinstance(body.get("payload"), str):
        body = jsontext.mapping(body["payload"]) or body
    headers = {
        name: "[REDACTED]" if name in _SECRET else text
        for name, text in call.headers.items()
        if not name.startswith("flowise-mock-")  # they are for the mock, and not for the flow
    }
    return {"body": body, "headers": headers, "query": nested(call.request.query_string)}
