"""Answers: the one place where an outcome becomes a response.

`x-outcomes` of the contract maps the name of an outcome to scalars (status, message, body, media)
and headers, at the root as defaults and per operation; `'*'` is every failure, and an outcome
is answered like the one it is a kind of, where nothing more special is said. `fields` of an entry has
messages of its own for some values of the outcome's `field`. `x-bodies` holds the bodies by name.
Every answer is checked against the document: one that breaks the contract is logged and sent as the
outcome `Broken`, never silently.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, NamedTuple

import orjson
from starlette.types import Send

from flowise_mock.contract import messages, responses
from flowise_mock.contract.document import Document, DocumentError, resolve
from flowise_mock.contract.schemas import Schemas, Validator, shortened
from flowise_mock.contract.views import View, compile_view
from flowise_mock.engine.header_values import header_value
from flowise_mock.engine.server_profile import ServerProfile, etag
from flowise_mock.state.outcomes import (
    Condition,
    FileDownload,
    FixedAnswer,
    InternalError,
    InvalidJson,
    Ok,
    Outcome,
    all_outcomes,
)

log = logging.getLogger("flowise_mock")
Words = dict[str, Any]
NONE = "none"
"""The name of the body that is no byte at all."""
_JSON = "application/json"
Template = Callable[[Words], Any]


class Answer(NamedTuple):
    """A response, ready to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def respond(answer: Answer, send: Send) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


class Response(NamedTuple):
    """What the document says of one status and media type of an operation."""

    view: View
    validator: Validator | None
    media: str


