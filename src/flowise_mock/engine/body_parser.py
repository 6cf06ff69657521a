"""Reads JSON and URL-encoded bodies before anything else, as Express does.

Express runs its parsers before CORS, its other headers, keys and routes. So a broken body is refused at any
path and method, without a key, and without the headers that later middlewares add.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import zlib
from collections.abc import Callable
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from flowise_mock.contract import jsontext, v8
from flowise_mock.contract.query_strings import nested
from flowise_mock.engine.http_exchange import Answer, AnsweringApp
from flowise_mock.engine.request_state import request_state
from flowise_mock.engine.requests import ClientDisconnect, media_type, receive_body
from flowise_mock.state.outcomes import (
    ContentTooLarge,
    Failure,
    UnreadableContent,
    UnsupportedCharset,
    UnsupportedEncoding,
)

LARGE = 256 * 1024
"""Bytes of a body from which on it is read in a thread."""
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class BodyParserMiddleware:
    """Parses a body once, for the endpoint, or refuses the request."""

    def __init__(self, app: AnsweringApp, max_body: int) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        state = request_state(scope)
        headers = state.headers
        name, options = media_type(headers.get(b"content-type", b"").decode("latin-1"))
        if name not in (JSON, FORM) or not _has_body(headers):
            return await self.app(scope, receive, send)
        try:
            state.body, state.parsed = await self._parse(name, options, headers, scope, receive)
        except ClientDisconnect:
            return None
        except Failure as refused:
            state.without_headers = True
            return state.answers.render(refused)
        return await self.app(scope, _replay(state.body, receive), send)

    async def _parse(
        self,
        name: str,
        options: dict[bytes, bytes],
        headers: dict[bytes, bytes],
        scope: Scope,
        receive: Receive,
    ) -> tuple[bytes, Any]:
        charset = options.get(b"charset", b"utf-8").decode("latin-1").lower()
        if not charset.startswith("utf-") or (name == FORM and charset != "utf-8"):
            raise UnsupportedCharset(charset.upper(), "UTF-8")
        raw = await receive_body(scope, receive, self.max_body)
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").lower()
        parse: Callable[[str], Any] = nested if name == FORM else parse_json
        if len(raw) > LARGE or encoding != "identity":  # others are answered while it is read
            return await asyncio.to_thread(_read, raw, encoding, charset, parse, self.max_body)
        return _read(raw, encoding, charset, parse, self.max_body)


def _read(
    raw: bytes, encoding: str, charset: str, parse: Callable[[str], Any], limit: int
) -> tuple[bytes, Any]:
    """A body without its encoding, in UTF-8, and as data."""
    text, raw = _decoded(inflated(raw, encoding, limit), charset)
    return raw, parse(text)


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() != b"0"


def _replay(raw: bytes, receive: Receive) -> Receive:
    """The rest of a request whose body was received."""
    pending: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def inflated(raw: bytes, encoding: str, limit: int) -> bytes:
    """A body without its content encoding. Raises UnsupportedEncoding, UnreadableContent, ContentTooLarge."""
    if encoding == "identity" or not raw:
        return raw
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedEncoding(encoding)
    decoder = zlib.decompressobj(31 if encoding == "gzip" else zlib.MAX_WBITS)
    try:
        found = decoder.decompress(raw, limit + 1)
    except zlib.error:
        raise UnreadableContent("body", "incorrect header check") from None
    if len(found) > limit:
        raise ContentTooLarge(limit)
    if not decoder.eof or decoder.unused_data:
        raise UnreadableContent("body", "unexpected end of file")
    return found


def _decoded(raw: bytes, charset: str) -> tuple[str, bytes]:
    """A body as text without a byte order mark, and as UTF-8. What is broken in it is replaced."""
    try:
        if charset == "utf-8" and not raw.startswith(b"\xef\xbb\xbf"):
            return raw.decode(), raw
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode(charset, "replace").removeprefix("\ufeff")
    except LookupError:
        raise UnsupportedCharset(charset.upper(), "UTF-8") from None
    raw = text.encode("utf-8", "replace")  # UTF-7 may have halves of surrogate pairs
    return raw.decode(), raw


def parse_json(text: str) -> Any:
    """The object or array of a text; no text counts as an empty object."""
    if not text:
        return {}
    try:
        value = jsontext.loads(shallow(text))
    except ValueError as error:
        found = v8.strict_complaint(text)
        if found is not None:
            raise UnreadableContent("body", *found) from None
        value = _as_javascript(shallow(text), str(error))
    if not isinstance(value, (dict, list)):
        found = v8.strict_complaint(text) or v8.Complaint("not an object")
        raise UnreadableContent("body", *found)
    return value


def _as_javascript(text: str, reason: str) -> Any:
    """JSON that only JavaScript reads: halves of surrogate pairs, and numbers that are too large."""
    try:
        return _writable(json.loads(text, parse_int=_number))
    except (ValueError, RecursionError):
        raise UnreadableContent("body", reason) from None


def _number(text: str) -> int | float:
    """A number as JavaScript has it, if it is larger than JSON is written here."""
    number = int(text) if len(text) < 20 else float(text)
    return number if -(2**63) <= number < 2**63 else float(text)


def _writable(value: Any) -> Any:
    """A value as JavaScript writes it: a replacement character for a half, null for infinity."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_writable(key): _writable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_writable(each) for each in value]
    return None if isinstance(value, float) and math.isinf(value) else value


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def shallow(text: str) -> str:
    """JSON with null in place of what is deeper than this server can write; V8 has no such limit."""
    if text.count("[") + text.count("{") <= jsontext.MAX_DEPTH:
        return text
    kept: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == jsontext.MAX_DEPTH + 1:
                kept += [text[start : token.start()], "null"]
        elif token[0] in ("]", "}"):
            if depth == jsontext.MAX_DEPTH + 1:
                start = token.end()
            depth -= 1
    if depth > jsontext.MAX_DEPTH:
        return text  # it never closes, so it is no JSON
    return "".join([*kept, text[start:]])
