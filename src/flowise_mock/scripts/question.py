"""A question to a flow, as rules match it and templates refer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowise_mock.contract import jsontext, streaming
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.state.table import Record


@dataclass
class Question:
    """One question to a flow.

    `stored_history` has the messages of the conversation that the server has stored. `files` are those of
    a multipart body, as uploads with a name and a mime.
    """

    flow: Record
    body: Record
    question: str
    chat_id: str
    session_id: str
    stored_history: Sequence[Record]
    files: list[Record]
    request: HttpRequest = field(default_factory=HttpRequest)

    @classmethod
    def of_request(cls, request: HttpRequest, flow: Record | None = None, **known: str) -> Question:
        """A question made of a request alone, without stored messages; `known` has the resolved ids."""
        body = request.json if isinstance(request.json, dict) else {}
        config = jsontext.mapping(body.get("overrideConfig"))
        chat = known.get("chat_id") or text(body.get("chatId"))
        session = known.get("session_id") or text(config.get("sessionId")) or chat
        question = text(body.get("question"))
        return cls(flow or {}, body, question, chat, session, [], [], request)

    @cached_property
    def turn(self) -> int:
        """Number of the turn in the conversation, from 1."""
        return 1 + sum(bool(each["role"] == "user") for each in self.stored_history)

    @cached_property
    def history(self) -> list[Record]:
        """Earlier messages, `role` and `content`: those in the request, then those that are stored."""
        sent = [each for each in jsontext.sequence(self.body.get("history")) if isinstance(each, dict)]
        return [*(_message(each) for each in sent), *self.stored_history]

    @cached_property
    def uploads(self) -> list[Record]:
        """The files in the request: `name`, `mime` and `type` of each."""
        sent = [each for each in jsontext.sequence(self.body.get("uploads")) if isinstance(each, dict)]
        return [{key: text(each.get(key)) for key in ("name", "mime", "type")} for each in sent] + self.files

    @property
    def streaming(self) -> bool:
        return streaming.is_requested(self.body)

    def json_object(self, name: str) -> Record:
        """A field of the body that holds an object or its JSON text; `{}` if there is none."""
        return jsontext.mapping(self.body.get(name))

    def variables(self) -> Record:
        """The variables of templates."""
        return {
            "question": self.question,
            "chatId": self.chat_id,
            "sessionId": self.session_id,
            "turn": self.turn,
            "history": self.history,
            "form": self.json_object("form"),
            "uploads": self.uploads,
            "overrideConfig": self.json_object("overrideConfig"),
            "humanInput": self.json_object("humanInput"),
            "leadEmail": text(self.body.get("leadEmail")),
            "chatflow": {key: text(self.flow.get(key)) for key in ("id", "name", "type")},
        }


VARIABLES = (
    "question", "chatId", "sessionId", "turn", "history", "form", "uploads", "overrideConfig", "humanInput",
    "leadEmail", "chatflow",
)  # fmt: skip
"""The names of template variables. A rule with a regex also has `groups`, its named groups."""


def text(value: Any) -> str:
    """A value that should be text, as text; None as the empty text."""
    if value is None or isinstance(value, str):
        return value or ""
    return jsontext.dumps(value)


def _message(sent: Record) -> Record:
    """A message as clients send it, in the older form or the newer one."""
    role = text(sent.get("role")) or text(sent.get("type"))
    content = sent.get("content") if sent.get("content") is not None else sent.get("message")
    return {"content": text(content), "role": "user" if role == "userMessage" else "assistant"}
