"""One turn of a conversation: what was asked, by whom, and the messages it leaves."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.behaviour import ChatIds
from flowise_mock.flows.call import Call
from flowise_mock.knowledge.files import mismatch
from flowise_mock.scripts.replies import Reply
from flowise_mock.state.outcomes import WrongType
from flowise_mock.state.table import Record

Event = tuple[str, Any]
Run = Generator[Event, None, Record]
"""A run yields what a stream tells, and returns the answer as JSON, keys in Flowise's order."""


@dataclass
class Turn:
    """What a request asks of a flow, resolved as Flowise resolves it.

    `chat_id` is the one sent, else the session's, else a new one; `session_id` the one in
    `overrideConfig`, else the chat's. `memory` is the label of the flow's memory node. `aborted` is
    set from outside, and ends a run of an agentflow at its next token. `reply` is what a script says.
    """

    flow: Record
    body: Record
    question: str
    chat_id: str
    session_id: str
    memory: str | None
    uploads: list[Record] | str | None
    said: list[Record] = field(default_factory=list)
    aborted: bool = False
    reply: Reply | None = None


def resolved(call: Call, flow: Record, body: Record) -> Turn:
    """The turn that a request body asks for: nothing is refused, nothing written.

    A field of a form may be JSON text.
    """
    session = jsontext.mapping(body.get("overrideConfig")).get("sessionId")
    named = [id for id in (body.get("chatId"), session) if id is not None]
    chat = named[0] if named else call.store.new_id()
    session = session or chat
    memory = next((node.label for node in flow_data.nodes(flow) if node.category == "Memory"), None)
    turn = Turn(flow, body, text(body.get("question")), text(chat), text(session), memory, None)
    turn.said = _conversation(call, turn)
    return turn


def begin(call: Call, turn: Turn) -> None:
    """Report what has the wrong type, and store the files that came along."""
    override = jsontext.mapping(turn.body.get("overrideConfig"))
    for name, value in (("chatId", turn.body.get("chatId")), ("sessionId", override.get("sessionId"))):
        if value is not None and not isinstance(value, str) and _is_text(call, turn.flow):
            call.report(WrongType(name))
    if None in jsontext.sequence(turn.body.get("history")):
        call.report(WrongType("history"))
    turn.uploads = _uploads(call, turn)
    for file in call.files:
        _check_file(call, file.name, file.type)
        _store_file(call, turn, file.name, file.type, file.data)


def _is_text(call: Call, flow: Record) -> bool:
    """Whether ids of chats and sessions must be text."""
    return call.behaviour.chat_ids is ChatIds.STRINGS and flow.get("type") != "AGENTFLOW"


def text(value: Any) -> str:
    """A value that should be text, as text; nothing is the empty one."""
    if value is None or isinstance(value, str):
        return value or ""
    return jsontext.dumps(value)


def _conversation(call: Call, turn: Turn) -> list[Record]:
    """What was said before in this session of this flow."""
    rows = call.store.select("chatmessage", chatflowid=turn.flow["id"], sessionId=turn.session_id)
    return [
        {
            "content": row.get("content", ""),
            "role": "user" if row.get("role") == "userMessage" else "assistant",
        }
        for row in rows
    ]


def session(turn: Turn) -> Record:
    """The key that tells the session, where it is not empty."""
    return {"sessionId": turn.session_id} if turn.session_id else {}


def asked(turn: Turn, question: Any) -> Record:
    """The keys that tell a question again, for those that were sent."""
    return {"question": question} if "question" in turn.body else {}


def write(
    call: Call, turn: Turn, question: str, answer: str, *, memory: str | None, **more: Any
) -> tuple[Record, Record]:
    """Write down a turn that came to its end: the question and the answer."""
    common = {
        "chatflowid": turn.flow["id"], "chatType": "EXTERNAL", "chatId": turn.chat_id,
        "memoryType": memory, "sessionId": turn.session_id,
    }  # fmt: skip
    lead = turn.body.get("leadEmail")
    mine = {"role": "userMessage", "content": question, "fileUploads": turn.uploads, "leadEmail": lead}
    theirs = {"role": "apiMessage", "content": answer, **more}
    return call.store.create("chatmessage", {**common, **mine}), call.store.create(
        "chatmessage", {**common, **theirs}
    )


# --- uploads ---------------------------------------------------------------------------------------

KINDS = ("file", "file:full", "file:rag", "audio", "url")
"""The types of uploads that Flowise takes up; it passes others on as they are."""


def _uploads(call: Call, turn: Turn) -> list[Record] | str | None:
    """The uploads as the message keeps them; files are stored, and left out of it."""
    uploads = turn.body.get("uploads")
    if not isinstance(uploads, (list, str)):
        return None
    sent = jsontext.sequence(uploads)
    if isinstance(uploads, str) and not sent:
        return uploads  # no list of files: kept as it was sent
    if None in sent:
        call.report(WrongType("uploads"))
    return [_kept(call, turn, each) for each in sent if isinstance(each, dict)]


def _kept(call: Call, turn: Turn, upload: Record) -> Record:
    kind, data = upload.get("type"), upload.get("data")
    if not isinstance(data, str) or kind not in KINDS:
        return upload
    name, mime = text(upload.get("name")), text(upload.get("mime")) or "image/png"
    if kind == "url":
        return {"data": data, "name": name, "type": "url", "mime": mime}
    if kind == "file:full":
        turn.question = f"<doc name='{name}'>{data}</doc>\n\n\n\n{turn.question}"
        return {"type": "stored-file:full", "name": name, "mime": mime}
    if not data.startswith("data:"):
        call.report(WrongType("uploads.data"))
    _check_file(call, name, mime)
    _store_file(call, turn, name, mime, _decoded(data))
    return {"type": "stored-file", "name": name, "mime": mime}


def _check_file(call: Call, name: str, mime: str) -> None:
    mismatched = mismatch(name, mime)
    if mismatched is not None:
        call.report(mismatched)


def _decoded(data: str) -> bytes:
    """The bytes of a data URI; what is none is taken as it stands."""
    try:
        return base64.b64decode(data.partition(",")[2] or data)
    except (binascii.Error, ValueError):
        return data.encode()


def _store_file(call: Call, turn: Turn, name: str, mime: str, data: bytes) -> None:
    where = {"chatflowid": turn.flow["id"], "chatId": turn.chat_id}
    call.store.create("file", {**where, "name": name, "type": mime, "data": data})
