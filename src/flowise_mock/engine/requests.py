"""Requests: parameters and bodies, read and checked as the document says, with validators made once.

What cannot be read or does not fit is raised as an outcome; its text tells the sender what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.types import Receive, Scope

from flowise_mock import jsontext, v8
from flowise_mock.call import Report, Upload
from flowise_mock.document import Document, resolve
from flowise_mock.outcomes import Invalid, NoBody, TooLarge, UnexpectedFile, Unparsable, Unsupported
from flowise_mock.reach import snake
from flowise_mock.schemas import Schemas, Validator

Values = dict[str, Any]


class Gone(Exception):
    """The client went away before its request was whole. There is no one to answer."""


# --- parameters ------------------------------------------------------------------------------------


class Parameter(NamedTuple):
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

    def read(self, path: dict[str, str], query: bytes) -> Values:
        """The parameters that were sent and the defaults of those that were not, by keyword."""
        values: Values = {}
        for each in self._path:
            values[each.keyword] = _value(each, path[each.name])
        if self._query:
            sent = dict(reversed(parse_qsl(query.decode("latin-1"), True, errors="replace")))
            for each in self._query:
                if each.name in sent and _counts(each, sent):
                    values[each.keyword] = _value(each, sent[each.name])
                elif each.default is not None:
                    values[each.keyword] = each.default
                elif each.required:
                    raise Invalid(f"query parameter {each.name}", "it is required")
        return values


def _parameter(document: Document, schemas: Schemas, definition: Document, lenient: bool) -> Parameter:
    schema = resolve(document, definition["schema"])
    values = definition.get("x-values")
    default = schema.get("default")
    return Parameter(
        definition["name"],
        snake(str(definition.get("x-as", definition["name"]))),
        definition["in"],
        bool(definition.get("required")) and not lenient,
        _READ.get(schema.get("type", ""), str),
        None if lenient else schemas.compile(schema),
        values.get(default) if values and default is not None else default,
        values,
        definition.get("x-with", ""),
        definition.get("x-without", ""),
    )


def _counts(parameter: Parameter, sent: dict[str, str]) -> bool:
    """Whether a parameter that was sent means anything."""
    if parameter.values is not None and sent[parameter.name] not in parameter.values:
        return False
    return (not parameter.beside or parameter.beside in sent) and parameter.without not in sent


def _value(parameter: Parameter, text: str) -> Any:
    value = parameter.read(text) if parameter.values is None else parameter.values[text]
    if parameter.validator is not None and not parameter.validator.accepts(value):
        problem = parameter.validator.problem(value)
        raise Invalid(f"{parameter.place} parameter {parameter.name}", problem.reason if problem else "")
    return value


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)


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

    def read(self, content_type: str, body: bytes, report: Report) -> tuple[Any, list[Upload]]:
        """The body as data, and the files in it; `{}` where an optional body is missing."""
        if self._lenient:
            return self._taken(content_type, body, report)
        if not body:
            if self._required:
                raise NoBody(self.accepted)
            return {}, []
        media, options = parse_options_header(content_type)
        name = media.decode("latin-1").strip().lower() or next(iter(self._schemas))
        if name not in self._schemas:
            raise Unsupported(name, self.accepted)
        value, files = self._parse(name, options, body, report)
        problem = self._validators[name].problem(value)
        if problem is not None:
            raise Invalid("/".join(["body", problem.path]).rstrip("/"), problem.reason)
        if name in self._forms:
            self._forms[name].drop_files(value)
        return value, files

    def _taken(self, content_type: str, body: bytes, report: Report) -> tuple[Any, list[Upload]]:
        media, options = parse_options_header(content_type)
        name = media.decode("latin-1").strip().lower()
        if name in self._forms:
            values, files = self._forms[name].read(options, body, report)
            return self._forms[name].placed(values, files), files
        if name == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(errors="replace"), True, errors="replace")), []
        if name != "application/json" or not body:
            return {}, []
        try:
            value = jsontext.loads(body)
        except ValueError as error:
            found = v8.strict_complaint(body.decode(errors="replace")) or v8.Complaint(str(error))
            raise Unparsable("body", *found) from None
        if not isinstance(value, (dict, list)):
            found = v8.strict_complaint(body.decode(errors="replace")) or v8.Complaint("not an object")
            raise Unparsable("body", *found)
        return value if isinstance(value, dict) else {}, []

    def _parse(
        self, name: str, options: dict[bytes, bytes], body: bytes, report: Report
    ) -> tuple[Any, list[Upload]]:
        if name in self._forms:
            return self._forms[name].read(options, body, report)
        try:
            return jsontext.loads(body.removeprefix(b"\xef\xbb\xbf")), []
        except ValueError as error:
            raise Unparsable("body", f"it is not JSON in UTF-8: {error}") from None


async def receive_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, chunked or not; TooLarge over `limit` bytes, Gone if the client went away."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise TooLarge(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


# --- multipart -------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One part of a multipart body. `filename` is None for a plain field."""

    name: str
    filename: str | None
    type: str
    data: bytes


