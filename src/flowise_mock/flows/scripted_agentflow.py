"""Agentflows by a script: what the node says at which a run ends, and nodes that a script lists itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowise_mock.flows.agentflow_nodes import decision
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import NodeResult
from flowise_mock.flows.scripted import action, parts, say
from flowise_mock.flows.turn import Turn, text

if TYPE_CHECKING:
    from flowise_mock.flows.graph import Graph

BESIDE = ("usedTools", "sourceDocuments", "artifacts", "fileAnnotations")
"""What the last node can show beside its text: told and kept, and left out of the JSON answer."""


def put_in(call: Call, turn: Turn, node: Node, said: NodeResult) -> None:
    """Let the node at which a run ends, or stops, say what the script has."""
    reply = turn.reply
    if reply is None:
        return
    before = said.output.get("content")
    if reply.text is not None and before != reply.text:
        said.output["content"] = reply.text
        said.events = [("token", reply.text)]
        said.history = [
            {**each, "content": reply.text} if each["content"] == before else each for each in said.history
        ]
    beside = parts(turn, *BESIDE)
    told = 1 + max((n for n, event in enumerate(said.events) if event[0] == "token"), default=-1)
    said.events[told:told] = list(beside.items())
    said.output |= beside
    if parts(turn, "action"):
        made = said.output.get("humanInputAction") or decision(call, node, said.input)
        said.output["humanInputAction"] = action(call, turn, made)
        said.stopped = True


def recited(call: Call, graph: Graph) -> Any:
    """Tell the nodes that the script lists, in place of the flow's own; whether the last one stops."""
    turn = graph.turn
    listed = parts(turn, "agentFlowExecutedData")["agentFlowExecutedData"]
    graph.executed = []
    before: list[str] = []
    for number, each in enumerate(listed):
        given = each.get("data", {})
        node = Node(each["nodeId"], text(given.get("name")), each.get("nodeLabel", each["nodeId"]), "", {})
        said = NodeResult(dict(given.get("input") or {}), dict(given.get("output") or {}))
        if number == len(listed) - 1:
            said.events = [("token", token) for token in _last_words(call, turn, said)]
            put_in(call, turn, node, said)
        told = {"nodeId": node.id, "nodeLabel": node.label}
        status = each.get("status", "STOPPED" if said.stopped else "FINISHED")
        yield "nextAgentFlow", {**told, "status": "INPROGRESS"}
        yield from said.events
        yield "nextAgentFlow", {**told, "status": status}
        data = {"id": node.id, "name": node.name, "state": {}, **given}
        data |= {"input": said.input, "output": said.output}
        ids = each.get("previousNodeIds", before)
        graph.executed.append({**told, "data": data, "previousNodeIds": ids, "status": status})
        yield "agentFlowExecutedData", list(graph.executed)
        before = [node.id]
    return said.stopped


def _last_words(call: Call, turn: Turn, said: NodeResult) -> list[str]:
    """The tokens of the last node that a script lists: the script's text, else what the node lists."""
    listed = said.output.get("content")
    if listed is not None and (turn.reply is None or turn.reply.text is None):
        return [text(listed)]
    tokens = say(call, turn, turn.question)
    said.output["content"] = "".join(tokens)
    return tokens
