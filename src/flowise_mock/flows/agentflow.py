"""Agentflows V2: nodes run one after the other along the edges, with a stop at human input.

As observed on a real 3.1.4: which events a node tells, what it leaves in agentFlowExecutedData, what a
stop and its resume write down.
"""

from __future__ import annotations

from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.agentflow_nodes import NODES, form_text, is_brief
from flowise_mock.flows.behaviour import Forms
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import Graph, NodeResult
from flowise_mock.flows.scripted import follow_ups, parts, say
from flowise_mock.flows.scripted_agentflow import BESIDE, put_in, recited
from flowise_mock.flows.turn import Run, Turn, asked, session, text, write
from flowise_mock.state.outcomes import (
    AbortedRun,
    AmbiguousInput,
    ExecutionNotFound,
    MissingStartNode,
    ModelFailure,
    ModelRefusal,
    Outcome,
    UnresumableExecution,
    UnstoppedExecution,
    UnvisitedNode,
    WrongType,
)
from flowise_mock.state.table import Record

START = "startAgentflow"
MAX_STEPS = 100
"""Nodes run in one turn; an agentflow may loop."""


def run_agentflow(call: Call, turn: Turn) -> Run:
    """Run the flow from its start, or on from where it waits for a human."""
    nodes = {node.id: node for node in flow_data.nodes(turn.flow)}
    graph = Graph(turn, nodes, flow_data.edges(turn.flow))
    sent = turn.body.get("humanInput")
    human = jsontext.mapping(sent)
    first: str | None
    if sent is not None and sent not in ("", 0):
        first = _resumed(call, graph, human)
    else:
        first = next((node.id for node in nodes.values() if node.name == START), None)
        if first is None:
            call.report(MissingStartNode())
        graph.form = _form(call, turn.body.get("form"))
    yield "agentFlowEvent", "INPROGRESS"
    if parts(turn, "agentFlowExecutedData"):
        stopped = yield from recited(call, graph)
    else:
        stopped = yield from _walk(call, graph, [first] if first else [])
    if not graph.executed and turn.reply is not None and turn.reply.text is not None:
        yield from [("token", token) for token in say(call, turn, turn.question)]
    state = "STOPPED" if stopped else "FINISHED"
    yield "agentFlowEvent", state
    asked_for = None
    if stopped:
        asked_for = graph.executed[-1]["data"]["output"]["humanInputAction"]
        yield "action", asked_for
        yield "agentFlowEvent", state
    return _answered(call, graph, state, asked_for)


def _walk(call: Call, graph: Graph, queue: list[str]) -> Any:
    """Run nodes until none is left or one stops; whether one did."""
    steps = 0
    while queue and steps < MAX_STEPS:
        steps += 1
        node = graph.nodes.get(queue.pop(0))
        if node is None:
            continue
        told = {"nodeId": node.id, "nodeLabel": node.label}
        yield "nextAgentFlow", {**told, "status": "INPROGRESS"}
        last = not graph.after(node.id, None)
        try:
            if not graph.executed and graph.turn.question and _form_counts(call, graph.turn.body):
                call.report(AmbiguousInput("question", "form"))
            said: NodeResult = NODES.get(node.name, NODES[""])(call, graph, node, last)
            if last or said.stopped:
                put_in(call, graph.turn, node, said)
            for event in said.events:
                if graph.turn.aborted:
                    raise AbortedRun("Agent" if node.name == "agentAgentflow" else "LLM")
                yield event
        except (AbortedRun, AmbiguousInput, WrongType, ModelFailure) as failure:
            yield from _failed(call, graph, node, failure)
            raise
        status = "STOPPED" if said.stopped else "FINISHED"
        yield "nextAgentFlow", {**told, "status": status}
        data: Record = {
            "id": node.id,
            "name": node.name,
            "input": said.input,
            "output": said.output,
            "state": dict(graph.state),
        }
        if said.history:
            data["chatHistory"] = said.history
            graph.history += said.history
        graph.executed = [
            each for each in graph.executed if each["nodeId"] != node.id or each["status"] != "STOPPED"
        ]
        graph.executed.append(
            {**told, "data": data, "previousNodeIds": graph.before(node.id), "status": status}
        )
        yield "agentFlowExecutedData", list(graph.executed)
        if said.stopped:
            return True
        queue += graph.after(node.id, said.way)
    return False


def _form(call: Call, sent: Any) -> Record:
    """The fields of a form; those of a text or a list, where one counts, are its parts by their numbers."""
    if isinstance(sent, (str, list)) and call.behaviour.forms is Forms.ANY:
        return {str(number): part for number, part in enumerate(sent)}
    return jsontext.mapping(sent)


