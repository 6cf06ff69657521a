"""Chooses how a flow runs, by its type and its nodes."""

from __future__ import annotations

from flowise_mock.flows import flow_data
from flowise_mock.flows.agentflow import run_agentflow
from flowise_mock.flows.call import Call
from flowise_mock.flows.chains import run_agents, run_chain, run_parser
from flowise_mock.flows.turn import Run, Turn
from flowise_mock.state.outcomes import MissingEndingNode
from flowise_mock.state.table import Record


def streamable(flow: Record) -> bool:
    """Whether the flow can stream its answer, as GET /chatflows-streaming reports.

    Agentflows and agents always can. A chain cannot if an output parser, a function or post-processing
    comes last, or if streaming is off in its chat model.
    """
    if flow.get("type") in ("AGENTFLOW", "MULTIAGENT"):
        return True
    nodes = flow_data.nodes(flow)
    processed = flow_data.config(flow, "chatbotConfig").get("postProcessing")
    return not (
        "Output Parsers" in flow_data.categories(flow)
        or "customFunction" in flow_data.names(flow)
        or any(node.category == "Chat Models" and node.inputs.get("streaming") is False for node in nodes)
        or (isinstance(processed, dict) and processed.get("enabled") is True)
    )


def check_ending(call: Call, flow: Record) -> None:
    """Report a chatflow without nodes, which has no ending node."""
    if flow.get("type") != "AGENTFLOW" and not flow_data.nodes(flow):
        call.report(MissingEndingNode())


def run(call: Call, turn: Turn) -> Run:
    """Run a flow. A flow whose nodes cannot be read is a chat without memory."""
    if turn.flow.get("type") == "AGENTFLOW":
        return run_agentflow(call, turn)
    if turn.flow.get("type") == "MULTIAGENT":
        return run_agents(call, turn)
    if "Output Parsers" in flow_data.categories(turn.flow):
        return run_parser(call, turn)
    return run_chain(call, turn)
