"""Applies a script to an agentflow: overrides its last node, or replaces the run by scripted nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowise_mock.flows.agentflow_nodes import decision_request
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import NodeResult
from flowise_mock.flows.models import joined
from flowise_mock.flows.scripted import generate_tokens, reply_parts, scripted_action
from flowise_mock.flows.turn import Turn, text

if TYPE_CHECKING:
    from flowise_mock.flows.graph import Graph

EXTRA_PARTS = ("usedTools", "sourceDocuments", "artifacts", "fileAnnotations")
"""The parts of the last node besides its text: sent as events and stored, but not in the JSON answer."""


def override_node(call: Call, turn: Turn, node: Node, result: NodeResult) -> None:
    """Override the result of the node at which a run ends or stops by the scripted reply."""
    reply = turn.reply
    if reply is None:
        return
    replaced = result.output.get("content")
    if reply.text is not None and replaced != reply.text:
        result.output["content"] = reply.text
        result.events = [("token", reply.text)]
        result.history = [
            {**each, "content": reply.text} if each["content"] == replaced else each
            for each in result.history
        ]
    extra = reply_parts(turn, *EXTRA_PARTS)
    place = 1 + max((n for n, event in enumerate(result.events) if event[0] == "token"), default=-1)
    result.events[place:place] = list(extra.items())
    result.output |= extra
    if reply_parts(turn, "action"):
        default = result.output.get("humanInputAction") or decision_request(call, node, result.input)
        result.output["humanInputAction"] = scripted_action(call, turn, default)
        result.stopped = True


def run_scripted(call: Call, graph: Graph) -> Any:
    """Run the nodes of the script instead of those of the flow. Returns whether the last one stops."""
    turn = graph.turn
    listed = reply_parts(turn, "agentFlowExecutedData")["agentFlowExecutedData"]
    graph.executed = []
    previous: list[str] = []
    for number, each in enumerate(listed):
        given = each.get("data", {})
        node = Node(each["nodeId"], text(given.get("name")), each.get("nodeLabel", each["nodeId"]), "", {})
        result = NodeResult(dict(given.get("input") or {}), dict(given.get("output") or {}))
        if number == len(listed) - 1:
            result.events = [("token", token) for token in _last_tokens(call, turn, result)]
            override_node(call, turn, node, result)
        names = {"nodeId": node.id, "nodeLabel": node.label}
        status = each.get("status", "STOPPED" if result.stopped else "FINISHED")
        yield "nextAgentFlow", {**names, "status": "INPROGRESS"}
        yield from result.events
        yield "nextAgentFlow", {**names, "status": status}
        data = {"id": node.id, "name": node.name, "state": {}, **given}
        data |= {"input": result.input, "output": result.output}
        ids = each.get("previousNodeIds", previous)
        graph.executed.append({**names, "data": data, "previousNodeIds": ids, "status": status})
        yield "agentFlowExecutedData", list(graph.executed)
        previous = [node.id]
    return result.stopped


def _last_tokens(call: Call, turn: Turn, result: NodeResult) -> Sequence[str]:
    """The tokens of the last node: the scripted text, else the content of the node in the script."""
    content = result.output.get("content")
    if content is not None and (turn.reply is None or turn.reply.text is None):
        return [text(content)]
    tokens = generate_tokens(call, turn, turn.question)
    result.output["content"] = joined(tokens)
    return tokens