class Answers:
    """How the outcomes of one operation are answered; of no operation, where a request meets none.

    Raises DocumentError at start where an outcome has no answer.
    """

    def __init__(
        self,
        document: Document,
        schemas: Schemas,
        operation: Document | None = None,
        profile: ServerProfile | None = None,
    ) -> None:
        self._profile = profile or ServerProfile()
        self._bodies = {name: template(body) for name, body in document.get("x-bodies", {}).items()}
        self._operation = operation or {}
        self._entries = {name: self._entry(document, name, kind) for name, kind in all_outcomes().items()}
        self._responses = {
            int(status): _responses(document, schemas, resolve(document, response))
            for status, response in self._operation.get("responses", {}).items()
            if status.isdigit()
        }
        self._ranges = {
            int(status[0]): _responses(document, schemas, resolve(document, response))
            for status, response in self._operation.get("responses", {}).items()
            if status.upper().endswith("XX")
        }

    def _entry(self, root: Document, name: str, kind: type[Outcome]) -> Document | None:
        """The merged entry of an outcome; None where the contract lets it pass."""
        entry = responses.entry(root.get("x-outcomes", {}), self._operation.get("x-outcomes", {}), kind)
        where = self._operation.get("operationId", "the root")
        if entry is None and not issubclass(kind, Condition):
            raise DocumentError(f"x-outcomes of {where}: {name} cannot proceed, it ends a request")
        if entry is not None and not isinstance(entry.get("status"), int):
            raise DocumentError(f"x-outcomes of {where}: {name} has no status")
        if entry is not None and entry.get("body", "value") not in self._bodies:
            raise DocumentError(f"x-outcomes of {where}: {name}: no x-bodies {entry['body']!r}")
        unknown = _words_of(entry or {}) - set(kind.fields) - {"status"}
        if unknown:
            raise DocumentError(f"x-outcomes of {where}: {name} has no word {', '.join(sorted(unknown))}")
        return entry and {**entry, "template": messages.template(root, self._operation, entry, kind)}

    def proceeds(self, condition: Outcome) -> bool:
        """Whether the contract ignores this condition."""
        return self._entries[type(condition).__name__] is None

    def status(self, name: str) -> int | None:
        """The status that an outcome is answered with; None where it is ignored."""
        entry = self._entries[name]
        return None if entry is None else entry["status"]

    def text(self, outcome: Outcome) -> str:
        """An outcome in the contract's words, for a stream that can show no status."""
        entry = self._entries[type(outcome).__name__] or {}
        return str(fill(_message(entry, outcome), {**vars(outcome), "status": entry.get("status")}))

    def render(self, outcome: Outcome) -> Answer:
        """The response to `outcome`, checked against the document."""
        if isinstance(outcome, FixedAnswer):
            return self._fixed(outcome)
        answer, problem = self._render(outcome)
        if problem is None:
            return answer
        where = self._operation.get("operationId", "no operation")
        log.error("the answer of %s to %s breaks the contract: %s", where, type(outcome).__name__, problem)
        return self._render(InternalError(problem))[0]

    def _fixed(self, outcome: FixedAnswer) -> Answer:
        """The answer that the contract has for an operation which it does not describe."""
        body = outcome.value
        if body is None:
            words = {**vars(outcome), "reason": outcome.message, "detail": outcome.message}
            body = self._bodies["failure"](words)
        return self.sent(outcome.status, [], _JSON, orjson.dumps(body))

    def forced(self, outcome: Outcome, status: int | None = None) -> Answer:
        """The response to an outcome that a request requires, whether or not the document has it.

        With a `status` that is not its own it keeps its form, whatever is documented of that one.
        """
        return self._shown(outcome, status)[0]

    def _render(self, outcome: Outcome) -> tuple[Answer, str | None]:
        try:
            return self._shown(outcome)
        except InvalidJson as found:  # what is stored cannot be shown, and this contract says so
            return self._shown(found)

    def _shown(self, outcome: Outcome, status: int | None = None) -> tuple[Answer, str | None]:
        entry = self._entries[type(outcome).__name__] or {}
        described = {} if status else self._described(int(entry["status"])) or {}
        status = status or int(entry["status"])
        media = entry.get("media", _JSON if _JSON in described else next(iter(described), _JSON))
        response = described.get(media)
        words: Words = {**vars(outcome), "status": status}
        if "message" in entry:
            words["message"] = str(fill(_message(entry, outcome), words))
            words["message"] = entry["template"].replace("{message}", words["message"])
        headers = [
            (name.encode(), header_value(text, words)) for name, text in entry.get("headers", {}).items()
        ]
        if entry.get("media") == "":
            return Answer(status, [*headers, (b"content-length", b"0")], b""), None
        if isinstance(outcome, FileDownload):
            return self._file(status, headers, "" if entry.get("omit-content-type") else media, outcome), None
        if response is not None and "value" in words:
            words["value"] = response.view(words["value"])
        body = self._bodies[entry.get("body", "value")](words)
        if media == "" and (body in (None, "") or not isinstance(outcome, Ok)):
            return Answer(status, [*headers, (b"content-length", b"0")], b""), None
        problem = self._problem(status, response, body)
        if isinstance(body, dict | list):  # it can go no other way, whatever is documented
            media = _JSON
        sent = b"" if entry.get("body") == NONE else _written(media, body)
        return self.sent(status, headers, "" if entry.get("omit-content-type") else media, sent), problem

    def _file(
        self, status: int, headers: list[tuple[bytes, bytes]], media: str, file: FileDownload
    ) -> Answer:
        """A file, byte for byte. Express pipes it, so it has no ETag."""
        types = [(b"content-type", media.encode())] if media else []
        length = (b"content-length", b"%d" % len(file.data))
        return Answer(status, [*headers, *types, length], file.data)

    def sent(self, status: int, headers: list[tuple[bytes, bytes]], media: str, body: bytes) -> Answer:
        """A response of bytes, with the headers that this server gives to all.

        It has no content type where `media` is empty.
        """
        headers = [*headers, *([(b"content-type", self._typed(media))] if media else [])]
        headers.append((b"content-length", b"%d" % len(body)))
        if self._profile.etags:
            headers.append((b"etag", etag(body)))
        return Answer(status, headers, body)

    def _typed(self, media: str) -> bytes:
        """A media type as it is sent, with the character set where the server names it."""
        charset = self._profile.charset
        textual = (media.startswith("text/") and ";" not in media) or media == _JSON
        return f"{media}; charset={charset}".encode() if charset and textual else media.encode()

    def _described(self, status: int) -> dict[str, Response] | None:
        """What the document says of a status, by media type: of itself, or of its range such as 4XX."""
        return self._responses.get(status, self._ranges.get(status // 100))

    def _problem(self, status: int, response: Response | None, body: Any) -> str | None:
        if not self._operation:
            return None
        if self._described(status) is None:
            return f"status {status} is not documented"
        if response is None:
            return f"status {status} is not documented with this media type"
        if response.media == "":
            return f"status {status} is documented without content, and there is a value"
        if response.validator is None or isinstance(body, bytes) or body is None:
            return None
        found = response.validator.problem(body)
        return f"status {status}: {found.path or 'the body'}: {found.reason}" if found else None


def _words_of(entry: Document) -> set[str]:
    """The words in braces that the texts of an entry use."""
    sentences = [entry.get("message", ""), *entry.get("fields", {}).values()]
    texts = [*sentences, *entry.get("headers", {}).values()]
    return {word for text in texts for _, word, _, _ in Formatter().parse(str(text)) if word} - {"message"}


def _message(entry: Document, outcome: Outcome) -> Any:
    """The message of an entry for this outcome, its words not filled in."""
    return entry.get("fields", {}).get(getattr(outcome, "field", None), entry.get("message", ""))


def _written(media: str, body: Any) -> bytes:
    """A body as it is sent: JSON where the media type says so, a file byte for byte, else text."""
    if isinstance(body, bytes):
        return body
    return orjson.dumps(body) if media == _JSON else str(body).encode()


def _responses(document: Document, schemas: Schemas, response: Document) -> dict[str, Response]:
    """What a status is answered with, by media type; one entry without any where it has no content."""
    content = response.get("content") or {"": {}}
    return {media: _response(document, schemas, media, each.get("schema")) for media, each in content.items()}


def _response(document: Document, schemas: Schemas, media: str, schema: Document | None) -> Response:
    if schema is None:
        return Response(lambda value: value, None, media)
    return Response(compile_view(document, schema), schemas.compile(schema), media)


# --- templates -------------------------------------------------------------------------------------

_WHOLE = re.compile(r"\{(\w+)(?:\[(\d+)\])?\}")


def template(body: Any) -> Template:
    """A body of `x-bodies`: `{word}` alone keeps the word's type, within a text it is written."""
    if isinstance(body, dict):
        members = {key: template(value) for key, value in body.items()}
        return lambda words: {key: make(words) for key, make in members.items()}
    if isinstance(body, list):
        items = [template(value) for value in body]
        return lambda words: [make(words) for make in items]
    if isinstance(body, str) and "{" in body:
        return lambda words: fill(body, words)
    return lambda words: body


def fill(text: Any, words: Mapping[str, Any]) -> Any:
    """`text` with its words; `{word}` or `{word[0]}` alone is the word itself."""
    if not isinstance(text, str):
        return text
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return text.format_map({key: _told(value) for key, value in words.items()})
    value = words[whole[1]]
    return value if whole[2] is None else value[int(whole[2])]


def _told(value: Any) -> Any:
    return shortened(value) if isinstance(value, str) else value
