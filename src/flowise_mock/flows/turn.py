"""One turn of a conversation: the question, the ids of its chat, and its stored messages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, overload

from flowise_mock.contract import jsontext
from flowise_mock.flows import flow_data
from flowise_mock.flows.behaviour import ChatIds
from flowise_mock.flows.call import Call
from flowise_mock.knowledge import files
from flowise_mock.scripts.replies import Reply
from flowise_mock.state.outcomes import WrongType
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

Event = tuple[str, Any]


class Delay(NamedTuple):
    """Seconds that a recorded answer waits before what follows."""

    seconds: float


Run = Generator[Event | Delay, None, Record]
"""A run yields the events of a stream, and returns the JSON answer with its keys in Flowise's order."""


class StoredHistory(Sequence[Record]):
    """The messages of a session, read from the store when they are first looked at.

    A long conversation costs only those who look back.
    """

    def __init__(self, store: Store, flow: str, session: str) -> None:
        self._key = store, flow, session

    @cached_property
    def _messages(self) -> list[Record]:
        return stored_history(*self._key)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._messages[index]

    def __len__(self) -> int:
        return len(self._messages)


@dataclass
class Turn:
    """A question to a flow, with its ids resolved as Flowise does.

    `chat_id` is the one in the request, else the id of the session, else a new one. `session_id` is the one
    in `overrideConfig`, else the id of the chat. `memory` is the label of the flow's memory node. `history`
    has the stored messages of the session. Another request sets `aborted`, which ends the run of an
    agentflow at its next token. `reply` is the scripted reply. `sources` are the documents that the flow
    found, None if it shows none. `webhook` is the request that started the flow, if a webhook did. Of an
    `unheard` run nobody sees when its tokens come, so a chain yields none.
    """

    flow: Record
    body: Record
    question: str
    chat_id: str
    session_id: str
    memory: str | None
    uploads: list[Record] | str | None
    history: Sequence[Record] = ()
    aborted: bool = False
    reply: Reply | None = None
    sources: list[Record] | None = None
    webhook: Record | None = None
    unheard: bool = False
    chat_type: str = "EXTERNAL"


def resolve_turn(call: Call, flow: Record, body: Record) -> Turn:
    """Resolve the turn that a request body describes. Refuses nothing and stores nothing.

    A field of a form may be JSON text.
    """
    override, chat = body.get("overrideConfig"), body.get("chatId")
    session = None if override is None else jsontext.mapping(override).get("sessionId")
    if chat is None:
        chat = call.store.new_id() if session is None else session
    chat_id, session_id = text(chat), text(session or chat)
    history = StoredHistory(call.store, flow["id"], session_id)
    question, memory = text(body.get("question")), flow_data.memory(flow)
    return Turn(flow, body, question, chat_id, session_id, memory, None, history)


def begin(call: Call, turn: Turn) -> None:
    """Report values of the wrong type, and store the files of the request."""
    if not turn.body.keys().isdisjoint(_CHECKED):
        _check_types(call, turn)
        turn.uploads = _uploads(call, turn)
    for file in call.files:
        files.check(call.report, file.name, file.type)
        _store_file(call, turn, file.name, file.type, file.data)


_CHECKED = ("overrideConfig", "chatId", "history", "uploads")


def _check_types(call: Call, turn: Turn) -> None:
    override = jsontext.mapping(turn.body.get("overrideConfig"))
    for name, value in (("chatId", turn.body.get("chatId")), ("sessionId", override.get("sessionId"))):
        if value is not None and not isinstance(value, str) and _needs_text_ids(call, turn.flow):
            call.report(WrongType(name))
    if None in jsontext.sequence(turn.body.get("history")):
        call.report(WrongType("history"))


def _needs_text_ids(call: Call, flow: Record) -> bool:
    """Whether ids of chats and sessions must be text."""
    return call.behaviour.chat_ids is ChatIds.STRINGS and flow.get("type") != "AGENTFLOW"


