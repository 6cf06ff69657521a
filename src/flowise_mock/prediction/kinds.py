"""Kinds of flows: what a flow's type and nodes make of its answer."""

from __future__ import annotations

from flowise_mock import flowdata
from flowise_mock.store import Record


def streamable(flow: Record) -> bool:
    """Whether the flow's answer can be told as a stream."""
    return flow.get("type") in ("AGENTFLOW", "MULTIAGENT") or not any(
        node.category == "Output Parsers" or node.name == "customFunction" for node in flowdata.nodes(flow)
    )
