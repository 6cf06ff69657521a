"""Bodies and parameters, read as the document says."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.contract.names import snake
from flowise_mock.contract.schemas import Schemas
from flowise_mock.engine import body_parser
from flowise_mock.engine.forms import Form, parts
from flowise_mock.engine.path_tree import Node
from flowise_mock.engine.requests import Bodies, Parameters, receive_body
from flowise_mock.engine.routing import segments
from flowise_mock.state.outcomes import (
    ContentTooLarge,
    MissingBody,
    Outcome,
    SchemaViolation,
    UnreadableContent,
    UnsupportedMediaType,
)

FORM = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
        "note": {"type": "string", "nullable": True},
        "flag": {"type": "boolean"},
        "meta": {"type": "object", "nullable": True},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
BODY = {
    "content": {
        "application/json": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "multipart/form-data": {"schema": FORM},
    }
}
END = "\r\n"
BOUNDARY = "multipart/form-data; boundary=b"


def bodies(required: bool = True) -> Bodies:
    return Bodies({}, Schemas({}), {**BODY, "required": required})


def form(*fields: str) -> bytes:
    return (
        "".join(
            f"--b\r\nContent-Disposition: form-data; {each.removesuffix(END)}\r\n" for each in fields
        ).encode()
        + b"--b--\r\n"
    )


FILE = 'name="files"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello'


def test_json() -> None:
    assert bodies().read("application/json; charset=utf-8", b'{"n":1}', lambda _: None) == ({"n": 1}, [])
    assert bodies().read("", b'\xef\xbb\xbf{"n":1}', lambda _: None) == ({"n": 1}, [])


def test_an_optional_body_may_be_absent_whatever_its_type_says() -> None:
    assert bodies(required=False).read("application/json", b"", lambda _: None) == ({}, [])
    with pytest.raises(MissingBody):
        bodies().read("application/json", b"", lambda _: None)


@pytest.mark.parametrize(
    ("media", "body", "outcome", "told"),
    [
        ("application/json", b"{", UnreadableContent, "not JSON"),
        ("application/json", b'{"n":"\xff"}', UnreadableContent, "UTF-8"),
        ("application/json", b"[" * 100_000, UnreadableContent, "not JSON"),
        ("application/json", b'{"n":' + b"9" * 5000 + b"}", UnreadableContent, "not JSON"),
        ("application/json", b'{"n":"\\ud800"}', UnreadableContent, "surrogate"),
        ("application/json", b"[1]", SchemaViolation, "object"),
        ("application/json", b'{"n":"x"}', SchemaViolation, "integer"),
        ("text/plain", b"x", UnsupportedMediaType, "application/json or multipart"),
        ("\x00garbage;;;=", b"x", UnsupportedMediaType, "application/json or multipart"),
        ("multipart/form-data", b"x", UnreadableContent, "boundary"),
        (BOUNDARY, b"x", UnreadableContent, "multipart"),
        (BOUNDARY, b"--b\r\n", UnreadableContent, "closing boundary"),
        (BOUNDARY, form('name="note"\r\n\r\nx'), SchemaViolation, "files"),
        (BOUNDARY, form('name="files"\r\n\r\nx\r\n'), SchemaViolation, "filename"),
        (BOUNDARY, form(f"{FILE}\r\n", 'name="flag"\r\n\r\nmaybe\r\n'), SchemaViolation, "boolean"),
        (BOUNDARY, form(f"{FILE}\r\n", 'name="note"\r\n\r\nx\r\n', 'name="note"\r\n\r\ny\r\n'), SchemaViolation, "string"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(media: str, body: bytes, outcome: type[Outcome], told: str) -> None:
    with pytest.raises(outcome) as raised:
        bodies().read(media, body, lambda _: None)
    assert told in " ".join(str(value) for value in vars(raised.value).values())


def test_a_form_is_read_by_its_schema() -> None:
    fields = [f"{FILE}\r\n", 'name="note"\r\n\r\nnull\r\n', 'name="flag"\r\n\r\ntrue\r\n',
              'name="meta"\r\n\r\n{"a":1}\r\n', 'name="tags"\r\n\r\nx\r\n', 'name="tags"\r\n\r\ny\r\n',
              'name="more"\r\n\r\nkept\r\n', "\r\n\r\nnameless\r\n"]  # fmt: skip
    value, files = bodies().read(BOUNDARY, form(*fields), lambda _: None)
    assert value == {"note": None, "flag": True, "meta": {"a": 1}, "tags": ["x", "y"], "more": "kept"}
    assert [(file.name, file.type, file.data) for file in files] == [("a.txt", "text/plain", b"hello")]


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("False", False), ("true", True), ("TRUE", "TRUE")]
)
def test_booleans_of_python_clients(text: str, value: Any) -> None:
    """`requests` writes `str(False)` into a form and into a query."""
    schemas = {"type": "object", "properties": {"flag": {"type": "boolean"}}}
    read, _ = Form({}, schemas).read(
        {b"boundary": b"b"}, form(f'name="flag"\r\n\r\n{text}\r\n'), lambda _: None
    )
    assert read == {"flag": value}
    found = parameters({"name": "flag", "in": "query", "schema": {"type": "boolean"}})
    if isinstance(value, bool):
        assert found.read({}, f"flag={text}".encode()) == {"flag": value}
    else:
        with pytest.raises(SchemaViolation):
            found.read({}, f"flag={text}".encode())


@pytest.mark.parametrize(
    "part", ['name="a"\r\n\r\n\r\n', 'name="f"; filename="x"\r\n\r\n\r\n', "\r\n\r\n\r\n"]
)
def test_a_form_has_so_many_parts(part: str) -> None:
    options = {b"boundary": b"b"}
    parts(options, form(*[part] * 1000))
    started = time.process_time()
    with pytest.raises(UnreadableContent) as raised:
        parts(options, form(*[part] * 100_000))
    assert "more than 1000 parts" in raised.value.detail
    assert time.process_time() - started < 0.5


def test_parts_keep_their_bytes() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n\x00\r\n--not\xff\r\n--b--'
    (part,) = parts({b"boundary": b"b"}, body)
    assert part.data == b"\x00\r\n--not\xff"


def parameters(*definitions: dict[str, Any]) -> Parameters:
    return Parameters({}, Schemas({}), list(definitions))


def test_parameters_are_typed_and_named_in_snake_case() -> None:
    found = parameters(
        {"name": "chatId", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "hardDelete", "in": "query", "schema": {"type": "boolean"}},
        {"name": "order", "in": "query", "schema": {"type": "string", "enum": ["A", "B"], "default": "A"}},
        {"name": "page", "in": "query", "schema": {"type": "integer"}},
    )
    values = found.read({"chatId": "7"}, b"hardDelete=true&page=3&other=1")
    assert values == {"chat_id": "7", "hard_delete": True, "order": "A", "page": 3}
    for query in (b"hardDelete=yes", b"order=C", b"page=1.5", b"page=", b"page=%ff"):
        with pytest.raises(SchemaViolation):
            found.read({"chatId": "7"}, query)


def test_names() -> None:
    assert snake("createChatMessageFeedbackForChatflow") == "create_chat_message_feedback_for_chatflow"
    assert snake("document-store") == "document_store"


def test_routes_prefer_literals_and_fall_back() -> None:
    root = Node()
    root.add("/a/{id}", "get", "one")
    root.add("/a/query", "post", "query")
    root.add("/a/{id}/b", "get", "deep")
    found = root.find(["a", "query"])
    assert found is not None
    assert found[0].allow == "POST"
    deep = root.find(["a", "query", "b"])
    assert deep is not None
    assert deep[1] == ("query",)
    assert root.find(["a"]) is None
    assert root.find(["a", ""]) is None


def test_a_slash_in_an_escape_is_no_separator() -> None:
    assert segments("/a/b%2Fc/") == ["a", "b/c"]
    with pytest.raises(UnreadableContent):
        segments("/a/%ff")


def test_json_text_that_is_none_is_empty() -> None:
    assert jsontext.mapping('{"a":1}') == {"a": 1}
    assert jsontext.mapping("[]") == {}
    assert jsontext.sequence("{") == []
    assert jsontext.mapping(None) == {}
    assert jsontext.mapping("[" * 100_000) == {}
    deep = "[" * 150 + "]" * 150
    assert jsontext.dumps(jsontext.loads(deep)) == deep
    with pytest.raises(ValueError, match="deeper"):
        jsontext.loads("[" * 300 + "]" * 300)


@pytest.mark.parametrize("inner", ["", "1", '"a"', "{}", '{"a": 1}'])
def test_json_may_have_200_levels(inner: str) -> None:
    levels = 200 - inner.count("{")
    for opening, closing in (("[", "]"), ('{"a": ', "}")):
        if inner or opening == "[":
            text = opening * levels + inner + closing * levels
            assert jsontext.dumps(jsontext.loads(text))
            with pytest.raises(ValueError, match="deeper than 200"):
                jsontext.loads(f"[{text}]")


# --- the limit of a body ---------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("size", "passes"), [(9, True), (10, True), (11, False), (12, False)])
def test_a_body_may_have_as_many_bytes_as_the_limit(size: int, passes: bool, announced: bool) -> None:
    chunks = [b"a" * (size - 1), b"a"]
    headers = [(b"content-length", str(size).encode())] if announced else []

    async def receive() -> Any:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def read() -> bytes:
        return await receive_body({"headers": headers}, receive, 10)

    if passes:
        assert asyncio.run(read()) == b"a" * size
    else:
        with pytest.raises(ContentTooLarge):
            asyncio.run(read())


# --- large bodies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "is_beside"), [(1000, False), (300_000, True)])
def test_a_large_body_is_parsed_beside_the_loop(
    size: int, is_beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    parse = body_parser.parse_json

    def noted(text: str) -> Any:
        threads.append(threading.get_ident())
        return parse(text)

    monkeypatch.setattr(body_parser, "parse_json", noted)
    body = b"[" + b"1," * (size // 2)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a broken body is refused before the app")

    parser = body_parser.BodyParserMiddleware(app, max_body=1_000_000)
    with pytest.raises(UnreadableContent) as refused:
        asyncio.run(parser._parse("application/json", {}, {}, {"type": "http", "headers": []}, receive))
    assert refused.value.detail == "Unexpected end of JSON input"
    assert (threads != [threading.get_ident()]) is is_beside


def test_half_a_surrogate_pair_in_utf_7_is_replaced() -> None:
    raw, value = body_parser._read(b'{"a": "+2AA-"}', "identity", "utf-7", body_parser.parse_json, 100)
    assert (raw, value) == (b'{"a": "?"}', {"a": "?"})
