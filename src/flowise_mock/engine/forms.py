"""Forms: multipart bodies, cut into parts, and their fields as data.

What cannot be read is raised as an outcome; its text says what the sender can do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document, resolve
from flowise_mock.knowledge.files import Upload
from flowise_mock.state.outcomes import (
    BrokenForm,
    MissingBoundary,
    Report,
    SchemaViolation,
    UnexpectedFile,
    UnreadableContent,
)

Values = dict[str, Any]
MAX_PARTS = 1000
"""Parts of one form, fields and files."""


class Part(NamedTuple):
    """One part of a multipart body. `filename` is None for a plain field."""

    name: str
    filename: str | None
    type: str
    data: bytes


class Form:
    """The fields of a multipart schema, and how their texts are read; a `lenient` server leaves them texts.

    `x-form-target` names the field of the JSON body that all fields of a form with files become; of a
    form without files it is left out.
    """

    def __init__(self, document: Document, schema: Document, lenient: bool = False) -> None:
        self._lenient = lenient
        self._into = schema.get("x-form-target")
        self._fields = {name: resolve(document, each) for name, each in schema.get("properties", {}).items()}
        self._files = {name for name, each in self._fields.items() if _binary(document, each)}

    def read(self, options: dict[bytes, bytes], body: bytes, report: Report) -> tuple[Values, list[Upload]]:
        """The fields as data, with the names of files in the place of files; and the files."""
        values: Values = {}
        files: list[Upload] = []
        repeated: set[str] = set()
        for part in self._parts(options, body):
            if part.name in self._files:
                if part.filename is None:
                    raise SchemaViolation(f"form field {part.name}", "it is a file: send it with a filename")
                files.append(Upload(part.filename, part.type, part.data))
                values.setdefault(part.name, []).append(part.filename)
            elif part.filename is None:
                self._add(values, part, repeated)
            else:
                report(UnexpectedFile(part.name))
        for name in self._files & values.keys():
            if self._fields[name].get("type") != "array":
                values[name] = values[name][-1]
        return values, files

    def _parts(self, options: dict[bytes, bytes], body: bytes) -> Iterator[Part]:
        """The parts of a body. A real server keeps no folder of a file's name, and no file without a name."""
        for part in parts(options, body):
            if not self._lenient or part.filename is None:
                yield part
            elif name := _base_name(part.filename):
                yield part._replace(filename=name)

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

    def _add(self, values: Values, part: Part, repeated: set[str]) -> None:
        schema = self._fields.get(part.name, {})
        try:
            text = part.data.decode()
        except UnicodeDecodeError:
            raise UnreadableContent(f"form field {part.name}", "it is not UTF-8") from None
        value = text if self._lenient else _field(schema, text)
        if schema.get("type") == "array" and not isinstance(value, list):
            values.setdefault(part.name, []).append(value)
        elif part.name in repeated:
            values[part.name].append(value)
        elif part.name in values:
            values[part.name] = [values[part.name], value]  # sent twice: for its schema to refuse
            repeated.add(part.name)
        else:
            values[part.name] = value


def _field(schema: Document, text: str) -> Any:
    """A form field as data: a text stays a text, anything else is read as JSON if it can be.

    `True` and `False` are what Python's HTTP clients write.
    """
    if schema.get("nullable") and text == "null":
        return None
    if schema.get("type", "string") == "string":
        return text
    if schema["type"] == "boolean" and text in ("True", "False"):
        return text == "True"
    try:
        return jsontext.loads(text)
    except ValueError:
        return text


def _base_name(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1]
    return "" if name in (".", "..") else name


def _binary(document: Document, schema: Document) -> bool:
    return bool(resolve(document, schema.get("items", schema)).get("format") == "binary")


def parts(options: dict[bytes, bytes], body: bytes) -> list[Part]:
    """The parts of a multipart body; those without a name are passed over."""
    boundary = options.get(b"boundary")
    if not boundary:
        raise MissingBoundary("body", "its Content-Type has no boundary; let your HTTP client set it")
    found: list[Part] = []
    headers: list[tuple[bytes, bytes]] = []
    field, value, data = bytearray(), bytearray(), bytearray()
    ended, begun = False, 0

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

    def begin_part() -> None:
        nonlocal begun
        begun += 1
        if begun > MAX_PARTS:
            raise UnreadableContent("body", f"it has more than {MAX_PARTS} parts; send fewer")

    def end() -> None:
        nonlocal ended
        ended = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin_part,
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
        raise BrokenForm("body", f"it is not multipart/form-data: {error}") from None
    if not ended:
        raise BrokenForm("body", "it is not multipart/form-data: the closing boundary is missing")
    return found
