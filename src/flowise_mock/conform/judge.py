"""Judges an answer by its contract alone: status, media type, schema, fields that nobody documented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flowise_mock.conform.contract import Contract, Response
from flowise_mock.conform.wire import Answer
from flowise_mock.contract.document import Document, resolve

PAGE = (b"<!doctype html", b"<html")


class Fault(NamedTuple):
    """What is wrong with one answer."""

    check: str
    what: str
    expected: str = ""
    note: bool = False
    operation: str = ""
    """The operation to blame, where it is another than the one that answered."""


class Judge:
    """Answers judged by a contract. `absent` is what the server answers where it has no such path."""

    def __init__(self, contract: Contract, absent: Answer | None = None) -> None:
        self._contract = contract
        self._absent = absent

    def judge(self, operation: str, answer: Answer) -> Iterator[Fault]:
        """Everything wrong with an answer of an operation, whatever was asked."""
        if answer.trouble:
            check = "answers_in_time" if "within" in answer.trouble else "answers_whole"
            yield Fault(check, stable(answer.trouble), "a whole answer")
            return
        if self.is_absent(answer):
            yield Fault("operation_exists", "is not there", "the documented operation")
            return
        response = self._contract.response(operation, answer.status)
        if response is None:
            known = ", ".join(self._contract.responses(operation))
            yield Fault("status_code_conformance", f"{answer.status} is not documented", f"one of {known}")
            if is_page(answer):
                yield Fault("html_instead_of_json", f"{answer.status} with a web page", "JSON")
            return
        yield from self._body(response, answer)

    def may_refuse(self, operation: str, answer: Answer) -> bool:
        """Whether a refusal is documented for an ID: the contract says of most no more than `string`."""
        return "{" in self._contract.operations[operation].path and bool(
            self._contract.documented(operation, answer.status)
        )

    def is_absent(self, answer: Answer) -> bool:
        """Whether the server answers as it does where it has nothing."""
        known = self._absent
        if known is None or known.trouble or answer.status != known.status:
            return False
        if is_page(answer):
            return is_page(known)
        return (
            answer.status in (404, 405, 501) and answer.media == known.media and shape(answer) == shape(known)
        )

    def _body(self, response: Response, answer: Answer) -> Iterator[Fault]:
        if not response.schemas:
            if is_page(answer):
                yield Fault("html_instead_of_json", f"{answer.status} with a web page", "no body")
            elif answer.body.strip():
                named = answer.media or "no media type"
                what = f"{answer.status} has a body ({named}): {outline(answer.json())}"
                yield Fault("undocumented_body", what, "no body", note=True)
            return
        if is_page(answer) and "text/html" not in response.schemas:
            yield Fault(
                "html_instead_of_json", f"{answer.status} with a web page", " or ".join(response.schemas)
            )
            return
        media = matching(answer.media, response.schemas)
        if media is None:
            known = " or ".join(response.schemas)
            what = f"{answer.status} as {answer.media or 'no media type'}"
            yield Fault("content_type_conformance", what, known)
            media = next(iter(response.schemas))
        if media == "application/json" or media.endswith("+json"):
            yield from self._json(response, media, answer)
        elif not answer.body and media != "text/event-stream":
            yield Fault("response_schema_conformance", f"{answer.status} has no body", f"a body of {media}")

    def _json(self, response: Response, media: str, answer: Answer) -> Iterator[Fault]:
        value = answer.json()
        if not answer.body and not response.schemas[media]:
            return
        if value is None and answer.body.strip() != b"null":
            yield Fault("response_schema_conformance", f"{answer.status} is not JSON", "JSON")
            return
        check = "response_schema_conformance" if answer.status < 400 else "error_body"
        for what, expected in problems(response, media, value):
            yield Fault(check, f"{answer.status} {what}", expected)
        for path in undocumented(self._contract.document, response.schemas[media], value):
            yield Fault("undocumented_field", f"{answer.status} {path}", "documented fields alone", note=True)


def is_page(answer: Answer) -> bool:
    return answer.media == "text/html" and answer.body.lstrip()[:15].lower().startswith(PAGE)


def shape(answer: Answer) -> Any:
    """A body without what differs between two paths: its keys, or its first word."""
    value = answer.json()
    return [*sorted(value), outline_text(value)] if isinstance(value, dict) else answer.body[:12]


def outline_text(value: dict[str, Any]) -> str:
    """The first words of a message: they tell `no path` from `Tool 7 not found`."""
    message = str(value.get("message", value.get("error", "")))
    return " ".join(message.split()[:4])


def outline(value: Any) -> str:
    """What a value is, in few words: its keys, or its type."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(value)[:8]) + "}"
    return type_name(value)


