"""One turn of a conversation: what was asked, what is answered, what is written down."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from flowise_mock import documents, flowdata, jsontext
from flowise_mock.call import Call
from flowise_mock.prediction import echo
from flowise_mock.store import Record

Event = tuple[str, Any]


@dataclass
class Turn:
    """What a request asks of a flow, resolved as Flowise resolves it.

    `chat_id` is the one sent, else the session's, else a new one; `session_id` the one in
    `overrideConfig`, else the chat's.
    """

    flow: Record
    body: Record
    question: str
    chat_id: str
    session_id: str
    memory: str | None


def begin(call: Call, flow: Record, body: Record) -> Turn:
    """The turn that a request body asks for. A field of a form may be JSON text."""
    override = jsontext.mapping(body.get("overrideConfig"))
    session = _text(override.get("sessionId"))
    chat = _text(body.get("chatId")) or session or call.store.new_id()
    memory = next((node.label for node in flowdata.nodes(flow) if node.category == "Memory"), None)
    return Turn(flow, body, _text(body.get("question")), chat, session or chat, memory)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return jsontext.dumps(value)


def answer(call: Call, turn: Turn) -> Record:
    """Run the turn: the answer as JSON, in Flowise's order of keys. Two messages are written."""
    sources = _sources(call, turn)
    result: Record = {"text": echo.answer(turn.flow, turn.question)}
    if sources is not None:
        result["sourceDocuments"] = sources
    asked = _write(call, turn, "userMessage", turn.question)
    asked["fileUploads"] = [_stored(each) for each in _uploads(turn)] or None
    said = _write(call, turn, "apiMessage", result["text"])
    said["sourceDocuments"] = sources
    if "question" in turn.body:
        result["question"] = turn.question
    result |= {"chatId": turn.chat_id, "chatMessageId": said["id"], "sessionId": turn.session_id}
    if turn.memory:
        result["memoryType"] = turn.memory
    return result


async def events(call: Call, turn: Turn) -> AsyncIterator[Event]:
    """Run the turn: the answer as events, with a pause between tokens, and the messages written."""
    result = answer(call, turn)
    tokens = re.findall(r"\s*\S+|\s+$", result["text"])
    yield "start", tokens[0] if tokens else ""
    for token in tokens:
        yield "token", token
        await asyncio.sleep(call.token_delay)
    if "sourceDocuments" in result:
        yield "sourceDocuments", result["sourceDocuments"]
    told = ("chatId", "chatMessageId", "question", "sessionId", "memoryType")
    yield "metadata", {key: result[key] for key in told if result.get(key)}
    yield "end", "[DONE]"


def _sources(call: Call, turn: Turn) -> list[Record] | None:
    """The chunks that a flow with document stores finds; None for a flow without."""
    stores = [id for id in flowdata.document_stores(turn.flow) if call.store.has("documentstore", id)]
    if not stores:
        return None
    chunks = [chunk for id in sorted(stores) for chunk in call.store.select("chunk", storeId=id)]
    best = documents.ranked(chunks, turn.question)[:4]
    return [{"pageContent": each.get("pageContent", ""), "metadata": each.get("metadata")} for each in best]


def _write(call: Call, turn: Turn, role: str, content: str) -> Record:
    return call.store.create(
        "chatmessage",
        {
            "role": role, "chatflowid": turn.flow["id"], "content": content, "chatType": "EXTERNAL",
            "chatId": turn.chat_id, "memoryType": turn.memory, "sessionId": turn.session_id,
            "leadEmail": turn.body.get("leadEmail"),
        },
    )  # fmt: skip


def _uploads(turn: Turn) -> list[Record]:
    sent = jsontext.sequence(turn.body.get("uploads"))
    return [each for each in sent if isinstance(each, dict)]


def _stored(upload: Record) -> Record:
    """An upload as its message keeps it: files by name alone, addresses whole."""
    kind = upload.get("type")
    if kind == "url":
        return upload
    kept = {key: value for key, value in upload.items() if key != "data"}
    return {**kept, "type": "stored-file:full" if kind == "file:full" else "stored-file"}
