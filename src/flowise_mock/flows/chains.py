"""Chains and agents of chatflows: one call of a model, with the documents and tools of the flow.

Chat chains, retrieval chains and flows that cannot stream are as observed on real servers. Tools, assistants
and multi-agents follow the source, and were not observed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows import flow_data, functions
from flowise_mock.flows.behaviour import FunctionResults, RetrievalStart
from flowise_mock.flows.call import Call
from flowise_mock.flows.flow_data import Node
from flowise_mock.flows.models import joined
from flowise_mock.flows.scripted import (
    follow_up_prompts,
    generate_text,
    generate_tokens,
    reply_parts,
    scripted_action,
)
from flowise_mock.flows.turn import Event, Run, Turn, echoed_question, session_id, store_messages, text
from flowise_mock.knowledge import ranking
from flowise_mock.state.outcomes import EmptyField, FailedFunction, MissingMemory
from flowise_mock.state.table import Record

RETRIEVAL = "conversationalRetrievalQAChain"
LIST_PARSERS = ("csvOutputParser", "customListOutputParser")

EXTRA_PARTS = ("sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "action")
"""The parts of an answer besides its text, in Flowise's order."""


def run_chain(call: Call, turn: Turn) -> Run:
    """A chat chain, a retrieval chain or an agent: start, tokens, the documents, the tools."""
    if turn.memory is None and "conversationChain" in flow_data.names(turn.flow):
        call.report(MissingMemory())
    if "question" not in turn.body and RETRIEVAL in flow_data.names(turn.flow):
        call.report(EmptyField("question"))
    sources = reply_parts(turn, "sourceDocuments").get("sourceDocuments", turn.sources)
    tools = _tools(turn)
    tokens = generate_tokens(call, turn, _prompt(turn))
    starts_empty = sources is None or not tokens or call.behaviour.retrieval_start is RetrievalStart.EMPTY
    yield "start", "" if starts_empty else tokens[0]
    yield from _token_events(turn, tokens)
    found: Record = {} if sources is None else {"sourceDocuments": sources}
    if tools:
        found["usedTools"] = tools
    extra = _extra_parts(call, turn, found)
    yield from extra.items()
    return _finish(call, turn, {**_content(turn, joined(tokens)), **extra}, extra)


def _token_events(turn: Turn, tokens: Sequence[str]) -> Iterable[Event]:
    """The events of tokens; none if nobody hears them."""
    return () if turn.unheard else (("token", token) for token in tokens)


def run_parser(call: Call, turn: Turn) -> Run:
    """A flow with an output parser: the answer as JSON, never streamed."""
    tokens = generate_tokens(call, turn, turn.question)
    extra = _extra_parts(call, turn, {})
    yield from _token_events(turn, tokens)  # they are not sent, but their pauses count
    answer = _content(turn, joined(tokens))
    parsed = answer.get("json", _parsed(turn, text(answer.get("text"))))
    return _finish(call, turn, {"json": parsed, **extra}, extra)


def run_function(call: Call, turn: Turn, node: Node) -> Run:
    """A flow that ends in a function: what it returns, or the answer of the model if it would have to run."""
    tokens = generate_tokens(call, turn, _prompt(turn))
    yield from _token_events(turn, tokens)  # they are not sent, but their pauses count
    answer = _content(turn, joined(tokens))
    returned = None if turn.reply is not None else _returned(call, turn, node)
    if returned is None:
        return _finish(call, turn, answer, {})
    value = returned.value
    if call.behaviour.function_results is FunctionResults.TEXTS:
        value = jsontext.indented(value) if value is None or isinstance(value, (dict, list)) else value
    elif isinstance(value, str) and value.startswith(("{", "[")):
        value = jsontext.mapping(value) or jsontext.sequence(value) or value
    _check_value(value)
    if isinstance(value, dict):
        return _finish(call, turn, value, {}, jsontext.indented(value))
    if isinstance(value, list):  # as in JavaScript, a list has no further fields in JSON
        _finish(call, turn, {}, {}, jsontext.indented(value))
        return value  # type: ignore[return-value]
    content = value if isinstance(value, str) else jsontext.indented(value)
    return _finish(call, turn, {"text": content}, {})


def _returned(call: Call, turn: Turn, node: Node) -> functions.Returned | None:
    """What the function of a node returns, with the variables that it knows."""
    given = jsontext.mapping(node.inputs.get("functionInputVariables"))
    flow = {"chatId": turn.chat_id, "chatflowId": turn.flow["id"], "input": turn.question}
    stored = {str(row.get("name")): row.get("value") for row in call.store.select("variable")}
    variables = {**given, "input": turn.question, "flow": flow, "vars": stored}
    code = node.inputs.get("javascriptFunction")
    return None if code is None else functions.run(text(code), variables)


