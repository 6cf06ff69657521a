"""The nodes of agentflows: what each is given, what it says, which way it goes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flowise_mock.contract import jsontext
from flowise_mock.flows.behaviour import Forms, HumanInput, ModelMetadata
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.graph import Graph, NodeResult
from flowise_mock.flows.scripted import say
from flowise_mock.flows.turn import Event, text
from flowise_mock.state.outcomes import ModelFailure, WrongType
from flowise_mock.state.table import Record

if TYPE_CHECKING:
    from flowise_mock.flows.graph import Graph


def _start(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    for entry in _entries(node.inputs.get("startState")):
        graph.state[text(entry.get("key"))] = text(entry.get("value"))
    if node.inputs.get("startInputType") == "formInput":
        form = {
            "title": node.inputs.get("formTitle", ""),
            "description": node.inputs.get("formDescription", ""),
            "inputs": jsontext.sequence(node.inputs.get("formInputTypes")),
        }
        filled = form_text(graph.form) or graph.turn.question
        empty = call.behaviour.forms is Forms.ANY and graph.turn.body.get("form") not in (None, "", 0)
        return NodeResult({"form": form}, {"form": filled} if filled or empty else {})
    asked = {"question": graph.turn.question} if graph.turn.question else {}
    return NodeResult(asked, dict(asked))


def _condition(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    conditions = [
        {
            key: resolved(graph, value) if key in ("value1", "value2") else value
            for key, value in entry.items()
        }
        for entry in _entries(node.inputs.get("conditions"))
    ]
    way = next((number for number, each in enumerate(conditions) if _holds(each)), len(conditions))
    fulfilled = [{**each, "isFulfilled": True} if n == way else each for n, each in enumerate(conditions)]
    otherwise: Record = {"type": "string", "value1": "", "operation": "equal", "value2": ""}
    otherwise["isFulfilled"] = way == len(conditions)
    given = {"conditions": {str(number): each for number, each in enumerate(conditions)}}
    return NodeResult(given, {"conditions": [*fulfilled, otherwise]}, way=way)


def _holds(condition: Record) -> bool:
    one, other = text(condition.get("value1")), text(condition.get("value2"))
    operation = text(condition.get("operation"))
    if condition.get("type") == "number" and operation.startswith(("larger", "smaller")):
        try:
            first, second = float(one or 0), float(other or 0)
        except ValueError:
            return False
        return (first > second if operation.startswith("larger") else first < second) or (
            operation.endswith("Equal") and first == second
        )
    tests: dict[str, Callable[[], bool]] = {
        "contains": lambda: other in one,
        "notContains": lambda: other not in one,
        "startsWith": lambda: one.startswith(other),
        "endsWith": lambda: one.endswith(other),
        "equal": lambda: one == other,
        "notEqual": lambda: one != other,
        "isEmpty": lambda: not one,
        "notEmpty": lambda: bool(one),
    }
    return tests.get(operation, lambda: False)()


def _human_input(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    if graph.human is not None:
        human, graph.human = graph.human, None
        return _decided(call, graph, node, human)
    messages = [*graph.turn.said, *graph.history]
    given = {
        "messages": messages,
        "humanInputEnableFeedback": bool(node.inputs.get("humanInputEnableFeedback")),
    }
    description = resolved(graph, node.inputs.get("humanInputDescription"))
    if node.inputs.get("humanInputDescriptionType") == "dynamic":
        description = "".join(say(call, graph.turn, graph.turn.question))
    elif not messages and is_brief(call):
        call.report(WrongType("messages"))
    content = f"{text(messages[-1]['content']) if messages else ''}\n\n{description}"
    action = decision(call, node, given)
    return NodeResult(
        given,
        {"content": content, "humanInputAction": action},
        [("token", content)],
        [{"role": "assistant", "content": content}],
        stopped=True,
    )


def decision(call: Call, node: Node, given: Record) -> Record:
    """What a human is asked to decide at a node that was `given` this."""
    return {
        "id": call.store.new_id(),
        "mapping": {"approve": "Proceed", "reject": "Reject"},
        "elements": [
            {"type": "agentflowv2-approve-button", "label": "Proceed"},
            {"type": "agentflowv2-reject-button", "label": "Reject"},
        ],
        "data": {"nodeId": node.id, "nodeLabel": node.label, "input": given},
    }


def is_brief(call: Call) -> bool:
    """Whether a version tells what a human decides, and is to decide, in one place alone."""
    return call.behaviour.human_input is HumanInput.ONCE


def _decided(call: Call, graph: Graph, node: Node, human: Record) -> NodeResult:
    feedback = text(human.get("feedback"))
    content = feedback or text(human.get("type"))
    given = {**human, "messages": [*graph.turn.said, {"role": "user", "content": content}]}
    told = {"startNodeId": human["startNodeId"]}
    if feedback and node.inputs.get("humanInputEnableFeedback"):
        told["feedback"] = feedback
    proceeds = human.get("type") == "proceed"
    conditions = [
        {"type": "proceed", **told, "isFulfilled": proceeds},
        {"type": "reject", **told, "isFulfilled": human.get("type") == "reject"},
    ]
    history = [{"role": "user", "content": feedback}] if feedback else []
    output: Record = {"conditions": conditions}
    if not is_brief(call):
        output = {"content": content, **output}
    return NodeResult(given, output, history=history, way=0 if proceeds else 1)


def _llm(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    first = not graph.history
    question = form_text(graph.form) or graph.turn.question
    if question and not isinstance(node.inputs.get("llmMessages", [] if node.drawn else ""), list):
        # a flow that the canvas did not write leaves a text here, on which a real server fails
        call.report(WrongType("llmMessages"))
    messages = [
        {"role": text(each.get("role")), "content": resolved(graph, each.get("content"))}
        for each in _entries(node.inputs.get("llmMessages"))
    ]
    spoken = [each for each in messages if each["role"] == "user"]
    mine = [{"role": "user", "content": question}] if first and question and not spoken else []
    if node.inputs.get("llmEnableMemory") is True:
        messages += [{"role": each["role"], "content": each["content"]} for each in graph.turn.said]
        messages += graph.history
        wanted = resolved(graph, node.inputs.get("llmUserMessage"))
        mine += [{"role": "user", "content": wanted}] if wanted else []
    messages += mine
    asked = next((each["content"] for each in reversed(messages) if each["role"] == "user"), "")
    try:
        tokens = say(call, graph.turn, asked)
    except ModelFailure as failure:
        raise type(failure)(f"Error in LLM node: {failure.reason}") from None
    content = "".join(tokens)
    usage = _usage(call, messages, tokens)
    role = "assistant" if node.inputs.get("llmReturnResponseAs") == "assistantMessage" else "user"
    sent = graph.turn.body.get("question")
    told = graph.form or (isinstance(sent, str) and sent)
    heard = (spoken or mine[:1]) if told else []
    history = [
        *(heard if first else []),
        {"role": role, "content": content, "name": node.label.lower().replace(" ", "_")},
    ]
    events: list[Event] = []
    if last:
        events = [("token", token) for token in ["", *tokens, "", ""]]
        events += [("calledTools", []), ("usageMetadata", usage)]
    for entry in _entries(node.inputs.get("llmUpdateState")):
        graph.state[text(entry.get("key"))] = resolved(graph, entry.get("value"))
    given = {"messages": messages}
    given |= {key: _shown(graph, value) for key, value in node.inputs.items() if key != "llmMessages"}
    moment = int(call.store.clock().timestamp() * 1000)
    output = {
        "content": content,
        "timeMetadata": {"start": moment, "end": moment, "delta": 0},
        "calledTools": [],
        "usageMetadata": usage,
        **_response(call, node, usage, last),
    }
    return NodeResult(given, output, events, history)


def _usage(call: Call, messages: list[Record], tokens: list[str]) -> Record:
    """Counts of words, in the form that a model tells its tokens."""
    sent = sum(len(text(each["content"]).split()) for each in messages)
    counts: Record = {
        "input_tokens": sent, "output_tokens": len(tokens), "total_tokens": sent + len(tokens),
    }  # fmt: skip
    if call.behaviour.model_metadata is ModelMetadata.COUNTS:
        return counts
    return {**counts, "input_token_details": {}, "output_token_details": {}}


_COSTS = ("input_cost", "output_cost", "total_cost", "base_input_cost", "base_output_cost")


def _response(call: Call, node: Node, usage: Record, last: bool) -> Record:
    """What a model tells of its own answer; nothing here costs anything."""
    if call.behaviour.model_metadata is ModelMetadata.COUNTS:
        return {}
    name = jsontext.mapping(node.inputs.get("llmModelConfig")).get("modelName") or "none"
    used = {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    told = {"finish_reason": "stop", "model_name": name}
    response: Record = {"prompt": 0, "completion": 0, "model_provider": "none", "usage": used, **told}
    if not last:
        estimated = {
            "promptTokens": usage["input_tokens"],
            "completionTokens": usage["output_tokens"],
            "totalTokens": usage["total_tokens"],
        }
        response = {
            "estimatedTokenUsage": estimated, "prompt": 0, "completion": 0, **told,
            "model_provider": "none", "usage": used,
        }  # fmt: skip
    return {"usageMetadata": {**usage, **dict.fromkeys(_COSTS, 0)}, "responseMetadata": response}


def _shown(graph: Graph, value: Any) -> Any:
    return resolved(graph, value) if isinstance(value, str) else value


def _direct_reply(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    content = resolved(graph, node.inputs.get("directReplyMessage"))
    return NodeResult({}, {"content": content}, [("token", content)] if last else [])


def _passed_over(call: Call, graph: Graph, node: Node, last: bool) -> NodeResult:
    """A node whose work needs a model, a tool or code: it says what came before it, unchanged."""
    before = graph.executed[-1]["data"]["output"].get("content") if graph.executed else None
    content = text(before) or "".join(say(call, graph.turn, graph.turn.question))
    return NodeResult({}, {"content": content}, [("token", content)] if last else [])


NODES: dict[str, Callable[[Call, Graph, Node, bool], NodeResult]] = {
    "startAgentflow": _start,
    "conditionAgentflow": _condition,
    "humanInputAgentflow": _human_input,
    "llmAgentflow": _llm,
    "agentAgentflow": _llm,
    "directReplyAgentflow": _direct_reply,
    "": _passed_over,
}


# --- texts -----------------------------------------------------------------------------------------


def form_text(form: Any) -> str:
    """A form as lines of `key: value`, as Flowise tells it to a model."""
    if not isinstance(form, dict):
        return ""
    return "\n".join(f"{key}: {_value(value)}" for key, value in form.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_value(each) for each in value)
    return value if isinstance(value, str) else jsontext.dumps(value)


def _entries(value: Any) -> list[Record]:
    return [each for each in jsontext.sequence(value) if isinstance(each, dict)]


_WORD = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def resolved(graph: Graph, value: Any) -> str:
    """A text of the editor as plain text, its `{{ words }}` filled in; unknown words stay as written."""
    plain = re.sub(r"</p>\s*<p>", "\n\n", text(value))
    plain = html.unescape(re.sub(r"<[^<>]*>", "", re.sub(r"<br\s*/?>", "\n", plain))).strip()
    return _WORD.sub(lambda word: _meaning(graph, str(word[1]), str(word[0])), plain)


def _meaning(graph: Graph, word: str, written: str) -> str:
    head, _, rest = word.partition(".")
    if head == "question":
        return graph.turn.question
    if head == "$form" and rest in graph.form:
        return _value(graph.form[rest])
    if head == "$flow":
        known: dict[str, str] = {
            "sessionId": graph.turn.session_id,
            "chatId": graph.turn.chat_id,
            "chatflowId": graph.turn.flow["id"],
        }
        known |= {f"state.{key}": text(value) for key, value in graph.state.items()}
        return known.get(rest, written)
    said = graph.output(head)
    return written if said is None else said
