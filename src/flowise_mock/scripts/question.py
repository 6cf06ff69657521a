"""What a request asks of a flow, as rules look at it and templates name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowise_mock.contract import jsontext, streaming
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.state.table import Record


@dataclass
class Question:
    """One question to a flow. `said` are the messages of the conversation that the server keeps.

    `files` are those of a multipart body, as uploads with a name and a mime.
    """

    flow: Record
    body: Record
    question: str
    chat_id: str
    session_id: str
    said: list[Record]
    files: list[Record]
    request: HttpRequest = field(default_factory=HttpRequest)

    @classmethod
    def of_request(cls, request: HttpRequest, flow: Record | None = None, **known: str) -> Question:
        """A request that asks no flow, or asked one earlier; `known` are the ids that it resolved to."""
        body = request.json if isinstance(request.json, dict) else {}
        config = jsontext.mapping(body.get("overrideConfig"))
        chat = known.get("chat_id") or text(body.get("chatId"))
        session = known.get("session_id") or text(config.get("sessionId")) or chat
        question = text(body.get("question"))
        return cls(flow or {}, body, question, chat, session, [], [], request)

    @cached_property
    def turn(self) -> int:
        """Number of the turn in the conversation, from 1."""
        return 1 + sum(bool(each["role"] == "user") for each in self.said)

    @cached_property
    def history(self) -> list[Record]:
        """What was said before, `role` and `content`: the messages sent along, then those kept."""
        sent = [each for each in jsontext.sequence(self.body.get("history")) if isinstance(each, dict)]
        return [_message(each) for each in sent] + self.said

    @cached_property
    def uploads(self) -> list[Record]:
        """The files that came along, with what they are: `name`, `mime`, `type`."""
        sent = [each for each in jsontext.sequence(self.body.get("uploads")) if isinstance(each, dict)]
        return [{key: text(each.get(key)) for key in ("name", "mime", "type")} for each in sent] + self.files

    @property
    def streaming(self) -> bool:
        return streaming.is_requested(self.body)

    def object(self, name: str) -> Record:
        """A field of the body that holds an object, also as JSON text; `{}` where there is none."""
        return jsontext.mapping(self.body.get(name))

    def words(self) -> Record:
        """The words of templates."""
        return {
            "question": self.question,
            "chatId": self.chat_id,
            "sessionId": self.session_id,
            "turn": self.turn,
            "history": self.history,
            "form": self.object("form"),
            "uploads": self.uploads,
            "overrideConfig": self.object("overrideConfig"),
            "humanInput": self.object("humanInput"),
            "leadEmail": text(self.body.get("leadEmail")),
            "chatflow": {key: text(self.flow.get(key)) for key in ("id", "name", "type")},
        }


WORDS = (
    "question", "chatId", "sessionId", "turn", "history", "form", "uploads", "overrideConfig", "humanInput",
    "leadEmail", "chatflow",
)  # fmt: skip
"""The words of templates, and `groups` beside them: the named groups of the rule's regex."""


def text(value: Any) -> str:
    """A value that should be text, as text; nothing is the empty one."""
    if value is None or isinstance(value, str):
        return value or ""
    return jsontext.dumps(value)


def _message(sent: Record) -> Record:
    """A message as clients send it, in the older form or the newer one."""
    role = text(sent.get("role")) or text(sent.get("type"))
    content = sent.get("content") if sent.get("content") is not None else sent.get("message")
    return {"content": text(content), "role": "user" if role == "userMessage" else "assistant"}
