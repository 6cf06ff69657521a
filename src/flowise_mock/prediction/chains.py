"""Chains and agents of chatflows: a model asked once, with documents and tools where the flow has some.

Chat chains, retrieval chains and flows that cannot stream are as observed on real servers; tools,
assistants and multi-agents follow what is known of the source, and were not observed.
"""

from __future__ import annotations

import re
from typing import Any

from flowise_mock import documents, flowdata, jsontext
from flowise_mock.call import Call
from flowise_mock.prediction.turn import Run, Turn, asked, text, write
from flowise_mock.store import Record

SOURCES = 4
"""Documents that a retrieval chain shows."""


def run_chain(call: Call, turn: Turn) -> Run:
    """A chat chain, a retrieval chain or an agent: start, tokens, the documents, the tools."""
    sources = _sources(call, turn)
    tools = _tools(turn)
    tokens = call.say(turn.flow, _prompt(turn))
    plain = sources is None or not tokens or call.habits.get("retrievalStart") == "empty"
    yield "start", "" if plain else tokens[0]
    for token in tokens:
        yield "token", token
    result: Record = {"text": "".join(tokens)}
    if sources is not None:
        yield "sourceDocuments", sources
        result["sourceDocuments"] = sources
    if tools:
        yield "usedTools", tools
        result["usedTools"] = tools
    return _answered(call, turn, result, sourceDocuments=sources, usedTools=tools or None)


def run_parser(call: Call, turn: Turn) -> Run:
    """A flow with an output parser: the answer as JSON, never streamed."""
    yield from ()
    return _answered(call, turn, {"json": {"output": "".join(call.say(turn.flow, turn.question))}})


def run_agents(call: Call, turn: Turn) -> Run:
    """A multi-agent or sequential flow: each agent's reasoning, then the whole text at once."""
    answer = "".join(call.say(turn.flow, turn.question))
    agents = [
        node for node in flowdata.nodes(turn.flow) if node.category in ("Multi Agents", "Sequential Agents")
    ]
    reasoning = [
        {"agentName": node.label, "messages": [answer], "nodeName": node.name, "nodeId": node.id}
        for node in agents
    ]
    yield "start", reasoning[:1]
    for count in range(1, len(agents) + 1):
        yield "agentReasoning", reasoning[:count]
        if count < len(agents):
            yield "nextAgent", agents[count].label
    yield "token", answer
    for name in ("usedTools", "sourceDocuments", "artifacts"):
        yield name, []
    _, said = write(
        call,
        turn,
        text(turn.body.get("question")),
        answer,
        memory=turn.memory or "",
        agentReasoning=reasoning or None,
    )
    result: Record = {"text": answer, **asked(turn, turn.body.get("question"))}
    result |= {"chatId": turn.chat_id, "chatMessageId": said["id"], "sessionId": turn.session_id}
    result |= {"memoryType": turn.memory} if turn.memory else {}
    return result | ({"agentReasoning": reasoning} if reasoning else {})


def _answered(call: Call, turn: Turn, result: Record, **more: Any) -> Record:
    content = result.get("text", "") if "text" in result else f"```json\n{result['json']}"
    _, said = write(call, turn, text(turn.body.get("question")), content, memory=turn.memory or "", **more)
    return {
        **result,
        **asked(turn, turn.body.get("question")),
        "chatId": turn.chat_id,
        "chatMessageId": said["id"],
        "isStreamValid": False,
        "sessionId": turn.session_id,
        **({"memoryType": turn.memory} if turn.memory else {}),
    }


def _prompt(turn: Turn) -> str:
    """What the model is asked: the question, in the flow's prompt template where it has one."""
    for node in flowdata.nodes(turn.flow):
        template = node.inputs.get("template")
        if node.name == "promptTemplate" and isinstance(template, str):
            return re.sub(r"\{\w+\}", lambda _: turn.question, template)
    return turn.question


def _tools(turn: Turn) -> list[Record]:
    """The tools that an agent uses. Without a model that chooses: those that the question names."""
    said = documents.words(turn.question)
    return [
        {"tool": node.name, "toolInput": {"input": turn.question}, "toolOutput": f"{node.label} ran."}
        for node in flowdata.nodes(turn.flow)
        if node.category.startswith("Tools") and documents.words(f"{node.name} {node.label}") & said
    ]


def _sources(call: Call, turn: Turn) -> list[Record] | None:
    """The documents that a retrieval flow finds; None for a flow that shows none."""
    nodes = flowdata.nodes(turn.flow)
    if not any(node.inputs.get("returnSourceDocuments") in (True, "true") for node in nodes):
        return None
    chunks = [
        {"pageContent": chunk.get("pageContent", ""), "metadata": jsontext.mapping(chunk.get("metadata"))}
        for store in sorted(flowdata.document_stores(turn.flow))
        for chunk in call.store.select("chunk", storeId=store)
    ]
    for node in nodes:
        if node.category == "Document Loaders" and isinstance(node.inputs.get("text"), str):
            metadata = flowdata.config(node.inputs, "metadata")
            chunks += [
                {"pageContent": each, "metadata": metadata} for each in documents.split(node.inputs["text"])
            ]
    return documents.ranked(chunks, turn.question)[:SOURCES]
