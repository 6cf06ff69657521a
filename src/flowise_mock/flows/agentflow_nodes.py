"""The nodes of agentflows. Each returns its input, its output and the branch to take."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flowise_mock.contract import jsontext
from flowise_mock.flows import agentflow_actions
from flowise_mock.flows.agentflow_texts import entries, fill_template, form_text
from flowise_mock.flows.behaviour import Forms, HumanInput, ModelMetadata
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import Graph, NodeResult
from flowise_mock.flows.models import joined
from flowise_mock.flows.scripted import generate_text, generate_tokens
from flowise_mock.flows.turn import Event, text
from flowise_mock.state.outcomes import FailedFunction, MissingHistory, ModelFailure, WrongType
from flowise_mock.state.table import Record

if TYPE_CHECKING:
    from flowise_mock.flows.graph import Graph


def _start(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    for entry in entries(node.inputs.get("startState")):
        graph.state[text(entry.get("key"))] = text(entry.get("value"))
    if node.inputs.get("startInputType") == "formInput":
        names = {"formTitle": "title", "formDescription": "description", "formInputTypes": "inputs"}
        given = {"formDescription": "", **node.inputs}
        form = {name: given[key] for key, name in names.items() if key in given}
        filled = form_text(graph.form) or graph.turn.question
        empty = call.behaviour.forms is Forms.ANY and graph.turn.body.get("form") not in (None, "", 0)
        return NodeResult({"form": form}, {"form": filled} if filled or empty else {})
    if graph.turn.webhook is not None:
        return _webhook_start(graph, node, graph.turn.webhook)
    sent = graph.turn.body.get("question")
    value: Any = graph.turn.question or form_text(graph.turn.body.get("form"))
    if isinstance(sent, (list, dict)) or (isinstance(sent, (int, float)) and sent):
        value = sent  # as it was sent: JavaScript takes any of these for a question
    question = {"question": value} if value or value is sent else {}
    return NodeResult(question, {**question, **_memory(call, graph, node)})


def _memory(call: Call, graph: Graph, node: Node) -> Record:
    """Forget the conversation, or take the state of the run before, if the node says so."""
    shown: Record = {}
    if node.inputs.get("startEphemeralMemory") is True:
        graph.turn.history = ()
        shown["ephemeralMemory"] = True
    if node.inputs.get("startPersistState") is True:
        shown["persistState"] = True
        rows = call.store.select(
            "execution", chatflowid=graph.turn.flow["id"], sessionId=graph.turn.session_id
        )
        last = max(rows, key=lambda row: str(row["createdDate"]), default=None)
        executed = jsontext.sequence(last["executionData"]) if last else []
        graph.state |= jsontext.mapping(executed[-1].get("data")).get("state") or {} if executed else {}
    return shown


def _webhook_start(graph: Graph, node: Node, payload: Record) -> NodeResult:
    """The question is a text of the node, in which the payload can be named."""
    mode = node.inputs.get("webhookInputMode") or "text"
    data: Record = {"webhook": payload}
    if mode != "payload":
        default = "" if mode == "none" else fill_template(graph, node.inputs.get("webhookDefaultInput"))
        graph.turn.question = default or " "
        graph.turn.body = {**graph.turn.body, "question": graph.turn.question}
        data["question"] = graph.turn.question
    return NodeResult(data, dict(data))


def _condition(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    conditions = [
        {
            key: fill_template(graph, value) if key in ("value1", "value2") else value
            for key, value in entry.items()
        }
        for entry in entries(node.inputs.get("conditions"))
    ]
    branch = next((number for number, each in enumerate(conditions) if _holds(each)), len(conditions))
    fulfilled = [{**each, "isFulfilled": True} if n == branch else each for n, each in enumerate(conditions)]
    otherwise: Record = {"type": "string", "value1": "", "operation": "equal", "value2": ""}
    otherwise["isFulfilled"] = branch == len(conditions)
    given = {"conditions": {str(number): each for number, each in enumerate(conditions)}}
    return NodeResult(given, {"conditions": [*fulfilled, otherwise]}, branch=branch)


def _holds(condition: Record) -> bool:
    """Whether a condition is fulfilled. Raises FailedFunction if its operation is not known."""
    one, other = text(condition.get("value1")), text(condition.get("value2"))
    operation = text(condition.get("operation"))
    if condition.get("type") == "number" and operation in _OF_NUMBERS:
        try:
            return _OF_NUMBERS[operation](float(one or 0), float(other or 0))
        except ValueError:
            return operation == "notEqual"
    if operation not in _OF_TEXTS:
        raise FailedFunction("compareOperationFunctions[operation] is not a function")
    return _OF_TEXTS[operation](one, other)


_OF_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "equal": operator.eq,
    "notEqual": operator.ne,
    "larger": operator.gt,
    "largerEqual": operator.ge,
    "smaller": operator.lt,
    "smallerEqual": operator.le,
}
_OF_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda one, other: other in one,
    "notContains": lambda one, other: other not in one,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "equal": operator.eq,
    "notEqual": operator.ne,
    "isEmpty": lambda one, other: not one,
    "notEmpty": lambda one, other: bool(one),
    "regex": lambda one, other: False,  # an expression of a client could take any time
}


def _human_input(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    if graph.decision is not None:
        decision, graph.decision = graph.decision, None
        return _apply_decision(call, graph, node, decision)
    messages = [*graph.turn.history, *graph.history]
    given = {
        "messages": messages,
        "humanInputEnableFeedback": bool(node.inputs.get("humanInputEnableFeedback")),
    }
    description = fill_template(graph, node.inputs.get("humanInputDescription"))
    if node.inputs.get("humanInputDescriptionType") == "dynamic":
        description = generate_text(call, graph.turn, graph.turn.question)
    elif not messages:
        call.report(MissingHistory())
    content = f"{text(messages[-1]['content']) if messages else ''}\n\n{description}"
    action = decision_request(call, node, given)
    return NodeResult(
        given,
        {"content": content, "humanInputAction": action},
        [("token", content)],
        [{"role": "assistant", "content": content}],
        stopped=True,
    )


def decision_request(call: Call, node: Node, given: Record) -> Record:
    """The decision that a node requests from a human; `given` is the input of the node."""
    return {
        "id": call.store.new_id(),
        "mapping": {"approve": "Proceed", "reject": "Reject"},
        "elements": [
            {"type": "agentflowv2-approve-button", "label": "Proceed"},
            {"type": "agentflowv2-reject-button", "label": "Reject"},
        ],
        "data": {"nodeId": node.id, "nodeLabel": node.label, "input": given},
    }


def reports_decision_once(call: Call) -> bool:
    """Whether this version reports a decision and its request in one place only (3.0.5)."""
    return call.behaviour.human_input is HumanInput.ONCE


def _apply_decision(call: Call, graph: Graph, node: Node, decision: Record) -> NodeResult:
    feedback = text(decision.get("feedback"))
    content = {"content": sent} if (sent := feedback or text(decision.get("type"))) else {}
    given = {**decision, "messages": [*graph.turn.history, {"role": "user", **content}]}
    details = {"startNodeId": decision["startNodeId"]}
    if feedback and node.inputs.get("humanInputEnableFeedback"):
        details["feedback"] = feedback
    proceeds = decision.get("type") == "proceed"
    rejects = not proceeds and (not reports_decision_once(call) or decision.get("type") == "reject")
    conditions = [
        {"type": "proceed", **details, "isFulfilled": proceeds},
        {"type": "reject", **details, "isFulfilled": rejects},
    ]
    history = [{"role": "user", "content": feedback}] if feedback else []
    output: Record = {"conditions": conditions}
    if not reports_decision_once(call):
        output = {**content, **output}
    branch = [proceeds, rejects, True].index(True)  # the last one leads nowhere
    return NodeResult(given, output, history=history, branch=branch)


def _llm(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """A model, or an agent, whose inputs have the same names with another prefix."""
    inputs = _of_model(node)
    first = not graph.history
    question = form_text(graph.form) or graph.turn.question
    if node.name == AGENT:
        if node.from_editor and "agentTools" not in node.inputs:
            call.report(WrongType("agentTools"))
    elif question and not isinstance(inputs.get("Messages", [] if node.from_editor else ""), list):
        # a flow that the editor did not write has a text here, on which a real server fails
        call.report(WrongType("llmMessages"))
    messages = [
        {"role": text(each.get("role")), "content": fill_template(graph, each.get("content"))}
        for each in entries(inputs.get("Messages"))
    ]
    own = [each for each in messages if each["role"] == "user"]
    added = [{"role": "user", "content": question}] if first and question and not own else []
    if inputs.get("EnableMemory") is True:
        messages += [{"role": each["role"], "content": each["content"]} for each in graph.turn.history]
        messages += graph.history
        user_message = fill_template(graph, inputs.get("UserMessage"))
        added += [{"role": "user", "content": user_message}] if user_message else []
    messages += added
    prompt = next((each["content"] for each in reversed(messages) if each["role"] == "user"), "")
    try:
        tokens = generate_tokens(call, graph.turn, prompt)
    except ModelFailure as failure:
        raise type(failure)(f"Error in LLM node: {failure.reason}") from None
    content = joined(tokens)
    usage = _usage(call, node, messages, tokens)
    role = "assistant" if inputs.get("ReturnResponseAs") == "assistantMessage" else "user"
    sent = graph.turn.body.get("question")
    has_input = graph.form or (isinstance(sent, str) and sent)
    questions = (own or added[:1]) if has_input else []
    history = [
        *(questions if first else []),
        {"role": role, "content": content, "name": node.label.lower().replace(" ", "_")},
    ]
    events: list[Event] = []
    if last:
        events = [("token", token) for token in ["", *tokens, "", ""]]
        events += [("calledTools", []), ("usageMetadata", usage)]
    for entry in entries(inputs.get("UpdateState")):
        graph.state[text(entry.get("key"))] = fill_template(graph, entry.get("value"))
    given = {"messages": messages}
    shown = {key: value for key, value in node.inputs.items() if key not in ("llmMessages", "agentMessages")}
    given |= {key: _fill_if_text(graph, value) for key, value in shown.items()}
    moment = int(call.store.clock().timestamp() * 1000)
    output = {
        "content": content,
        "timeMetadata": {"start": moment, "end": moment, "delta": 0},
        "calledTools": [],
        "usageMetadata": usage,
        **_response_metadata(call, node, usage, last),
    }
    return NodeResult(given, output, events, history)


AGENT = "agentAgentflow"


def _of_model(node: Node) -> Record:
    """The inputs of a node of a model, without the prefix of their names."""
    prefix = "agent" if node.name == AGENT else "llm"
    return {key.removeprefix(prefix): value for key, value in node.inputs.items() if key.startswith(prefix)}


def _usage(call: Call, node: Node, messages: list[Record], tokens: Sequence[str]) -> Record:
    """Counts of words, in the form of a model's counts of tokens."""
    sent = sum(len(text(each["content"]).split()) for each in messages)
    counts: Record = {
        "input_tokens": sent, "output_tokens": len(tokens), "total_tokens": sent + len(tokens),
    }  # fmt: skip
    called = {"tool_call_tokens": 0} if node.name == AGENT else {}
    if call.behaviour.model_metadata is not ModelMetadata.FULL:
        return {**counts, **called}
    return {**counts, "input_token_details": {}, "output_token_details": {}, **called}


