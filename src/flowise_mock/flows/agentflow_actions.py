"""The nodes of agentflows that act outside of the flow: functions, requests, tools, other flows, loops.

Nothing is called: such a node shows what it would send, and its content is that of the node before it.
"""

from __future__ import annotations

import re
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.flows import functions
from flowise_mock.flows.agentflow_texts import entries, fill_template
from flowise_mock.flows.behaviour import LoopEnd
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import Graph, NodeResult
from flowise_mock.flows.scripted import generate_text
from flowise_mock.flows.turn import text
from flowise_mock.knowledge import ranking
from flowise_mock.knowledge.chunking import positive
from flowise_mock.state.outcomes import InvalidChoice
from flowise_mock.state.table import Record

LOOPS = 5
"""How often a loop goes back, unless its node says so."""


def pass_through(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """A node of an unknown kind."""
    return _with_content(call, graph, {}, last)


def custom_function(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    if node.from_editor and not isinstance(node.inputs.get("customFunctionInputVariables"), list):
        call.report(InvalidChoice("functionInputVariables", ""))
    variables = _filled(graph, node.inputs.get("customFunctionInputVariables"))
    code = text(node.inputs.get("customFunctionJavascriptFunction"))
    given = {"inputVariables": variables, "code": code}
    known = {text(each.get("variableName")): each.get("variableValue") for each in variables}
    returned = functions.run(code, {**_variables(call, graph), **known})
    if returned is None:
        return _with_content(call, graph, given, last)
    if returned.value is functions.UNDEFINED:
        return NodeResult(given, {})
    value = returned.value
    content = jsontext.indented(value) if isinstance(value, dict | list) else value
    return NodeResult(given, {"content": content}, [("token", text(content))] if last else [])


def _variables(call: Call, graph: Graph) -> Record:
    """The variables that every function has."""
    turn = graph.turn
    flow = {
        "chatflowId": turn.flow["id"],
        "sessionId": turn.session_id,
        "chatId": turn.chat_id,
        "input": turn.question,
        "state": graph.state,
    }
    stored = {str(row.get("name")): row.get("value") for row in call.store.select("variable")}
    return {"input": turn.question, "flow": flow, "vars": stored}


def http_request(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    names = ("method", "url", "headers", "queryParams", "bodyType", "body", "responseType")
    request = {
        name: fill_template(graph, value) if isinstance(value := node.inputs[name], str) else value
        for name in names
        if node.inputs.get(name) not in (None, "")
    }
    response: Record = {"data": {}, "status": 200, "statusText": "OK", "headers": {}}
    return NodeResult({"http": request}, {"http": response})


def tool(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    arguments = _filled(graph, node.inputs.get("toolInputArgs"))
    selected = text(node.inputs.get("toolAgentflowSelectedTool"))
    return _with_content(call, graph, {"toolInputArgs": arguments, "selectedTool": selected}, last)


def execute_flow(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    sent = {"role": "user", "content": fill_template(graph, node.inputs.get("executeFlowInput"))}
    content = generate_text(call, graph.turn, sent["content"])
    role = "assistant" if node.inputs.get("executeFlowReturnResponseAs") == "assistantMessage" else "user"
    answered = {"role": role, "content": content, "name": node.label.lower().replace(" ", "_")}
    return NodeResult(
        {"messages": [sent]},
        {"content": content},
        [("token", content)] if last else [],
        [sent, answered],
    )


def condition_agent(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """The scenario that shares most words with the input is taken, as no model decides."""
    sent = fill_template(graph, node.inputs.get("conditionAgentInput")) or graph.turn.question
    scenarios = [text(each.get("scenario")) for each in entries(node.inputs.get("conditionAgentScenarios"))]
    words = ranking.words(sent)
    shared = [len(words & ranking.words(each)) for each in scenarios]
    branch = shared.index(max(shared)) if shared else 0
    conditions = [{"output": each, "isFulfilled": n == branch} for n, each in enumerate(scenarios)]
    messages = [{"role": "user", "content": sent}]
    return NodeResult({"messages": messages}, {"conditions": conditions}, branch=branch)


def iteration(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """The nodes within an iteration do not run."""
    filled = fill_template(graph, node.inputs.get("iterationInput"))
    return NodeResult({"iterationInput": jsontext.sequence(filled) or filled}, {})


def loop(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """Go back to a node, until that was done often enough."""
    chosen = text(node.inputs.get("loopBackToNode"))
    target = next((id for id in graph.nodes if chosen == id or chosen.startswith(f"{id}-")), "")
    most = positive(node.inputs.get("maxLoopCount"), LOOPS)
    label = graph.nodes[target].label if target else chosen
    about = {"nodeID": target, "maxLoopCount": most}
    output = {"content": f"Loop back to {label} ({target})", **about}
    done = sum(each["nodeId"] == node.id for each in graph.executed) + 1
    if done < most:
        return NodeResult(about, output, goes_to=target)
    ended = text(node.inputs.get("fallbackMessage"))
    ended = ended or f"Loop completed after reaching maximum iteration count of {most}."
    return NodeResult(about, output, ended=ended if call.behaviour.loop_end is LoopEnd.MESSAGE else None)


def _with_content(call: Call, graph: Graph, given: Record, last: bool) -> NodeResult:
    """A result whose content is that of the node before, or that of the model."""
    previous = graph.executed[-1]["data"]["output"].get("content") if graph.executed else None
    content = text(previous) or generate_text(call, graph.turn, graph.turn.question)
    return NodeResult(given, {"content": content}, [("token", content)] if last else [])


def _filled(graph: Graph, value: Any) -> list[Record]:
    """The entries of an input, with the variables in their texts filled in."""
    return [
        {
            key: fill_template(graph, each) if isinstance(each, str) and re.search(r"Value$", key) else each
            for key, each in entry.items()
        }
        for entry in entries(value)
    ]