def text(value: Any) -> str:
    """A value that should be text, as text; None as the empty text."""
    if value is None or isinstance(value, str):
        return value or ""
    return jsontext.dumps(value)


def stored_history(store: Store, flow: str, session: str) -> list[Record]:
    """The stored messages of a session of a flow."""
    rows = store.select("chatmessage", chatflowid=flow, sessionId=session)
    return [
        {
            "content": row.get("content", ""),
            "role": "user" if row.get("role") == "userMessage" else "assistant",
        }
        for row in rows
    ]


def session_id(turn: Turn) -> Record:
    """The `sessionId` of an answer, unless it is empty."""
    return {"sessionId": turn.session_id} if turn.session_id else {}


def echoed_question(turn: Turn, question: Any) -> Record:
    """The `question` of an answer, if the request has one."""
    return {"question": question} if "question" in turn.body else {}


def store_messages(
    call: Call, turn: Turn, question: str, answer: str, *, memory: str | None, **more: Any
) -> tuple[Record, Record]:
    """Store the messages of a finished turn: the question and the answer."""
    common = {
        "chatflowid": turn.flow["id"], "chatType": turn.chat_type, "chatId": turn.chat_id,
        "memoryType": memory, "sessionId": turn.session_id,
    }  # fmt: skip
    lead = turn.body.get("leadEmail")
    user = {"role": "userMessage", "content": question, "fileUploads": turn.uploads, "leadEmail": lead}
    api = {"role": "apiMessage", "content": answer, **more}
    return (
        call.store.create("chatmessage", {**common, **user}),
        call.store.create("chatmessage", {**common, **api}),
    )


# --- uploads ---------------------------------------------------------------------------------------

UPLOAD_TYPES = ("file", "file:full", "file:rag", "audio", "url")
"""The types of uploads that Flowise processes; it passes others on unchanged."""


def _uploads(call: Call, turn: Turn) -> list[Record] | str | None:
    """The uploads as the message has them; their files are stored separately."""
    uploads = turn.body.get("uploads")
    if not isinstance(uploads, (list, str)):
        return None
    sent = jsontext.sequence(uploads)
    if isinstance(uploads, str) and not sent:
        return uploads  # not a list of files: stored as sent
    if None in sent:
        call.report(WrongType("uploads"))
    return [_store_upload(call, turn, each) for each in sent if isinstance(each, dict)]


def _store_upload(call: Call, turn: Turn, upload: Record) -> Record:
    """Store the file of an upload. Returns the upload as the message has it."""
    type, data = upload.get("type"), upload.get("data")
    if not isinstance(data, str) or not data or type not in UPLOAD_TYPES:
        return upload
    name, mime = text(upload.get("name")), text(upload.get("mime")) or "image/png"
    if type == "url":
        return {"data": data, "name": name, "type": "url", "mime": mime}
    if type == "file:full":
        turn.question = f"<doc name='{name}'>{data}</doc>\n\n\n\n{turn.question}"
        return {"type": "stored-file:full", "name": name, "mime": mime}
    media = re.match(r"[^,:]*:([^,:;]*)[^,]*,", data)
    if media is None:
        call.report(WrongType("uploads.data"))
    files.check(call.report, upload.get("name"), media[1] if media else mime)
    _store_file(call, turn, name, mime, _decode(data))
    return {"type": "stored-file", "name": name, "mime": mime}


def _decode(data: str) -> bytes:
    """The bytes of a data URI, or of the text itself if it is not a data URI."""
    try:
        return base64.b64decode(data.partition(",")[2] or data)
    except (binascii.Error, ValueError):
        return data.encode()


def _store_file(call: Call, turn: Turn, name: str, mime: str, data: bytes) -> None:
    files.store(call.store, turn.flow["id"], turn.chat_id, files.Upload(name, mime, data))
