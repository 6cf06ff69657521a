"""Requests: parameters and bodies, read and checked as the document says, with validators made once.

What cannot be read or does not fit is raised as an outcome; its text says what the sender can do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.types import Receive, Scope

from flowise_mock.contract import jsontext, v8
from flowise_mock.contract.document import Document, resolve
from flowise_mock.contract.names import snake
from flowise_mock.contract.query_strings import nested
from flowise_mock.contract.schemas import Schemas, Validator
from flowise_mock.engine.forms import Form, Values
from flowise_mock.knowledge.files import Upload
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.state.outcomes import (
    ContentTooLarge,
    MissingBody,
    Report,
    SchemaViolation,
    UnreadableContent,
    UnsupportedMediaType,
)

LARGE = 1024 * 1024
"""Bytes of a body from which on it is joined and read in a thread."""


class ClientDisconnect(Exception):
    """The client disconnected before its request was whole. There is no one to answer."""


# --- parameters ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation and the keyword under which its handler gets it."""

    name: str
    keyword: str
    place: str
    required: bool
    read: Callable[[str], Any]
    validator: Validator | None
    default: Any
    values: dict[str, Any] | None
    beside: str
    without: str


class Parameters:
    """The path and query parameters of one operation; a `lenient` server takes any text for them.

    `x-as` is the name under which the handler knows a parameter, `x-values` what its texts mean, of
    which all others count as absent. `x-with` and `x-without` name another one: only with that, or
    without it, does this one count.
    """

    def __init__(
        self, document: Document, schemas: Schemas, definitions: list[Document], lenient: bool = False
    ) -> None:
        found = [_parameter(document, schemas, resolve(document, each), lenient) for each in definitions]
        self._path = [each for each in found if each.place == "path"]
        self._query = [each for each in found if each.place == "query"]
        self._lenient = lenient

    def read(self, path: dict[str, str], query: bytes) -> Values:
        """The parameters that were sent and the defaults of those that were not, by keyword."""
        values: Values = {}
        for each in self._path:
            values[each.keyword] = _value(each, path[each.name])
        if self._query:
            sent = self._sent(query.decode("latin-1"))
            for each in self._query:
                if each.name in sent and _counts(each, sent):
                    values[each.keyword] = _value(each, sent[each.name])
                elif each.default is not None:
                    values[each.keyword] = each.default
                elif each.required:
                    raise SchemaViolation(f"query parameter {each.name}", "it is required")
        return values

    def _sent(self, query: str) -> dict[str, str]:
        """The texts of a query: the first of each name; a real server joins what is repeated."""
        if not self._lenient:
            return dict(reversed(parse_qsl(query, True, errors="replace")))
        return {name: v8.text(value) for name, value in nested(query).items()}


def _parameter(document: Document, schemas: Schemas, definition: Document, lenient: bool) -> Parameter:
    """A parameter; a lenient server leaves whole numbers as texts: JavaScript reads the beginning of them."""
    schema = resolve(document, definition["schema"])
    values = definition.get("x-values")
    default = schema.get("default")
    return Parameter(
        definition["name"],
        snake(str(definition.get("x-handler-name", definition["name"]))),
        definition["in"],
        bool(definition.get("required")) and not lenient,
        str if lenient and schema.get("type") == "integer" else _READ.get(schema.get("type", ""), str),
        None if lenient or _takes_any_text(schema) else schemas.compile(schema),
        values.get(default) if values and default is not None else default,
        values,
        definition.get("x-requires", ""),
        definition.get("x-excludes", ""),
    )


def _takes_any_text(schema: Document) -> bool:
    return schema.get("type") == "string" and not schema.keys() - {"type", "description", "title", "example"}


def _counts(parameter: Parameter, sent: dict[str, str]) -> bool:
    """Whether a parameter that was sent means anything."""
    if parameter.values is not None and sent[parameter.name] not in parameter.values:
        return False
    return (not parameter.beside or parameter.beside in sent) and parameter.without not in sent