def _check_value(value: Any) -> None:
    """Refuse what a flow cannot answer: Flowise adds its own fields to what a function returns."""
    if value is functions.UNDEFINED:
        raise FailedFunction("Cannot read properties of undefined (reading 'text')")
    if value is None:
        raise FailedFunction("Cannot read properties of null (reading 'assistant')")
    if isinstance(value, (bool, int, float)):
        kind = "boolean" if isinstance(value, bool) else "number"
        raise FailedFunction(f"Cannot create property 'question' on {kind} '{v8.text(value)}'")


def _parsed(turn: Turn, answer: str) -> Any:
    """The answer as a parser of lists, or of objects, reads it."""
    if not flow_data.names(turn.flow).isdisjoint(LIST_PARSERS):
        return [v8.trim(each) for each in answer.split(",")]
    return {"output": answer}


def run_agents(call: Call, turn: Turn) -> Run:
    """A multi-agent or sequential flow: each agent's reasoning, then the whole text at once."""
    answer = generate_text(call, turn, turn.question)
    reasoning = reply_parts(turn, "agentReasoning").get("agentReasoning", _reasoning(turn, answer))
    extra = _extra_parts(call, turn, {})
    decision = {name: extra[name] for name in ("action",) if name in extra}
    yield "start", reasoning[:1]
    for count in range(1, len(reasoning) + 1):
        yield "agentReasoning", reasoning[:count]
        if count < len(reasoning):
            yield "nextAgent", reasoning[count]["agentName"]
    yield "token", answer
    yield from decision.items()
    for name in ("usedTools", "sourceDocuments", "artifacts"):
        yield name, extra.get(name, [])
    prompts, columns = follow_up_prompts(turn)
    _, message = store_messages(
        call,
        turn,
        text(turn.body.get("question")),
        answer,
        memory=turn.memory or "",
        agentReasoning=reasoning or None,
        **extra,
        **columns,
    )
    result: Record = {"text": answer, **echoed_question(turn, turn.body.get("question"))}
    result |= {"chatId": turn.chat_id, "chatMessageId": message["id"], **session_id(turn)}
    result |= {"memoryType": turn.memory} if turn.memory else {}
    result |= {"agentReasoning": reasoning} if reasoning else {}
    return result | decision | reply_parts(turn, "flowVariables") | prompts


def _reasoning(turn: Turn, answer: str) -> list[Record]:
    """The reasoning of each agent of a flow, which is the answer."""
    return [
        {"agentName": node.label, "messages": [answer], "nodeName": node.name, "nodeId": node.id}
        for node in flow_data.nodes(turn.flow)
        if node.category in ("Multi Agents", "Sequential Agents")
    ]


def _content(turn: Turn, answer: str) -> Record:
    """The answer as text, or the structured output of the script instead."""
    structured = None if turn.reply is None else turn.reply.json
    return {"text": answer} if structured is None else {"json": structured}


def _extra_parts(call: Call, turn: Turn, found: Record) -> Record:
    """The parts of the answer besides its text. Those of the script override those in `found`."""
    parts = found if turn.reply is None else found | reply_parts(turn, *EXTRA_PARTS)
    if not parts:
        return {}
    if "action" in parts:
        parts["action"] = scripted_action(call, turn, {})
    return {name: parts[name] for name in EXTRA_PARTS if name in parts}


def _finish(call: Call, turn: Turn, result: Record, extra: Record, content: str = "") -> Record:
    """Store the messages. Returns the answer."""
    if not content:
        content = result["text"] if "text" in result else f"```json\n{jsontext.indented(result['json'])}"
    prompts, columns = follow_up_prompts(turn)
    question = text(turn.body.get("question"))
    _, message = store_messages(call, turn, question, content, memory=turn.memory or "", **extra, **columns)
    return {
        **result,
        **echoed_question(turn, turn.body.get("question")),
        "chatId": turn.chat_id,
        "chatMessageId": message["id"],
        **prompts,
        "isStreamValid": False,
        **session_id(turn),
        **({"memoryType": turn.memory} if turn.memory else {}),
        **reply_parts(turn, "flowVariables"),
    }


def _prompt(turn: Turn) -> str:
    """The prompt of the model: the question, in the flow's prompt template if it has one."""
    template = _template(turn.flow)
    return turn.question if template is None else re.sub(r"\{\w+\}", lambda _: turn.question, template)


@flow_data.kept
def _template(flow: Record) -> str | None:
    found = (node.inputs.get("template") for node in flow_data.nodes(flow) if node.name == "promptTemplate")
    return next((template for template in found if isinstance(template, str)), None)


@flow_data.kept
def _tool_nodes(flow: Record) -> Sequence[Node]:
    return tuple(node for node in flow_data.nodes(flow) if node.category.startswith("Tools"))


def _tools(turn: Turn) -> list[Record]:
    """The tools that an agent uses: those that the question names, because no model chooses them."""
    tools = _tool_nodes(turn.flow)
    words = ranking.words(turn.question) if tools else frozenset()
    return [
        {"tool": node.name, "toolInput": {"input": turn.question}, "toolOutput": f"{node.label} ran."}
        for node in tools
        if ranking.words(f"{node.name} {node.label}") & words
    ]
