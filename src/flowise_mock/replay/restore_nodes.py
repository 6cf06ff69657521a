"""Restores the parts of a recorded flow's nodes that the recording left out.

Recordings have only the nodes and edges of a long flow. A real server also needs the descriptions of the
inputs, which the editor writes into each node; the server itself provides them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Lookup = Callable[[str], Json]
"""Returns the description of a node type, as GET /nodes/{name} does, or an empty object."""

PARAMETERS = {
    "asyncOptions", "asyncMultiOptions", "options", "multiOptions", "array", "datagrid", "string", "number",
    "boolean", "password", "json", "code", "date", "file", "folder", "tabs", "conditionFunction",
    "credential", "timePicker", "weekDaysPicker", "monthDaysPicker", "datePicker",
}  # fmt: skip
"""The types of inputs that have values; inputs of other types are connected to another node."""


def restore_nodes(flow_data: Any, lookup: Lookup) -> Any:
    """Add the descriptions of inputs to the nodes of a flow. Other values are returned unchanged."""
    try:
        graph = json.loads(flow_data)
        nodes = graph["nodes"]
    except (TypeError, ValueError, KeyError):
        return flow_data
    for node in nodes if isinstance(nodes, list) else []:
        data = node.get("data") if isinstance(node, dict) else None
        if isinstance(data, dict) and not data.get("inputParams"):
            _complete(data, lookup(str(data.get("name"))))
    return json.dumps(graph)


def abridge(value: Any) -> Any:
    """A JSON value whose flows lack the descriptions: they are the vendor's texts, and long."""
    if isinstance(value, list):
        return [abridge(each) for each in value]
    if isinstance(value, dict):
        return {
            name: _abridge_nodes(child) if name == "flowData" else abridge(child)
            for name, child in value.items()
        }
    return value


def _abridge_nodes(flow_data: Any) -> Any:
    """A flow without the descriptions; an empty list says that there were some."""
    try:
        graph = json.loads(flow_data)
        nodes = graph["nodes"]
    except (TypeError, ValueError, KeyError):
        return flow_data
    for node in nodes if isinstance(nodes, list) else []:
        data = node.get("data") if isinstance(node, dict) else None
        if isinstance(data, dict) and "inputParams" in data:
            data["inputParams"] = []
            for name in ("inputAnchors", "outputAnchors"):
                data.pop(name, None)
    return json.dumps(graph)


def _complete(data: Json, description: Json) -> None:
    inputs = description.get("inputs") or []
    if not inputs:
        return
    chatflow = description.get("category") != "Agent Flows"
    described = [{**each, "id": f"{data.get('id')}-input-{each['name']}-{each['type']}"} for each in inputs]
    data["inputParams"] = [each for each in described if each["type"] in PARAMETERS]
    data["inputAnchors"] = [each for each in described if each["type"] not in PARAMETERS]
    if chatflow and description.get("credential"):
        data["inputParams"].insert(0, {"label": "Credential", "name": "credential", "type": "credential"})
    data.setdefault("outputAnchors", [])
    data.setdefault("baseClasses", description.get("baseClasses", []))
    if chatflow:
        for each in inputs:
            data.setdefault("inputs", {}).setdefault(each["name"], each.get("default", ""))