_COSTS = ("input_cost", "output_cost", "total_cost", "base_input_cost", "base_output_cost")


def _response_metadata(call: Call, node: Node, usage: Record, last: bool) -> Record:
    """The metadata that a model returns with its answer. All costs are 0. Agents always show the response."""
    if call.behaviour.model_metadata is ModelMetadata.COUNTS and node.name != AGENT:
        return {}
    name = jsontext.mapping(_of_model(node).get("ModelConfig")).get("modelName") or "none"
    used = {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    result = {"finish_reason": "stop", "model_name": name}
    response: Record = {"prompt": 0, "completion": 0, "model_provider": "none", "usage": used, **result}
    if not last:
        estimated = {
            "promptTokens": usage["input_tokens"],
            "completionTokens": usage["output_tokens"],
            "totalTokens": usage["total_tokens"],
        }
        response = {
            "estimatedTokenUsage": estimated, "prompt": 0, "completion": 0, **result,
            "model_provider": "none", "usage": used,
        }  # fmt: skip
    if call.behaviour.model_metadata is not ModelMetadata.FULL:
        del response["model_provider"]
        return {"responseMetadata": response}
    return {"usageMetadata": {**usage, **dict.fromkeys(_COSTS, 0)}, "responseMetadata": response}


def _fill_if_text(graph: Graph, value: Any) -> Any:
    """A value with the variables in all its texts filled in."""
    if isinstance(value, list):
        return [_fill_if_text(graph, each) for each in value]
    if isinstance(value, dict):
        return {key: _fill_if_text(graph, each) for key, each in value.items()}
    return fill_template(graph, value) if isinstance(value, str) else value


def _direct_reply(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    content = fill_template(graph, node.inputs.get("directReplyMessage"))
    return NodeResult({}, {"content": content}, [("token", content)] if last else [])


NODES: dict[str, Callable[[Call, Graph, Node, bool], NodeResult]] = {
    "startAgentflow": _start,
    "conditionAgentflow": _condition,
    "humanInputAgentflow": _human_input,
    "llmAgentflow": _llm,
    "agentAgentflow": _llm,
    "directReplyAgentflow": _direct_reply,
    "customFunctionAgentflow": agentflow_actions.custom_function,
    "httpAgentflow": agentflow_actions.http_request,
    "toolAgentflow": agentflow_actions.tool,
    "executeFlowAgentflow": agentflow_actions.execute_flow,
    "conditionAgentAgentflow": agentflow_actions.condition_agent,
    "iterationAgentflow": agentflow_actions.iteration,
    "loopAgentflow": agentflow_actions.loop,
    "": agentflow_actions.pass_through,
}
