"""Secrets: what is masked before a request is kept in a journal, a log, a report or an export.

Masked are the headers and cookies that carry credentials, keys in paths, and JSON fields whose name or
schema says that they are secret, also inside texts that hold JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document
from flowise_mock.state.journal import Entry

MASK = "***"
KEPT = 4096
"""Names of fields of which it is known whether they are secret: records have the same ones."""
_HEADERS = {
    b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"x-api-key", b"x-auth-token",
    b"flowise-mock-token",
}  # fmt: skip
_NAMES = (
    "password",
    "token",
    "plaindataobj",
    "apikey",
    "secret",
    "authorization",
    "encrypteddata",
    "accesskey",
)
_PLAIN = {"tokens", "usetoken", "apikeyid", "maxtokens", "total_tokens", "totaltokens", "input_tokens"}
"""Names that contain such a word and are not secret."""
_HINTS = (
    b"passw", b"token", b"apikey", b"api_key", b"secret", b"authori", b"plaindataobj", b"encrypteddata",
    b"accesskey", b"access_key",
)  # fmt: skip
"""Parts of names of secrets, in lower case: looking for each is ten times faster than one expression."""
_IN_PATH = re.compile(r"(?<=/apikey/)/*[^/?#]+", re.IGNORECASE)
_VISIBLE = re.compile("%(2[1-9a-f]|[3-6][0-9a-f]|7[0-9a-e])", re.IGNORECASE)
_IN_QUERY = re.compile(r"((?:^|[?&])[^=&]*(?:key|token|secret|password)[^=&]*=)[^&#]*", re.IGNORECASE)
Headers = list[tuple[bytes, bytes]]


class Secrets:
    """The secrets of a contract: properties with `writeOnly` or `format: password`, and the usual names."""

    def __init__(self, document: Document) -> None:
        self._names = {name.lower() for name in _secret_properties(document)}
        further = (name.encode() for name in self._names)
        self.is_secret = lru_cache(KEPT)(self._is_secret)
        self._hints = (*_HINTS, *(each for each in further if not any(hint in each for hint in _HINTS)))

    def mask(self, entry: Entry) -> None:
        """Take the secrets out of an entry of the journal."""
        entry.path = self.path(entry.path)
        entry.query = self.query(entry.query) if entry.query else b""
        entry.headers = self.headers(entry.headers)
        entry.response_headers = self.headers(entry.response_headers)
        entry.body = self.body(entry.body, whole=entry.length == len(entry.body))
        entry.response = self.body(entry.response, whole=entry.response_length == len(entry.response))

    def _has_hint(self, body: bytes) -> bool:
        lower = body.lower()
        return any([hint in lower for hint in self._hints])  # noqa: C419 - a list is faster than a generator

    def headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Headers without the credentials; a scheme such as Bearer stays."""
        return [(name, _credential(value) if name in _HEADERS else value) for name, value in headers]

    def path(self, path: str) -> str:
        """A path, with or without a query, without the keys in it."""
        if "?" not in path and "%" not in path and "apikey" not in path.lower():
            return path
        head, question, query = path.partition("?")
        return _masked_path(head) + question + _masked_query(query)

    def query(self, query: bytes) -> bytes:
        return _masked_query(query.decode("latin-1")).encode("latin-1")

    def body(self, body: bytes, *, whole: bool = True) -> bytes:
        """A body, or the beginning of one that is not `whole`, without the secrets in it."""
        if not self._has_hint(body):
            return body
        try:
            if not whole:
                return _masked_text(body)
            value = jsontext.loads(body)
        except ValueError:
            return _masked_text(body)
        return jsontext.dumps(self.value(value)).encode()

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without the secrets in it."""
        if name and self.is_secret(name) and value not in (None, ""):
            return MASK
        if isinstance(value, dict):
            return {key: self.value(child, str(key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child) for child in value]
        if isinstance(value, str) and value[:1] in "{[" and self._has_hint(value.encode()):
            return self._text(value)
        return value

    def _text(self, text: str) -> str:
        """A text that may hold JSON, without the secrets in it."""
        try:
            inner = jsontext.loads(text)
        except ValueError:
            return text
        return jsontext.dumps(self.value(inner)) if isinstance(inner, (dict, list)) else text

    def _is_secret(self, name: str) -> bool:
        """Whether the value of a field with this name is masked."""
        plain = name.lower().replace("-", "").replace("_", "")
        if plain in _PLAIN or name.lower() in _PLAIN:
            return False
        return name.lower() in self._names or plain.endswith(_NAMES)


def _masked_path(path: str) -> str:
    """A path without its keys, however `apikey` and the slashes are escaped."""
    if "%" in path and _IN_PATH.search(_unescaped(path)):
        path = _unescaped(path)
    return _IN_PATH.sub(MASK, path)


def _masked_query(query: str) -> str:
    if "%" in query:
        pairs = (pair.partition("=") for pair in query.split("&"))
        query = "&".join(_unescaped(name) + equals + value for name, equals, value in pairs)
    return _IN_QUERY.sub(rf"\1{MASK}", query)


def _unescaped(text: str) -> str:
    """A text that may be escaped twice, without its escapes of visible characters."""
    for _ in range(3):
        text = _VISIBLE.sub(lambda found: chr(int(found[1], 16)), text)
    return text


def _secret_properties(document: Document) -> Iterator[str]:
    """The properties that the document marks as secret."""
    waiting: list[Any] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            properties = node.get("properties")
            for name, schema in properties.items() if isinstance(properties, dict) else ():
                if isinstance(schema, dict) and (
                    schema.get("writeOnly") or schema.get("format") == "password"
                ):
                    yield str(name)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _credential(value: bytes) -> bytes:
    scheme, blank, _ = value.partition(b" ")
    return (
        scheme + b" " + MASK.encode() if blank and scheme.lower() in (b"bearer", b"basic") else MASK.encode()
    )


_FORM = re.compile(
    rb'(name="[^"]*(?:passw|token|api_?key|secret|plaindataobj)[^"]*"\r\n(?:[^\r\n]+\r\n)*\r\n)[^\r]*',
    re.IGNORECASE,
)
_MEMBER = re.compile(
    rb'(\\*"[^"\\]*(?:passw\w*|token|api_?key|secret)\\*"\s*:\s*)(\\*"(?:[^"\\]|\\[^"])*\\*"?|[^,}\s"\\]+)',
    re.IGNORECASE,
)
_OBJECT = re.compile(rb'(plaindataobj\\*"\s*:\s*).*', re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(rb"((?:^|&)[^=&]*(?:passw|token|api_?key|secret)[^=&]*=)[^&]*", re.IGNORECASE)


def _masked_text(body: bytes) -> bytes:
    """A body that is not complete JSON: members, form fields and pairs with secret names are masked."""
    body = _FORM.sub(rb"\g<1>***", body)
    body = _MEMBER.sub(rb'\g<1>"***"', body)
    body = _OBJECT.sub(rb'\g<1>"***"', body)
    return _PAIR.sub(rb"\g<1>***", body)
