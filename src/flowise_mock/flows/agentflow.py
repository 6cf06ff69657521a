"""Agentflows V2: nodes run one after the other along the edges, with a stop at human input.

The events of a node, its data in agentFlowExecutedData, and the messages of a stop and a resume are those of
a real 3.1.4.
"""

from __future__ import annotations

from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows import flow_data
from flowise_mock.flows.agentflow_nodes import NODES
from flowise_mock.flows.agentflow_texts import form_text
from flowise_mock.flows.behaviour import Forms, PendingActions
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import Graph, NodeResult
from flowise_mock.flows.scripted import follow_up_prompts, generate_tokens, reply_parts
from flowise_mock.flows.scripted_agentflow import EXTRA_PARTS, override_node, run_scripted
from flowise_mock.flows.turn import Run, Turn, echoed_question, session_id, store_messages, text
from flowise_mock.state.outcomes import (
    AbortedRun,
    AmbiguousInput,
    AmbiguousPart,
    ExecutionNotFound,
    FailedFunction,
    InvalidChoice,
    MissingHistory,
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
"""The most nodes that run in one turn; an agentflow may loop."""


FAILURES = (
    AbortedRun, AmbiguousInput, FailedFunction, InvalidChoice, MissingHistory, ModelFailure, WrongType,
)  # fmt: skip
"""How a node can fail; the execution notes it."""


def run_agentflow(call: Call, turn: Turn) -> Run:
    """Run the flow from its start, or resume it at the node that waits for a human."""
    nodes = {node.id: node for node in flow_data.nodes(turn.flow)}
    graph = Graph(turn, nodes, flow_data.edges(turn.flow))
    if len(graph.starting_nodes()) > 1:
        call.report(AmbiguousPart("starting nodes"))
    sent = turn.body.get("humanInput")
    first: str | None
    if sent is not None and sent not in ("", 0):
        first = _resume(call, graph, jsontext.mapping(sent))
    else:
        first = next((node.id for node in nodes.values() if node.name == START), None)
        if first is None:
            call.report(MissingStartNode())
        graph.form = _form(call, turn.body.get("form"))
    yield "agentFlowEvent", "INPROGRESS"
    if reply_parts(turn, "agentFlowExecutedData"):
        stopped = yield from run_scripted(call, graph)
    else:
        stopped = yield from _run_nodes(call, graph, [first] if first else [])
    if not graph.executed and turn.reply is not None and turn.reply.text is not None:
        yield from (("token", token) for token in generate_tokens(call, turn, turn.question))
    state = "STOPPED" if stopped else "FINISHED"
    yield "agentFlowEvent", state
    action = None
    if stopped:
        action = graph.executed[-1]["data"]["output"]["humanInputAction"]
        yield "action", action
        yield "agentFlowEvent", state
    return _finish(call, graph, state, action)


def _run_nodes(call: Call, graph: Graph, queue: list[str]) -> Any:
    """Run nodes until none is left or one stops. Returns whether one stopped."""
    steps = 0
    while queue and steps < MAX_STEPS:
        steps += 1
        node = graph.nodes.get(queue.pop(0))
        if node is None:
            continue
        names = {"nodeId": node.id, "nodeLabel": node.label}
        yield "nextAgentFlow", {**names, "status": "INPROGRESS"}
        last = not graph.next_nodes(node.id, None)
        try:
            if not graph.executed and graph.turn.question and _has_form(call, graph.turn.body):
                call.report(AmbiguousInput("question", "form"))
            result: NodeResult = NODES.get(node.name, NODES[""])(call, graph, node, last)
            if last or result.stopped:
                override_node(call, graph.turn, node, result)
            for event in result.events:
                if graph.turn.aborted:
                    raise AbortedRun("Agent" if node.name == "agentAgentflow" else "LLM")
                yield event
        except FAILURES as failure:
            yield from _fail(call, graph, node, failure)
            raise
        status = "STOPPED" if result.stopped else "FINISHED"
        yield "nextAgentFlow", {**names, "status": status}
        data: Record = {
            "id": node.id,
            "name": node.name,
            "input": result.input,
            "output": result.output,
            "state": dict(graph.state),
        }
        if result.history:
            data["chatHistory"] = result.history
            graph.history += result.history
        graph.executed = [
            each for each in graph.executed if each["nodeId"] != node.id or each["status"] != "STOPPED"
        ]
        graph.executed.append(
            {**names, "data": data, "previousNodeIds": graph.previous_nodes(node.id), "status": status}
        )
        yield "agentFlowExecutedData", list(graph.executed)
        if result.stopped:
            return True
        if result.ended is not None:
            output = {**result.output, "content": result.ended}
            graph.executed[-1] = {**graph.executed[-1], "data": {**data, "output": output}}
            yield "token", result.ended
        if result.goes_to:
            queue.append(result.goes_to)
        queue += [each for each in graph.next_nodes(node.id, result.branch) if graph.arrives(each, node.id)]
    return False


def _form(call: Call, sent: Any) -> Record:
    """The fields of a form. If any value counts as one, the items of a text or list are fields by number."""
    if isinstance(sent, (str, list)) and call.behaviour.forms is Forms.ANY:
        return {str(number): item for number, item in enumerate(sent)}
    return jsontext.mapping(sent)


def _has_form(call: Call, body: Record) -> bool:
    """Whether a request has a form, which a question excludes."""
    return "form" in body if call.behaviour.forms is Forms.ANY else bool(jsontext.mapping(body.get("form")))


def _fail(call: Call, graph: Graph, node: Node, failure: Outcome) -> Any:
    names = {"nodeId": node.id, "nodeLabel": node.label}
    reason = failure.reason if isinstance(failure, ModelRefusal) else call.runtime.text(failure)
    state = call.behaviour.aborted_state.value if isinstance(failure, AbortedRun) else "ERROR"
    yield "nextAgentFlow", {**names, "status": state, **({"error": reason} if state == "ERROR" else {})}
    data = {"id": node.id, "name": node.name, "error": reason}
    previous = graph.previous_nodes(node.id)
    graph.executed.append({**names, "previousNodeIds": previous, "data": data, "status": state})
    _store_execution(call, graph, state)
    yield "agentFlowExecutedData", list(graph.executed)
    yield "agentFlowEvent", state


def _resume(call: Call, graph: Graph, decision: Record) -> str:
    """Load the execution that waits for a decision. Returns the node at which it resumes."""
    turn = graph.turn
    found = call.store.select("execution", chatflowid=turn.flow["id"], sessionId=turn.session_id)
    if not found:
        raise ExecutionNotFound(turn.session_id)
    execution = max(found, key=lambda each: str(each["createdDate"]))
    if execution["state"] != "STOPPED":
        failed = execution["state"] == "ERROR"
        raise (UnstoppedExecution if failed else UnresumableExecution)(execution["id"], execution["state"])
    executed = jsontext.sequence(execution["executionData"])
    first = text(decision.get("startNodeId"))
    if not first:
        sent = turn.body.get("humanInput")
        if isinstance(sent, str | int | float):
            kind = "boolean" if isinstance(sent, bool) else "string" if isinstance(sent, str) else "number"
            call.report(WrongType("humanInput", f"{kind} '{v8.text(sent)}'"))
        first = str(executed[-1]["nodeId"])
    if not any(each["nodeId"] == first for each in executed):
        raise UnvisitedNode(first)
    graph.execution, graph.executed = execution, executed
    graph.decision = {**decision, "startNodeId": first}
    graph.state = dict(executed[-1]["data"].get("state") or {})
    for row in reversed(call.store.select("chatmessage", chatflowid=turn.flow["id"], chatId=turn.chat_id)):
        if row.get("action"):
            call.store.note("chatmessage", row, action=None)
            break
    return first


def _without_credential(item: Any) -> Any:
    """The data of a node as JSON answers show it: without the ids of credentials."""
    if isinstance(item, dict):
        return {
            key: _without_credential(value) for key, value in item.items() if key != "FLOWISE_CREDENTIAL_ID"
        }
    return [_without_credential(each) for each in item] if isinstance(item, list) else item


def _store_execution(call: Call, graph: Graph, state: str) -> Record:
    """Store the run so far as an execution."""
    columns = {"executionData": jsontext.dumps(graph.executed), "state": state}
    if graph.execution is None:
        row = {**columns, "chatflowid": graph.turn.flow["id"], "sessionId": graph.turn.session_id}
        graph.execution = call.store.create("execution", row)
    else:
        graph.execution = call.store.change("execution", graph.execution["id"], columns)
    return graph.execution


def _finish(call: Call, graph: Graph, state: str, action: Record | None) -> Record:
    """Store the execution and the messages. Returns the answer."""
    turn = graph.turn
    execution = _store_execution(call, graph, state)
    if action is not None:
        call.store.note("execution", execution, stoppedDate=call.store.now())
    answer = text(graph.executed[-1]["data"]["output"].get("content")) if graph.executed else ""
    if not graph.executed and turn.reply is not None:
        answer = text(turn.reply.text)
    prompts, columns = follow_up_prompts(turn)
    columns |= reply_parts(turn, *EXTRA_PARTS)
    question = text(turn.body.get("question")) or form_text(turn.body.get("form"))
    feedback = text(jsontext.mapping(turn.body.get("humanInput")).get("feedback"))
    rows = store_messages(
        call, turn, question or feedback or " ", answer or " ", memory=None, action=action, **columns
    )
    for row in rows:
        call.store.note("chatmessage", row, executionId=execution["id"])
    answered = call.behaviour.pending_actions is PendingActions.ANSWERED
    return {
        "text": answer or " ",
        **echoed_question(turn, turn.body.get("question")),
        **({"form": turn.body["form"]} if "form" in turn.body else {}),
        "chatId": turn.chat_id,
        "chatMessageId": rows[1]["id"],
        **prompts,
        "executionId": execution["id"],
        "agentFlowExecutedData": [_without_credential(each) for each in graph.executed],
        **({"action": action} if action is not None and answered else {}),
        **session_id(turn),
    }
