"""Entries of `x-outcomes` that make an outcome be answered as a server answered: status, body, message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from flowise_mock.contract import messages
from flowise_mock.contract.document import Document
from flowise_mock.learn.observation import Met, Observation
from flowise_mock.state.outcomes import Outcome

MESSAGE = "{message}"


def entries(
    document: Document,
    definition: Document,
    kind: type[Outcome],
    current: Document,
    seen: Observation,
    met: Met,
) -> Iterator[Document]:
    """The entries that lead to the observed answer, as far as they differ from the current one."""
    found = _wanted(document, definition, kind, current, seen)
    if found is None:
        return
    entry, message = found
    if message is None:
        changed = _changed(entry, current)
        if changed:
            yield changed
        return
    template = _template(message, met.fields)
    changed = _changed({**entry, "message": template}, current)
    if changed:
        yield changed
    field = met.fields.get("field")
    if isinstance(field, str) and "message" in changed:
        rest = {key: value for key, value in changed.items() if key != "message"}
        yield {**rest, "fields": {field: template}}


def service(
    document: Document, definition: Document, kind: type[Outcome], current: Document, seen: Observation
) -> str | None:
    """The innermost source that the observed message names, if it is another service than the contract's."""
    found = _message(document, current, seen)
    if found is None or current.get("source", "service") != "service":
        return None
    sources, _ = _split(document, found[1] or "")
    own = definition.get("x-service")
    return sources[-1] if len(sources) == 1 and own and sources[0] != own else None


def describe(name: str, entry: Document) -> str:
    """A sentence about an entry."""
    parts = [f"a {entry['status']}"] if "status" in entry else []
    parts += ["a text"] if entry.get("body") == "text" else []
    parts += ["with another message"] if {"message", "fields"} & entry.keys() else []
    parts += ["with another source"] if "source" in entry else []
    return f"{name} is answered " + (", ".join(parts) if parts else "in another form") + "."


def _wanted(
    document: Document, definition: Document, kind: type[Outcome], current: Document, seen: Observation
) -> tuple[Document, str | None] | None:
    """Status, body, media type and source, and the message without its sources."""
    found = _message(document, current, seen)
    if found is None:
        return None
    body, message = found
    exchange = seen.result.exchange
    entry: Document = {"status": exchange.status, "body": body}
    if exchange.media and exchange.media != current.get("media", "application/json"):
        entry["media"] = exchange.media
    if message is None:
        return entry, None
    sources, rest = _split(document, message)
    named = {key: value for key, value in current.items() if key != "source"}
    default = _names(messages.template(document, definition, named, kind), document)
    if sources != default or (
        "source" in current
        and sources != _names(messages.template(document, definition, current, kind), document)
    ):
        entry["source"] = _source(sources, definition)
    return entry, rest


def _source(sources: Sequence[str], definition: Document) -> str:
    if not sources:
        return "none"
    return "service" if list(sources) == [definition.get("x-service")] else " ".join(sources)


def _names(template: str, document: Document) -> list[str]:
    return _split(document, template)[0]


def _split(document: Document, message: str) -> tuple[list[str], str]:
    """The sources that a message names, the outermost first, and the rest of it."""
    pattern = re.escape(str(document.get("x-message-template", MESSAGE)))
    pattern = pattern.replace(re.escape("{source}"), r"(?P<source>[A-Za-z_]\w*\.[A-Za-z_]\w*)")
    pattern = pattern.replace(re.escape(MESSAGE), "(?P<message>.*)")
    sources: list[str] = []
    while found := re.fullmatch(pattern, message, re.DOTALL):
        if "source" not in found.groupdict():
            break
        sources.append(found["source"])
        message = found["message"]
    return sources, message


def _message(document: Document, current: Document, seen: Observation) -> tuple[str, str | None] | None:
    """The name of the body that has the form of the answer, and the message in it."""
    bodies = document.get("x-bodies", {})
    names = sorted(bodies, key=lambda name: (name != current.get("body"), name))
    for name in names:
        found: list[str] = []
        if _matches(bodies[name], seen.result.expected, seen.result.exchange.status, found):
            return name, found[0] if found else None
    return None


def _matches(template: Any, body: Any, status: int | None, found: list[str]) -> bool:
    """Whether a body has the form of a template; its message is added to `found`."""
    if template == MESSAGE:
        found.append(body if isinstance(body, str) else "")
        return isinstance(body, str)
    if template == "{status}":
        return bool(body == status)
    if isinstance(template, dict):
        if not isinstance(body, dict) or template.keys() != body.keys():
            return False
        return all(_matches(value, body[key], status, found) for key, value in template.items())
    if isinstance(template, str) and "{" in template:
        return template == "{count}" and isinstance(body, int)
    return bool(template == body)


def _template(message: str, fields: dict[str, Any]) -> str:
    """A message with the values of an outcome's fields replaced by their names."""
    text = message.replace("{", "{{").replace("}", "}}")
    for name, value in sorted(fields.items(), key=lambda item: -len(str(item[1]))):
        if isinstance(value, str) and len(value) > 2 and name != "place":
            text = re.sub(rf"(?<![\w{{]){re.escape(value)}(?![\w}}])", f"{{{name}}}", text)
    return text


def _changed(entry: Document, current: Document) -> Document:
    return {key: value for key, value in entry.items() if current.get(key) != value}