def _value(parameter: Parameter, text: str) -> Any:
    value = parameter.read(text) if parameter.values is None else parameter.values[text]
    if parameter.validator is not None and not parameter.validator.accepts(value):
        problem = parameter.validator.problem(value)
        raise SchemaViolation(
            f"{parameter.place} parameter {parameter.name}", problem.reason if problem else ""
        )
    return value


def _boolean(text: str) -> Any:
    return {"true": True, "True": True, "false": False, "False": False}.get(text, text)


def _number(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except ValueError:
        return text


_READ: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean, "number": _number, "integer": _number,
}  # fmt: skip


# --- bodies ----------------------------------------------------------------------------------------


class Bodies:
    """The request body of one operation: which media types it takes, and their schemas.

    A `lenient` server reads what it can, takes anything else for `{}`, and checks nothing.
    """

    def __init__(
        self, document: Document, schemas: Schemas, definition: Document, lenient: bool = False
    ) -> None:
        self._lenient = lenient
        self._required = bool(definition.get("required"))
        content = {media.lower(): each.get("schema", {}) for media, each in definition["content"].items()}
        self._schemas = {media: resolve(document, schema) for media, schema in content.items()}
        self._validators = {media: schemas.compile(schema) for media, schema in content.items()}
        self._forms = {media: Form(document, schema, lenient) for media, schema in self._schemas.items()
                       if media == "multipart/form-data"}  # fmt: skip
        self.accepted = " or ".join(content)
        variants = self._schemas.get("application/json", {}).get("oneOf", [])
        self._takes_array = any(each.get("type") == "array" for each in variants)

    def read(self, content_type: str, body: bytes, report: Report) -> tuple[Any, list[Upload]]:
        """The body as data, and the files in it; `{}` where an optional body is missing."""
        if self._lenient:
            return self._taken(content_type, body, report)
        if not body:
            if self._required:
                raise MissingBody(self.accepted)
            return {}, []
        name, options = media_type(content_type)
        name = name or next(iter(self._schemas))
        if name not in self._schemas:
            raise UnsupportedMediaType(name, self.accepted)
        value, files = self._parse(name, options, body, report)
        problem = self._validators[name].problem(value)
        if problem is not None:
            raise SchemaViolation("/".join(["body", problem.path]).rstrip("/"), problem.reason)
        if name in self._forms:
            self._forms[name].drop_files(value)
        return value, files

    def fitted(self, value: Any) -> Any:
        """A body that was parsed before: an array counts as nothing, unless the schema has one."""
        return value if isinstance(value, dict) or self._takes_array else {}

    def _taken(self, content_type: str, body: bytes, report: Report) -> tuple[Any, list[Upload]]:
        name, options = media_type(content_type)
        if name in self._forms:
            values, files = self._forms[name].read(options, body, report)
            return self._forms[name].placed(values, files), files
        return {}, []  # JSON and URL-encoded forms were read before (body_parser.py)

    def _parse(
        self, name: str, options: dict[bytes, bytes], body: bytes, report: Report
    ) -> tuple[Any, list[Upload]]:
        if name in self._forms:
            return self._forms[name].read(options, body, report)
        try:
            return jsontext.loads(body.removeprefix(b"\xef\xbb\xbf")), []
        except ValueError as error:
            raise UnreadableContent("body", f"it is not JSON in UTF-8: {error}") from None


@lru_cache(256)
def media_type(content_type: str) -> tuple[str, dict[bytes, bytes]]:
    """The media type in lower case, and its parameters."""
    media, options = parse_options_header(content_type)
    return media.decode("latin-1").strip().lower(), options


async def receive_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, chunked or not; TooLarge over `limit` bytes, ClientDisconnect if the client left."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise ContentTooLarge(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise ContentTooLarge(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    if len(chunks) == 1:
        return chunks[0]
    if size > LARGE:  # in a thread, as it lets others go on then
        return await asyncio.to_thread(b"".join, chunks)
    return b"".join(chunks)


# --- whole requests --------------------------------------------------------------------------------


def http_request(scope: Scope, body: Any, operation: str) -> HttpRequest:
    """A request as rules match it; `body` is what was read of its body."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return HttpRequest(scope["method"], scope["path"], query, headers, body, operation)
