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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

import orjson

from flowise_mock.contract import messages, responses
from flowise_mock.contract.document import Document, DocumentError, resolve
from flowise_mock.contract.schemas import Problem
from flowise_mock.contract.writing import Writer, Writers
from flowise_mock.engine.http_exchange import Answer, Headers
from flowise_mock.engine.server_profile import ServerProfile, etag
from flowise_mock.engine.templates import Template, Words, fill, header_value, template
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
NONE = "none"
"""The name of the body that is no byte at all."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How one kind of outcome is answered.

    `entry` is what the contract says of it. `media` is empty for a response without content, and `writer` is
    None for one without a schema. `problem` is what the document lacks for it. `content_type` is the header.
    `is_value` says that the body is the value of the outcome as JSON, by `writer`, and that there is nothing
    else; `tagged`, that it has an ETag.
    """

    entry: Document
    status: int
    media: str
    writer: Writer | None
    problem: str | None
    content_type: tuple[tuple[bytes, bytes], ...]
    body: Template
    is_value: bool
    tagged: bool


class Answers:
    """How the outcomes of one operation are answered; of no operation, where a request meets none.

    Raises DocumentError at start where an outcome has no answer.
    """

    def __init__(
        self,
        document: Document,
        writers: Writers,
        operation: Document | None = None,
        profile: ServerProfile | None = None,
    ) -> None:
        self._profile = profile or ServerProfile()
        self._sources = document.get("x-bodies", {})
        self._bodies = {name: template(body) for name, body in self._sources.items()}
        self._operation = operation or {}
        self._entries = {name: self._entry(document, name, kind) for name, kind in all_outcomes().items()}
        self._responses = {
            int(status): _described(document, writers, resolve(document, response))
            for status, response in self._operation.get("responses", {}).items()
            if status.isdigit()
        }
        self._ranges = {
            int(status[0]): _described(document, writers, resolve(document, response))
            for status, response in self._operation.get("responses", {}).items()
            if status.upper().endswith("XX")
        }
        self._forms: dict[type[Outcome], AnswerForm] = {}
        self._tagged = b"", etag(b"")

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
        body = self._sources.get((entry or {}).get("body", "value"))
        if entry is not None and "message" not in {*entry, *kind.fields} and "{message}" in str(body):
            raise DocumentError(f"x-outcomes of {where}: {name} has no message, which its body shows")
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
        try:
            answer, problem = self._shown(outcome)
        except InvalidJson as found:  # what is stored cannot be shown, and this contract says so
            answer, problem = self._shown(found)
        if problem is None:
            return answer
        where = self._operation.get("operationId", "no operation")
        log.error("the answer of %s to %s breaks the contract: %s", where, type(outcome).__name__, problem)
        return self._shown(InternalError(problem))[0]

    def data(self, value: Any) -> Answer:
        """The response to data that a handler returns: what `render` makes of it as `Ok`."""
        form = self._form(Ok, None)
        if form.is_value:
            try:
                body, problem = form.writer.write(value)  # type: ignore[union-attr]
            except InvalidJson:
                return self.render(Ok(value))
            if problem is None:
                return self._whole(form, [], body)
        return self.render(Ok(value))

    async def written(self, values: list[Any], pause: Callable[[], Awaitable[None]]) -> Any:
        """A long list, written before it is rendered with pauses in which other requests are answered."""
        writer = self._form(Ok, None).writer
        return values if writer is None else await writer.written(values, pause)

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

    def _shown(self, outcome: Outcome, status: int | None = None) -> tuple[Answer, str | None]:
        form = self._form(type(outcome), status)
        if form.is_value:
            body, problem = form.writer.write(outcome.value)  # type: ignore[union-attr, attr-defined]
            return self._whole(form, [], body), _broken(form.status, problem)
        words: Words = {**vars(outcome), "status": form.status}
        if "message" in form.entry:
            words["message"] = str(fill(_message(form.entry, outcome), words))
            words["message"] = form.entry["template"].replace("{message}", words["message"])
        headers = [
            (name.encode(), header_value(text, words)) for name, text in form.entry.get("headers", {}).items()
        ]
        if form.entry.get("media") == "":
            return Answer(form.status, [*headers, (b"content-length", b"0")], b""), None
        if isinstance(outcome, FileDownload):
            return self._file(form, headers, outcome), None
        return self._filled(form, headers, words, isinstance(outcome, Ok))

    def _filled(
        self, form: AnswerForm, headers: Headers, words: Words, is_ok: bool
    ) -> tuple[Answer, str | None]:
        """The answer with the body that the contract has for it, filled with the words of the outcome."""
        writer = form.writer
        if writer is not None and "value" in words:
            words["value"] = writer.view(words["value"])
        body = form.body(words)
        if form.media == "" and (body in (None, "") or not is_ok):
            tag = [(b"etag", self._etag(b""))] if self._profile.etags and is_ok else []
            return Answer(form.status, [*headers, (b"content-length", b"0"), *tag], b""), None
        problem = form.problem
        if problem is None and self._operation and form.media == "":
            problem = f"status {form.status} is documented without content, and there is a value"
        if problem is None and writer is not None and body is not None and not isinstance(body, bytes):
            problem = _broken(form.status, writer.validator.problem(body))
        if isinstance(body, dict | list) and form.media != _JSON:  # it can go no other way
            form = replace(form, media=_JSON, content_type=self._content_type(form.entry, _JSON))
        sent = b"" if form.entry.get("body") == NONE else _written(form.media, body)
        return self._whole(form, headers, sent), problem

    def _form(self, kind: type[Outcome], status: int | None) -> AnswerForm:
        """How a kind of outcome is answered; with a `status` that is not its own, whatever is documented."""
        if status is not None:
            return self._make_form(kind, status)
        form = self._forms.get(kind)
        if form is None:
            form = self._forms[kind] = self._make_form(kind, None)
        return form

    def _make_form(self, kind: type[Outcome], status: int | None) -> AnswerForm:
        entry = self._entries[kind.__name__] or {}
        described = {} if status else self._described(int(entry["status"]))
        code = status or int(entry["status"])
        known: dict[str, Writer | None] = described or {}
        media = entry.get("media", _JSON if _JSON in known else next(iter(known), _JSON))
        writer = known.get(media)
        body = entry.get("body", "value")
        return AnswerForm(
            entry,
            code,
            media,
            writer,
            self._undocumented(code, described, media) if status is None else None,
            self._content_type(entry, media),
            self._bodies[body],
            self._sources.get(body) == "{value}"
            and "value" in kind.fields
            and media == _JSON
            and writer is not None
            and not entry.keys() & {"message", "headers", "media"},
            self._profile.etags and not entry.get("bare"),
        )

    def _undocumented(
        self, status: int, described: dict[str, Writer | None] | None, media: str
    ) -> str | None:
        """What the document lacks for an answer."""
        if not self._operation or media in (described or {}):
            return None
        if described is None:
            return f"status {status} is not documented"
        return f"status {status} is not documented with this media type"

    def _content_type(self, entry: Document, media: str) -> tuple[tuple[bytes, bytes], ...]:
        if entry.get("omit-content-type") or not media:
            return ()
        return ((b"content-type", media.encode() if entry.get("bare") else self._typed(media)),)

    def _file(self, form: AnswerForm, headers: Headers, file: FileDownload) -> Answer:
        """A file, byte for byte. Express pipes it, so it has no ETag."""
        length = (b"content-length", b"%d" % len(file.data))
        return Answer(form.status, [*headers, *form.content_type, length], file.data)

    def _whole(self, form: AnswerForm, headers: Headers, body: bytes) -> Answer:
        """A response of bytes, with the headers that this server gives to all."""
        found = [*headers, *form.content_type, (b"content-length", b"%d" % len(body))]
        if form.tagged:
            found.append((b"etag", self._etag(body)))
        return Answer(form.status, found, body)

    def _etag(self, body: bytes) -> bytes:
        """The ETag of a body; that of the last one is kept, for clients that poll."""
        kept, tag = self._tagged
        if body != kept:
            tag = etag(body)
            self._tagged = body, tag
        return tag

    def sent(self, status: int, headers: Headers, media: str, body: bytes) -> Answer:
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

    def _described(self, status: int) -> dict[str, Writer | None] | None:
        """What the document says of a status, by media type: of itself, or of its range such as 4XX."""
        return self._responses.get(status, self._ranges.get(status // 100))


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


def _broken(status: int, problem: Problem | None) -> str | None:
    return f"status {status}: {problem.path or 'the body'}: {problem.reason}" if problem else None


def _described(document: Document, writers: Writers, response: Document) -> dict[str, Writer | None]:
    """What a status is answered with, by media type; None if that has no schema."""
    content = response.get("content") or {"": {}}
    return {
        media: writers.writer(each["schema"]) if "schema" in each else None for media, each in content.items()
    }
