"""Chains and agents of chatflows: a model asked once, with documents and tools where the flow has some.

Chat chains, retrieval chains and flows that cannot stream are as observed on real servers; tools,
assistants and multi-agents follow what is known of the source, and were not observed.
"""

from __future__ import annotations

import re

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.behaviour import RetrievalStart
from flowise_mock.flows.call import Call
from flowise_mock.flows.scripted import action, follow_ups, parts, say
from flowise_mock.flows.turn import Run, Turn, asked, session, text, write
from flowise_mock.knowledge import ranking, splitter
from flowise_mock.state.outcomes import MissingMemory
from flowise_mock.state.table import Record

SOURCES = 4
"""Documents that a retrieval chain shows."""

BESIDE = ("sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "action")
"""What a chain can show beside its text, in Flowise's order."""


def run_chain(call: Call, turn: Turn) -> Run:
    """A chat chain, a retrieval chain or an agent: start, tokens, the documents, the tools."""
    if turn.memory is None and any(node.name == "conversationChain" for node in flow_data.nodes(turn.flow)):
        call.report(MissingMemory())
    sources = parts(turn, "sourceDocuments").get("sourceDocuments", _sources(call, turn))
    tools = _tools(turn)
    tokens = say(call, turn, _prompt(turn))
    plain = sources is None or not tokens or call.behaviour.retrieval_start is RetrievalStart.EMPTY
    yield "start", "" if plain else tokens[0]
    for token in tokens:
        yield "token", token
    found = {"sourceDocuments": sources} if sources is not None else {}
    beside = _beside(call, turn, found | ({"usedTools": tools} if tools else {}))
    yield from beside.items()
    return _answered(call, turn, {**_said(turn, "".join(tokens)), **beside}, beside)


def run_parser(call: Call, turn: Turn) -> Run:
    """A flow with an output parser: the answer as JSON, never streamed."""
    tokens = say(call, turn, turn.question)
    beside = _beside(call, turn, {})
    yield from [("token", token) for token in tokens]  # heard by none, but they take their time
    answer = _said(turn, "".join(tokens))
    parsed = answer.get("json", {"output": answer.get("text")})
    return _answered(call, turn, {"json": parsed, **beside}, beside)


def run_agents(call: Call, turn: Turn) -> Run:
    """A multi-agent or sequential flow: each agent's reasoning, then the whole text at once."""
    answer = "".join(say(call, turn, turn.question))
    reasoning = parts(turn, "agentReasoning").get("agentReasoning", _reasoning(turn, answer))
    beside = _beside(call, turn, {})
    decision = {name: beside[name] for name in ("action",) if name in beside}
    yield "start", reasoning[:1]
    for count in range(1, len(reasoning) + 1):
        yield "agentReasoning", reasoning[:count]
        if count < len(reasoning):
            yield "nextAgent", reasoning[count]["agentName"]
    yield "token", answer
    yield from decision.items()
    for name in ("usedTools", "sourceDocuments", "artifacts"):
        yield name, beside.get(name, [])
    more, kept = follow_ups(turn)
    _, said = write(
        call,
        turn,
        text(turn.body.get("question")),
        answer,
        memory=turn.memory or "",
        agentReasoning=reasoning or None,
        **beside,
        **kept,
    )
    result: Record = {"text": answer, **asked(turn, turn.body.get("question"))}
    result |= {"chatId": turn.chat_id, "chatMessageId": said["id"], **session(turn)}
    result |= {"memoryType": turn.memory} if turn.memory else {}
    result |= {"agentReasoning": reasoning} if reasoning else {}
    return result | decision | parts(turn, "flowVariables") | more


def _reasoning(turn: Turn, answer: str) -> list[Record]:
    """What the agents of a flow are told to have thought: the answer, each of them."""
    return [
        {"agentName": node.label, "messages": [answer], "nodeName": node.name, "nodeId": node.id}
        for node in flow_data.nodes(turn.flow)
        if node.category in ("Multi Agents", "Sequential Agents")
    ]


def _said(turn: Turn, answer: str) -> Record:
    """The answer as text, or as the structured output that a script has in place of it."""
    structured = None if turn.reply is None else turn.reply.json
    return {"text": answer} if structured is None else {"json": structured}


def _beside(call: Call, turn: Turn, found: Record) -> Record:
    """What is shown beside the text: what was found, and what the script has in its place."""
    shown = found | parts(turn, *BESIDE)
    if "action" in shown:
        shown["action"] = action(call, turn, {})
    return {name: shown[name] for name in BESIDE if name in shown}


def _answered(call: Call, turn: Turn, result: Record, beside: Record) -> Record:
    content = result["text"] if "text" in result else f"```json\n{jsontext.indented(result['json'])}"
    more, kept = follow_ups(turn)
    question = text(turn.body.get("question"))
    _, said = write(call, turn, question, content, memory=turn.memory or "", **beside, **kept)
    return {
        **result,
        **asked(turn, turn.body.get("question")),
        "chatId": turn.chat_id,
        "chatMessageId": said["id"],
        **more,
        "isStreamValid": False,
        **session(turn),
        **({"memoryType": turn.memory} if turn.memory else {}),
        **parts(turn, "flowVariables"),
    }


def _prompt(turn: Turn) -> str:
    """What the model is asked: the question, in the flow's prompt template where it has one."""
    for node in flow_data.nodes(turn.flow):
        template = node.inputs.get("template")
        if node.name == "promptTemplate" and isinstance(template, str):
            return re.sub(r"\{\w+\}", lambda _: turn.question, template)
    return turn.question


def _tools(turn: Turn) -> list[Record]:
    """The tools that an agent uses. Without a model that chooses: those that the question names."""
    said = ranking.words(turn.question)
    return [
        {"tool": node.name, "toolInput": {"input": turn.question}, "toolOutput": f"{node.label} ran."}
        for node in flow_data.nodes(turn.flow)
        if node.category.startswith("Tools") and ranking.words(f"{node.name} {node.label}") & said
    ]


def _sources(call: Call, turn: Turn) -> list[Record] | None:
    """The documents that a retrieval flow finds; None for a flow that shows none."""
    nodes = flow_data.nodes(turn.flow)
    if not any(node.inputs.get("returnSourceDocuments") in (True, "true") for node in nodes):
        return None
    chunks = [
        {"pageContent": chunk.get("pageContent", ""), "metadata": jsontext.mapping(chunk.get("metadata"))}
        for store in sorted(flow_data.document_stores(turn.flow))
        for chunk in call.store.select("chunk", storeId=store)
    ]
    for node in nodes:
        if node.category == "Document Loaders" and isinstance(node.inputs.get("text"), str):
            metadata = flow_data.config(node.inputs, "metadata")
            chunks += [
                {"pageContent": each, "metadata": metadata} for each in splitter.split(node.inputs["text"])
            ]
    return ranking.ranked(chunks, turn.question)[:SOURCES]
