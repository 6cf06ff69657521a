"""Chooses how a flow runs, by its type and its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flowise_mock.flows import flow_data
from flowise_mock.flows.agentflow import run_agentflow
from flowise_mock.flows.behaviour import Agentflows
from flowise_mock.flows.call import Call
from flowise_mock.flows.chains import run_agents, run_chain, run_function, run_parser
from flowise_mock.flows.recorded import run_recorded
from flowise_mock.flows.turn import Run, Turn
from flowise_mock.state.outcomes import InvalidEndingNode, MissingEndingNode
from flowise_mock.state.table import Record

ENDING, FUNCTION = "EndingNode", "customFunction"
"""The output of a node that ends a flow although it is no chain, and the node that has it."""


def is_agentflow(call: Call, flow: Record) -> bool:
    """Whether a flow runs as an agentflow; a version may not know them."""
    return flow.get("type") == "AGENTFLOW" and call.behaviour.agentflows is Agentflows.RUN


def streamable(call: Call, flow: Record) -> bool:
    """Whether the flow can stream its answer, as GET /chatflows-streaming reports.

    Agentflows and agents always can. A chain cannot if an output parser, a function or post-processing
    comes last, or if streaming is off in its chat model.
    """
    nodes = flow_data.nodes(flow)
    if is_agentflow(call, flow) or has_agents(flow):
        return True
    processed = flow_data.config(flow, "chatbotConfig").get("postProcessing")
    return not (
        "Output Parsers" in flow_data.categories(flow)
        or any(node.output == ENDING or node.name == FUNCTION for node in flow_data.ending_nodes(flow))
        or any(node.category == "Chat Models" and node.inputs.get("streaming") is False for node in nodes)
        or (isinstance(processed, dict) and processed.get("enabled") is True)
    )


def check_ending(call: Call, flow: Record) -> None:
    """Report a chatflow that has no ending node, or one of the wrong kind."""
    if is_agentflow(call, flow):
        return
    for wrong in _wrong_endings(flow):
        call.report(InvalidEndingNode(wrong) if wrong else MissingEndingNode())


@flow_data.kept
def _wrong_endings(flow: Record) -> Sequence[str]:
    """The names of the ending nodes that are none; an empty one if there is no ending node."""
    if has_agents(flow):
        return ()
    endings = flow_data.ending_nodes(flow)
    wrong = [
        node.name
        for node in endings
        if node.output != ENDING and node.category not in ("Chains", "Agents", "Engine")
    ]
    return tuple(wrong) if endings else ("",)


@flow_data.kept
def has_agents(flow: Record) -> bool:
    """Whether a flow is one of several agents; its type does not matter."""
    return not flow_data.categories(flow).isdisjoint(("Multi Agents", "Sequential Agents"))


def run(call: Call, turn: Turn) -> Run:
    """Run a flow, or play its recorded answer. A flow whose nodes cannot be read is a chat without memory."""
    if turn.reply is not None and turn.reply.recorded is not None:
        return run_recorded(call, turn)
    if is_agentflow(call, turn.flow):
        return run_agentflow(call, turn)
    return _chain(turn.flow)(call, turn)


@flow_data.kept
def _chain(flow: Record) -> Callable[[Call, Turn], Run]:
    """What runs a flow that is no agentflow."""
    if has_agents(flow):
        return run_agents
    function = next((node for node in flow_data.ending_nodes(flow) if node.name == FUNCTION), None)
    if function is not None:
        return partial(run_function, node=function)
    return run_parser if "Output Parsers" in flow_data.categories(flow) else run_chain