def _form_counts(call: Call, body: Record) -> bool:
    """Whether a form beside a question is one too many."""
    return "form" in body if call.behaviour.forms is Forms.ANY else bool(jsontext.mapping(body.get("form")))


def _failed(call: Call, graph: Graph, node: Node, failure: Outcome) -> Any:
    told = {"nodeId": node.id, "nodeLabel": node.label}
    reason = failure.reason if isinstance(failure, ModelRefusal) else call.runtime.text(failure)
    state = call.behaviour.aborted_state.value if isinstance(failure, AbortedRun) else "ERROR"
    yield "nextAgentFlow", {**told, "status": state, **({"error": reason} if state == "ERROR" else {})}
    data = {"id": node.id, "name": node.name, "error": reason}
    graph.executed.append({**told, "previousNodeIds": graph.before(node.id), "data": data, "status": state})
    _keep(call, graph, state)
    yield "agentFlowExecutedData", list(graph.executed)
    yield "agentFlowEvent", state


def _resumed(call: Call, graph: Graph, human: Record) -> str:
    """Take up the execution that waits for this decision; the node it goes on from."""
    turn = graph.turn
    found = call.store.select("execution", chatflowid=turn.flow["id"], sessionId=turn.session_id)
    if not found:
        raise ExecutionNotFound(turn.session_id)
    execution = max(found, key=lambda each: str(each["createdDate"]))
    if execution["state"] != "STOPPED":
        failed = execution["state"] == "ERROR"
        raise (UnstoppedExecution if failed else UnresumableExecution)(execution["id"], execution["state"])
    executed = jsontext.sequence(execution["executionData"])
    first = text(human.get("startNodeId")) or str(executed[-1]["nodeId"])
    if not any(each["nodeId"] == first for each in executed):
        raise UnvisitedNode(first)
    graph.execution, graph.executed = execution, executed
    graph.human = {**human, "startNodeId": first}
    graph.state = dict(executed[-1]["data"].get("state") or {})
    for row in reversed(call.store.select("chatmessage", chatflowid=turn.flow["id"], chatId=turn.chat_id)):
        if row.get("action"):
            call.store.note("chatmessage", row, action=None)
            break
    return first


def _without_credential(item: Any) -> Any:
    """What a node did, as JSON answers show it: without the ids of credentials."""
    if isinstance(item, dict):
        return {
            key: _without_credential(value) for key, value in item.items() if key != "FLOWISE_CREDENTIAL_ID"
        }
    return [_without_credential(each) for each in item] if isinstance(item, list) else item


def _keep(call: Call, graph: Graph, state: str) -> Record:
    """The run as far as it came, as its execution keeps it."""
    kept = {"executionData": jsontext.dumps(graph.executed), "state": state}
    if graph.execution is None:
        row = {**kept, "chatflowid": graph.turn.flow["id"], "sessionId": graph.turn.session_id}
        graph.execution = call.store.create("execution", row)
    else:
        graph.execution = call.store.change("execution", graph.execution["id"], kept)
    return graph.execution


def _answered(call: Call, graph: Graph, state: str, asked_for: Record | None) -> Record:
    turn = graph.turn
    execution = _keep(call, graph, state)
    if asked_for is not None:
        call.store.note("execution", execution, stoppedDate=call.store.now())
    answer = text(graph.executed[-1]["data"]["output"].get("content")) if graph.executed else ""
    if not graph.executed and turn.reply is not None:
        answer = text(turn.reply.text)
    more, kept = follow_ups(turn)
    kept |= parts(turn, *BESIDE)
    asked_text = text(turn.body.get("question")) or form_text(turn.body.get("form"))
    feedback = text(jsontext.mapping(turn.body.get("humanInput")).get("feedback"))
    rows = write(
        call, turn, asked_text or feedback or " ", answer or " ", memory=None, action=asked_for, **kept
    )
    for row in rows:
        call.store.note("chatmessage", row, executionId=execution["id"])
    return {
        "text": answer or " ",
        **asked(turn, turn.body.get("question")),
        **({"form": turn.body["form"]} if "form" in turn.body else {}),
        "chatId": turn.chat_id,
        "chatMessageId": rows[1]["id"],
        **more,
        "executionId": execution["id"],
        "agentFlowExecutedData": [_without_credential(each) for each in graph.executed],
        **({"action": asked_for} if asked_for is not None and not is_brief(call) else {}),
        **session(turn),
    }
