"""The canvas: gives the nodes of a recorded flow back what the recording cut from them.

Recordings keep of a long flow its nodes and edges alone. A real server needs the descriptions of the
inputs, which the canvas writes into each node; they are the server's own, so they are asked of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Lookup = Callable[[str], Json]
"""The description of a kind of node, as GET /nodes/{name} answers it; empty where there is none."""

PARAMETERS = {
    "asyncOptions", "asyncMultiOptions", "options", "multiOptions", "array", "datagrid", "string", "number",
    "boolean", "password", "json", "code", "date", "file", "folder", "tabs", "conditionFunction",
    "credential", "timePicker", "weekDaysPicker", "monthDaysPicker", "datePicker",
}  # fmt: skip
"""Types of inputs that are filled in; all others are joined to another node."""


def drawn(flow_data: Any, lookup: Lookup) -> Any:
    """A flow as the canvas would have written it; anything that is no flow as it is."""
    try:
        graph = json.loads(flow_data)
        nodes = graph["nodes"]
    except (TypeError, ValueError, KeyError):
        return flow_data
    for node in nodes if isinstance(nodes, list) else []:
        data = node.get("data") if isinstance(node, dict) else None
        if isinstance(data, dict) and "inputParams" not in data:
            _complete(data, lookup(str(data.get("name"))))
    return json.dumps(graph)


def _complete(data: Json, kind: Json) -> None:
    inputs = kind.get("inputs") or []
    if not inputs:
        return
    chatflow = kind.get("category") != "Agent Flows"
    described = [{**each, "id": f"{data.get('id')}-input-{each['name']}-{each['type']}"} for each in inputs]
    data["inputParams"] = [each for each in described if each["type"] in PARAMETERS]
    data["inputAnchors"] = [each for each in described if each["type"] not in PARAMETERS]
    if chatflow and kind.get("credential"):
        data["inputParams"].insert(0, {"label": "Credential", "name": "credential", "type": "credential"})
    data.setdefault("outputAnchors", [])
    data.setdefault("baseClasses", kind.get("baseClasses", []))
    if chatflow:
        for each in inputs:
            data.setdefault("inputs", {}).setdefault(each["name"], each.get("default", ""))
