"""The flows that a script names: recorded answers belong to flows that no seed has."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.state.table import Record

NODES: dict[str, tuple[tuple[str, str, str, Record], ...]] = {
    "AGENTFLOW": (
        ("startAgentflow", "Start", "Agent Flows", {"startInputType": "chatInput"}),
        ("directReplyAgentflow", "Direct Reply", "Agent Flows", {"directReplyMessage": ""}),
    ),
    "CHATFLOW": (
        ("chatOpenAI", "ChatOpenAI", "Chat Models", {"streaming": True}),
        ("bufferMemory", "Buffer Memory", "Memory", {}),
        ("conversationChain", "Conversation Chain", "Chains", {}),
    ),
}
"""The nodes of a flow by its type: name, label, category and inputs, the last one at its end."""


def record(given: Record) -> Record:
    """The record of a flow of a script. It can run: what no rule answers, it answers as other flows do."""
    type = given.get("type", "CHATFLOW")
    own = type if type in NODES else "CHATFLOW"
    nodes = [_node(number, own, *node) for number, node in enumerate(NODES[own])]
    ids = [node["id"] for node in nodes]
    pairs = pairwise(ids) if own == "AGENTFLOW" else ((id, ids[-1]) for id in ids[:-1])
    edges = [{"id": f"{one}-{other}", "source": one, "target": other} for one, other in pairs]
    flow_data = jsontext.dumps({"nodes": nodes, "edges": edges})
    return {"id": given["id"], "name": given.get("name", given["id"]), "type": type, "flowData": flow_data}


def _node(number: int, type: str, name: str, label: str, category: str, inputs: Record) -> dict[str, Any]:
    id = f"{name}_0"
    data = {
        "id": id, "label": label, "name": name, "type": label.replace(" ", ""), "category": category,
        "baseClasses": [label.replace(" ", "")], "inputs": inputs, "outputs": {},
    }  # fmt: skip
    kind = "agentFlow" if type == "AGENTFLOW" else "customNode"
    return {"id": id, "type": kind, "position": {"x": 0, "y": 200 * number}, "data": data}
