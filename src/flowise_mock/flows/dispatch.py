"""Kinds of flows: what a flow's type and nodes make of its answer."""

from __future__ import annotations

from flowise_mock.flows import flow_data
from flowise_mock.flows.agentflow import run_agentflow
from flowise_mock.flows.call import Call
from flowise_mock.flows.chains import run_agents, run_chain, run_parser
from flowise_mock.flows.turn import Run, Turn
from flowise_mock.state.outcomes import MissingEndingNode
from flowise_mock.state.table import Record


def streamable(flow: Record) -> bool:
    """Whether the flow's answer can be told as a stream: GET /chatflows-streaming asks.

    Agentflows and agents always; a chain not where an output parser, a function or post-processing
    has the last word, or where its chat model has streaming switched off.
    """
    if flow.get("type") in ("AGENTFLOW", "MULTIAGENT"):
        return True
    nodes = flow_data.nodes(flow)
    processed = flow_data.config(flow, "chatbotConfig").get("postProcessing")
    return not (
        any(node.category == "Output Parsers" or node.name == "customFunction" for node in nodes)
        or any(node.category == "Chat Models" and node.inputs.get("streaming") is False for node in nodes)
        or (isinstance(processed, dict) and processed.get("enabled") is True)
    )


def check_ending(call: Call, flow: Record) -> None:
    """Report a chatflow that has no nodes, so that none can have the last word."""
    if flow.get("type") != "AGENTFLOW" and not flow_data.nodes(flow):
        call.report(MissingEndingNode())


def run(call: Call, turn: Turn) -> Run:
    """Run a flow as its kind asks. A flow whose nodes cannot be read is a chat without memory."""
    if turn.flow.get("type") == "AGENTFLOW":
        return run_agentflow(call, turn)
    if turn.flow.get("type") == "MULTIAGENT":
        return run_agents(call, turn)
    if any(node.category == "Output Parsers" for node in flow_data.nodes(turn.flow)):
        return run_parser(call, turn)
    return run_chain(call, turn)