def matching(media: str, known: Iterable[str]) -> str | None:
    """The documented media type that an answer's type is, ranges such as `image/*` included."""
    for each in known:
        if each in (media, "*/*") or (each.endswith("/*") and media.startswith(each[:-1])):
            return each
    return None


def stable(trouble: str) -> str:
    """A trouble without the address and numbers that differ between runs."""
    return trouble.split(": ")[0] if "broke" in trouble else trouble.split(" within")[0]


def type_name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def problems(response: Response, media: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each way in which a value breaks its schema: what, in stable words, and what was expected."""
    seen = set()
    for error in response.validators[media].errors(value):
        place = "/" + "/".join(location(error.schema_path, error.instance_path))
        what, expected = reason(error)
        if (place, what) not in seen:
            seen.add((place, what))
            yield f"{place} {what}", expected


def location(schema_path: list[str | int], instance_path: list[str | int]) -> Iterator[str]:
    """The place in an instance, with `*` for any index and `{}` for any key of a map."""
    names = {schema_path[i + 1] for i, part in enumerate(schema_path[:-1]) if part == "properties"}
    for part in instance_path:
        yield "*" if isinstance(part, int) else str(part) if part in names else "{}"


def reason(error: Any) -> tuple[str, str]:
    kind = error.kind.name
    found = type_name(error.instance)
    if kind == "type":
        return f"is {found}", " or ".join(error.kind.types)
    if kind == "required":
        return f"lacks {error.kind.property}", error.kind.property
    if kind == "enum":
        return (
            "is null" if error.instance is None else "is none of the documented values"
        ), "a documented value"
    if kind == "format":
        return "has another format", str(error.kind.format)
    if error.instance is None:
        return "is null", "no null"
    return f"does not fit ({kind})", str(error.message)[:200]


def has_place(document: Document, schema: Document, path: str) -> bool:
    """Whether a schema has a place for a path such as `chunks/0/id`; what it leaves open has."""
    for part in path.split("/"):
        schema = resolve(document, schema)
        if schema.get("type") == "array" or "items" in schema:
            if not part.isdigit():
                return False
            schema = schema.get("items", {})
        elif "properties" in schema:
            if part not in schema["properties"]:
                return bool(schema.get("additionalProperties"))
            schema = schema["properties"][part]
        else:
            return True
    return True


def undocumented(document: Document, schema: Document, value: Any, path: str = "") -> Iterator[str]:
    """Fields of a value that its schema does not name, where the schema names any."""
    seen = set()
    for place in _undocumented(document, schema, value, path):
        if place not in seen:
            seen.add(place)
            yield place


def _undocumented(document: Document, schema: Document, value: Any, path: str) -> Iterator[str]:
    schema = resolve(document, schema)
    parts = [resolve(document, part) for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word, [])]
    if isinstance(value, list):
        for item in value:
            yield from _undocumented(document, schema.get("items", {}), item, f"{path}/*")
    if not isinstance(value, dict):
        return
    known: dict[str, Document] = {}
    for part in [schema, *parts]:
        known.update(part.get("properties", {}))
    open_to = schema.get("additionalProperties")
    for name, child in value.items():
        if name in known:
            yield from _undocumented(document, known[name], child, f"{path}/{name}")
        elif known and open_to is None:
            yield f"{path}/{name}"