class Form:
    """The fields of a multipart schema, and how their texts are read; a `lenient` server leaves them texts.

    `x-form-into` names the field of the JSON body that all fields of a form with files become; of a
    form without files it is left out.
    """

    def __init__(self, document: Document, schema: Document, lenient: bool = False) -> None:
        self._lenient = lenient
        self._into = schema.get("x-form-into")
        self._fields = {name: resolve(document, each) for name, each in schema.get("properties", {}).items()}
        self._files = {name for name, each in self._fields.items() if _binary(document, each)}

    def read(self, options: dict[bytes, bytes], body: bytes, report: Report) -> tuple[Values, list[Upload]]:
        """The fields as data, with the names of files in the place of files; and the files."""
        values: Values = {}
        files: list[Upload] = []
        for part in parts(options, body):
            if part.name in self._files:
                if part.filename is None:
                    raise Invalid(f"form field {part.name}", "it is a file: send it with a filename")
                files.append(Upload(part.filename, part.type, part.data))
                values.setdefault(part.name, []).append(part.filename)
            elif part.filename is None:
                self._add(values, part)
            else:
                report(UnexpectedFile(part.name))
        for name in self._files & values.keys():
            if self._fields[name].get("type") != "array":
                values[name] = values[name][-1]
        return values, files

    def placed(self, values: Values, files: list[Upload]) -> Values:
        """The fields where a handler looks for them."""
        self.drop_files(values)
        if self._into:
            values.pop(self._into, None)
            return {**values, **({self._into: dict(values)} if files else {})}
        return values

    def drop_files(self, values: Values) -> None:
        """Leave only the plain fields, once the whole form was checked."""
        for name in self._files:
            values.pop(name, None)

    def _add(self, values: Values, part: Part) -> None:
        schema = self._fields.get(part.name, {})
        try:
            text = part.data.decode()
        except UnicodeDecodeError:
            raise Unparsable(f"form field {part.name}", "it is not UTF-8") from None
        value = text if self._lenient else _field(schema, text)
        if schema.get("type") == "array" and not isinstance(value, list):
            values.setdefault(part.name, []).append(value)
        elif part.name in values:
            values[part.name] = [values[part.name], value]  # sent twice: for its schema to refuse
        else:
            values[part.name] = value


def _field(schema: Document, text: str) -> Any:
    """A form field as data: a text stays a text, anything else is read as JSON where it can be."""
    if schema.get("nullable") and text == "null":
        return None
    if schema.get("type", "string") == "string":
        return text
    try:
        return jsontext.loads(text)
    except ValueError:
        return text


def _binary(document: Document, schema: Document) -> bool:
    return bool(resolve(document, schema.get("items", schema)).get("format") == "binary")


def parts(options: dict[bytes, bytes], body: bytes) -> list[Part]:
    """The parts of a multipart body; those without a name are passed over."""
    boundary = options.get(b"boundary")
    if not boundary:
        raise Unparsable("body", "its Content-Type has no boundary; let your HTTP client set it")
    found: list[Part] = []
    headers: list[tuple[bytes, bytes]] = []
    field, value, data = bytearray(), bytearray(), bytearray()
    ended = False

    def end_header() -> None:
        headers.append((bytes(field).lower(), bytes(value)))
        field.clear()
        value.clear()

    def end_part() -> None:
        held = dict(headers)
        _, disposition = parse_options_header(held.get(b"content-disposition", b""))
        if b"name" in disposition:
            name = disposition.get(b"filename")
            found.append(
                Part(
                    disposition[b"name"].decode("utf-8", "replace"),
                    None if name is None else name.decode("utf-8", "replace"),
                    held.get(b"content-type", b"application/octet-stream").decode("latin-1"),
                    bytes(data),
                )
            )
        headers.clear()
        data.clear()

    def end() -> None:
        nonlocal ended
        ended = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda chunk, start, stop: field.extend(chunk[start:stop]),
                "on_header_value": lambda chunk, start, stop: value.extend(chunk[start:stop]),
                "on_header_end": end_header,
                "on_part_data": lambda chunk, start, stop: data.extend(chunk[start:stop]),
                "on_part_end": end_part,
                "on_end": end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Unparsable("body", f"it is not multipart/form-data: {error}") from None
    if not ended:
        raise Unparsable("body", "it is not multipart/form-data: the closing boundary is missing")
    return found
