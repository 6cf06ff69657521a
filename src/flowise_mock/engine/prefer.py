"""`Prefer: code=404, example=NAME` (RFC 7240): a documented response instead of the operation's own.

The handler is not called, so nothing is done; parameters and body are not checked. Other preferences
are ignored, as the standard says.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.types import Scope

from flowise_mock.contract.document import Document, resolve
from flowise_mock.contract.samples import sample
from flowise_mock.contract.schemas import shortened
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.http_exchange import Answer
from flowise_mock.engine.streams import HEADERS, frame, speech_frame
from flowise_mock.state.outcomes import InvalidHeader

HEADER = b"prefer"
EVENTS = "text/event-stream"
_PREFERENCE = re.compile(r'(?:^|[,;])\s*(code|example)\s*=\s*("[^"]*"|[^",;\s]*)\s*(?=[,;]|$)', re.IGNORECASE)


def preferences(scope: Scope) -> dict[str, str]:
    """The `code` and the `example` that a request prefers; the first of several counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == HEADER:
            for key, text in _PREFERENCE.findall(value.decode("latin-1")):
                found.setdefault(key.lower(), text.strip('"'))
    return found


def header_of(preferred: dict[str, str]) -> str:
    """Preferences as the value of a header."""
    return ", ".join(f"{key}={text}" for key, text in preferred.items())


def answer(document: Document, definition: Document, answers: Answers, preferred: dict[str, str]) -> Answer:
    """The documented answer that is preferred. Raises BadHeader, which lists those there are."""
    code, response = _response(document, definition["responses"], preferred)
    content = response.get("content") or {}
    media = next((each for each in content if _named(content[each], preferred)), next(iter(content), ""))
    value = _value(document, content.get(media, {}), code, preferred) if media else None
    body = _written(media, value)
    applied = (b"preference-applied", header_of(preferred).encode("latin-1"))
    if media == EVENTS:
        return Answer(code, [applied, *HEADERS], body)
    return answers.sent(code, [applied], media, body)


def _response(document: Document, responses: Document, preferred: dict[str, str]) -> tuple[int, Document]:
    """The response of the code that is preferred, else the first that has the example."""
    known = {status: resolve(document, each) for status, each in responses.items() if status.isdigit()}
    if "code" in preferred:
        code = preferred["code"]
        if code not in known:
            there = f"it has {', '.join(known)}"
            raise InvalidHeader("Prefer", f"this operation has no answer {shortened(code, 40)}; {there}")
        found = {code: known[code]}
    else:
        found = known
    for status, response in found.items():
        contents = (response.get("content") or {}).values()
        if "example" not in preferred or any(_named(each, preferred) for each in contents):
            return int(status), response
    named = [
        f"{name} ({status})"
        for status, each in known.items()
        for content in (each.get("content") or {}).values()
        for name in content.get("examples", {})
    ]
    there = (
        f"it has {', '.join(named)}" if named else "none has a name; leave example out and say code=… alone"
    )
    raise InvalidHeader("Prefer", f"there is no example {shortened(preferred['example'], 40)}; {there}")


def _named(content: Document, preferred: dict[str, str]) -> bool:
    return preferred.get("example") in content.get("examples", {})


def _value(document: Document, content: Document, code: int, preferred: dict[str, str]) -> Any:
    """The example that is named, else the first there is, else one made from the schema."""
    examples = content.get("examples", {})
    if examples:
        chosen = resolve(document, examples.get(preferred.get("example"), next(iter(examples.values()))))
        return chosen.get("value")
    if "example" in content:
        return content["example"]
    value = sample(document, content.get("schema", {}))
    if isinstance(value, dict) and isinstance(value.get("statusCode"), int):
        value = {**value, "statusCode": code}
    return value


def _written(media: str, value: Any) -> bytes:
    if media.startswith("application/json"):
        return orjson.dumps(value)
    if media == EVENTS and isinstance(value, dict):
        make = speech_frame if str(value.get("event")).startswith("tts") else frame
        return make(str(value.get("event")), value.get("data"))
    return b"" if value is None else str(value).encode()
