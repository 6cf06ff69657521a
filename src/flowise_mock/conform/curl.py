"""Writes requests as curl commands. The server's key is never in them, but the variable that holds it."""

from __future__ import annotations

import json
from collections.abc import Callable

from flowise_mock.conform.client import Request, quoted

KEY = "$FLOWISE_API_KEY"
Quote = Callable[[str], str]


def quote(text: str) -> str:
    """`text` in single quotes, as one word of a shell."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def command(base: str, request: Request, quote: Quote = quote, options: str = "-sSi") -> str:
    """A command that repeats a request. `quote` makes a word of a shell out of a text."""
    return " ".join([_piped(request), *_words(base, request, quote, options)]).strip()


def _words(base: str, request: Request, quote: Quote, options: str) -> list[str]:
    words = ["curl", options, "-X", request.method]
    if request.streams:
        words.append("-N")
    if request.key and not _names(request) & {"authorization"}:
        words.append(f'-H "Authorization: Bearer {KEY}"')
    words += [f"-H {quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    words += _body(request, quote)
    return [
        *words,
        f'"$URL"{quote(quoted(request.url))}' if base == "$URL" else quote(base + quoted(request.url)),
    ]


def _names(request: Request) -> set[str]:
    return {name.lower() for name in request.headers}


def _body(request: Request, quote: Quote) -> list[str]:
    if request.files or request.form is not None:
        fields = [f"--form-string {quote(f'{name}={value}')}" for name, value in (request.form or {}).items()]
        return [*fields, *(f"-F {quote(_file(*file))}" for file in request.files)]
    if request.content is None and request.json is None:
        return []
    words = [] if "content-type" in _names(request) else ["-H 'Content-Type: application/json'"]
    if request.content is None:
        return [*words, f"--data-raw {quote(json.dumps(request.json))}"]
    if is_text(request.content):
        return [*words, f"--data-raw {quote(request.content.decode())}"]
    return [*words, "--data-binary @-"]


def _file(field: str, file: tuple[str, bytes, str]) -> str:
    """A file of a form, with its content in the command: a reader has no such file."""
    name, content, media = file
    text = content.decode(errors="replace").replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}="{text}";filename="{name}";type={media}'


def _piped(request: Request) -> str:
    """What precedes curl if the body is no text: a command that prints the bytes."""
    if request.content is None or is_text(request.content) or request.files or request.form is not None:
        return ""
    escaped = "".join(f"\\{byte:03o}" for byte in request.content)
    return f"printf '{escaped}' |"


def is_text(content: bytes) -> bool:
    """Whether bytes can be a word of a command."""
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
