"""Answers: the one place where an outcome becomes a response.

`x-outcomes` of the contract maps the name of an outcome to scalars (status, message, body, media)
and headers, at the root as defaults and per operation; `'*'` stands for every failure. `x-bodies`
holds the bodies by name. Every answer is checked against the document: one that breaks the contract
is logged and sent as the outcome `Broken`, never silently.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, NamedTuple

import orjson

from flowise_mock import outcomes
from flowise_mock.document import Document, DocumentError, resolve
from flowise_mock.engine.views import View, compile_view
from flowise_mock.outcomes import Broken, Condition, Failure, Outcome, Result
from flowise_mock.schemas import Schemas, Validator, shortened

log = logging.getLogger("flowise_mock")
Words = dict[str, Any]
Template = Callable[[Words], Any]
PROCEED = "proceed"


class Answer(NamedTuple):
    """A response, ready to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Response(NamedTuple):
    """What the document says of one status of an operation."""

    media: str
    view: View
    validator: Validator | None


def kinds() -> dict[str, type[Outcome]]:
    """Every outcome there is, by name."""
    abstract = (Outcome, Result, Failure, Condition)
    return {
        name: kind
        for name, kind in vars(outcomes).items()
        if isinstance(kind, type) and issubclass(kind, Outcome) and kind not in abstract
    }


class Answers:
    """How the outcomes of one operation are answered; of no operation, where a request meets none.

    Raises DocumentError at start where an outcome has no answer.
    """

    def __init__(self, document: Document, schemas: Schemas, operation: Document | None = None) -> None:
        self._bodies = {name: template(body) for name, body in document.get("x-bodies", {}).items()}
        self._operation = operation or {}
        self._names = self._operation.get("x-names", {})
        self._entries = {
            name: self._entry(document.get("x-outcomes", {}), name, kind) for name, kind in kinds().items()
        }
        self._responses = {
            int(status): _response(document, schemas, resolve(document, response))
            for status, response in self._operation.get("responses", {}).items()
            if status.isdigit()
        }

    def _entry(self, root: Document, name: str, kind: type[Outcome]) -> Document | None:
        """The merged entry of an outcome; None where the contract lets it pass."""
        own = self._operation.get("x-outcomes", {})
        general = [root.get("*"), own.get("*")] if issubclass(kind, Failure) else []
        sources = [*general, root.get(name), own.get(name)]
        entry: Document | None = {}
        for source in sources:
            if source == PROCEED:
                entry = None
            elif source:
                entry = {**(entry or {}), **source}
        where = self._operation.get("operationId", "the root")
        if entry is None and not issubclass(kind, Condition):
            raise DocumentError(f"x-outcomes of {where}: {name} cannot proceed, it ends a request")
        if entry is not None and not isinstance(entry.get("status"), int):
            raise DocumentError(f"x-outcomes of {where}: {name} has no status")
        if entry is not None and entry.get("body", "value") not in self._bodies:
            raise DocumentError(f"x-outcomes of {where}: {name}: no x-bodies {entry['body']!r}")
        unknown = _words_of(entry or {}) - set(kind.__dataclass_fields__) - {"status", *self._names}
        if unknown:
            raise DocumentError(f"x-outcomes of {where}: {name} has no word {', '.join(sorted(unknown))}")
        return entry

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
        return str(
            fill(entry.get("message", ""), {**self._names, **vars(outcome), "status": entry.get("status")})
        )

    def render(self, outcome: Outcome) -> Answer:
        """The response to `outcome`, checked against the document."""
        answer, problem = self._render(outcome)
        if problem is None:
            return answer
        where = self._operation.get("operationId", "no operation")
        log.error("the answer of %s to %s breaks the contract: %s", where, type(outcome).__name__, problem)
        return self._render(Broken(problem))[0]

    def _render(self, outcome: Outcome) -> tuple[Answer, str | None]:
        entry = self._entries[type(outcome).__name__] or {}
        status: int = entry["status"]
        response = self._responses.get(status)
        words: Words = {**self._names, **vars(outcome), "status": status}
        if "message" in entry:
            words["message"] = str(fill(entry["message"], words))
        headers = [
            (name.encode(), _header(fill(text, words))) for name, text in entry.get("headers", {}).items()
        ]
        media = entry.get("media", response.media if response else "application/json")
        if media == "":
            return Answer(status, [*headers, (b"content-length", b"0")], b""), None
        if response is not None and "value" in words:
            words["value"] = response.view(words["value"])
        body = self._bodies[entry.get("body", "value")](words)
        problem = self._problem(status, response, body)
        sent = _written(media, body)
        headers += [(b"content-type", media.encode()), (b"content-length", str(len(sent)).encode())]
        return Answer(status, headers, sent), problem

    def _problem(self, status: int, response: Response | None, body: Any) -> str | None:
        if not self._operation:
            return None
        if response is None:
            return f"status {status} is not documented"
        if response.validator is None or isinstance(body, bytes):
            return None
        found = response.validator.problem(body)
        return f"status {status}: {found.path or 'the body'}: {found.reason}" if found else None


def _words_of(entry: Document) -> set[str]:
    """The words in braces that the texts of an entry use."""
    texts = [entry.get("message", ""), *entry.get("headers", {}).values()]
    return {word for text in texts for _, word, _, _ in Formatter().parse(str(text)) if word}


def _header(text: Any) -> bytes:
    """The value of a header: a name that a client chose must not end it."""
    return re.sub(r"[\x00-\x1f\x7f]", "_", str(text)).encode("latin-1", "replace")


def _written(media: str, body: Any) -> bytes:
    """A body as it is sent: JSON where the media type says so, a file byte for byte, else text."""
    if isinstance(body, bytes):
        return body
    return orjson.dumps(body) if media == "application/json" else str(body).encode()


def _response(document: Document, schemas: Schemas, response: Document) -> Response:
    content = response.get("content", {})
    media = next(iter(content), "")
    schema = content[media].get("schema") if media else None
    if schema is None:
        return Response(media, lambda value: value, None)
    return Response(media, compile_view(document, schema), schemas.compile(schema))


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
