"""Kinds of flows: what a flow's type and nodes make of its answer."""

from __future__ import annotations

from flowise_mock import flowdata
from flowise_mock.call import Call
from flowise_mock.outcomes import NoEnding
from flowise_mock.prediction.agentflow import run_agentflow
from flowise_mock.prediction.chains import run_agents, run_chain, run_parser
from flowise_mock.prediction.turn import Run, Turn
from flowise_mock.store import Record


def streamable(flow: Record) -> bool:
    """Whether the flow's answer can be told as a stream: GET /chatflows-streaming asks.

    Agentflows and agents always; a chain not where an output parser, a function or post-processing
    has the last word, or where its chat model has streaming switched off.
    """
    if flow.get("type") in ("AGENTFLOW", "MULTIAGENT"):
        return True
    nodes = flowdata.nodes(flow)
    processed = flowdata.config(flow, "chatbotConfig").get("postProcessing")
    return not (
        any(node.category == "Output Parsers" or node.name == "customFunction" for node in nodes)
        or any(node.category == "Chat Models" and node.inputs.get("streaming") is False for node in nodes)
        or (isinstance(processed, dict) and processed.get("enabled") is True)
    )


def check_ending(call: Call, flow: Record) -> None:
    """Report a chatflow that has no nodes, so that none can have the last word."""
    if flow.get("type") != "AGENTFLOW" and not flowdata.nodes(flow):
        call.report(NoEnding())


def run(call: Call, turn: Turn) -> Run:
    """Run a flow as its kind asks. A flow whose nodes cannot be read is a chat without memory."""
    if turn.flow.get("type") == "AGENTFLOW":
        return run_agentflow(call, turn)
    if turn.flow.get("type") == "MULTIAGENT":
        return run_agents(call, turn)
    if any(node.category == "Output Parsers" for node in flowdata.nodes(turn.flow)):
        return run_parser(call, turn)
    return run_chain(call, turn)
