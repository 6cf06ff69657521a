"""The responses of a contract, generated from how its outcomes are answered.

The documentation lists its responses. A contract of a real server says under `x-outcomes` how each outcome
is answered; the statuses, media types and bodies of an operation follow from that and from the outcomes
that it can have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowise_mock.contract import reachable
from flowise_mock.contract.document import Document, operations
from flowise_mock.state import outcomes
from flowise_mock.state.outcomes import Condition, Failure, Outcome, Result

PROCEED = "proceed"


def entry(root: Document, own: Document, kind: type[Outcome]) -> Document | None:
    """How an outcome is answered, merged from the general to the special; None if it is ignored.

    Failures begin with `*` of the root and of the operation. Then come the entries of the root and of the
    operation, those of a base class first.
    """
    names = [each.__name__ for each in reversed(kind.__mro__) if issubclass(each, Outcome)]
    general = [root.get("*"), own.get("*")] if issubclass(kind, Failure) else []
    merged: Document = {}
    proceeds = False
    for source in [*general, *map(root.get, names), *map(own.get, names)]:
        if source:
            proceeds = source == PROCEED
            merged = merged if proceeds else {**merged, **source}
    return None if proceeds else merged


def complete(document: Document) -> None:
    """Write the responses of every operation, in place; responses of success are kept."""
    for operation in operations(document):
        definition = document["paths"][operation.path][operation.method]
        written = definition["responses"]
        made: dict[str, Document] = {}
        for kind in _results_first(reachable.outcomes_of(document, operation)):
            found = entry(document["x-outcomes"], definition.get("x-outcomes", {}), kind)
            if found is None or (issubclass(kind, Condition) and "status" not in found):
                continue
            status = str(found["status"])
            if issubclass(kind, Result) and found["status"] < 300:
                made.setdefault(status, written.get(status) or {"description": "Done"})
            else:
                _add(document, made, status, found)
        definition["responses"] = {
            status: _shared(document, status, response) for status, response in sorted(made.items())
        }


def _results_first(names: Iterable[str]) -> list[type[Outcome]]:
    """The outcomes in the order of their names, results first: a failure may have the status of a success."""
    kinds = [outcomes.all_outcomes()[name] for name in sorted(names)]
    return sorted(kinds, key=lambda kind: not issubclass(kind, Result))


def _shared(document: Document, status: str, response: Document) -> Document:
    """A reference to the response of a failure among the components; a response of success as it is."""
    if int(status) < 400:
        return response
    shared = document["components"].setdefault("responses", {})
    number = 1
    while shared.setdefault(f"Status{status}Form{number}", response) != response:
        number += 1
    return {"$ref": f"#/components/responses/Status{status}Form{number}"}


def _add(document: Document, made: dict[str, Document], status: str, entry: Document) -> None:
    media = entry.get("media", "application/json")
    response = made.setdefault(status, {"description": _STATUSES.get(status, "See the message")})
    if not media:
        return
    body = document["x-bodies"].get(entry.get("body"), "{message}")
    content = response.setdefault("content", {})
    if body in ("{value}", []) and media in content:
        return  # the schema of the success describes it, and an empty list of such values
    schema = _schema(body)
    if media not in content:
        content[media] = {"schema": schema}
    elif content[media]["schema"] != schema:
        variants = content[media]["schema"].get("anyOf", [content[media]["schema"]])
        if schema not in variants:
            content[media]["schema"] = {"anyOf": [*variants, schema]}
    for name in entry.get("headers", {}):
        response.setdefault("headers", {})[name] = {"schema": {"type": "string"}}


_STATUSES = {
    "400": "The request is invalid", "401": "The key is missing or unknown",
    "403": "The key lacks the permission", "404": "Not found", "412": "An id is missing",
    "413": "The body is too large",
    "429": "Too many requests", "500": "The request failed; see the message",
}  # fmt: skip


def _schema(body: Any) -> Document:
    """The schema of a body of `x-bodies`."""
    if isinstance(body, dict):
        properties = {name: _schema(value) for name, value in body.items()}
        return (
            {"type": "object", "required": list(body), "properties": properties}
            if body
            else {"type": "object"}
        )
    if isinstance(body, list):
        return {"type": "array", "items": {}}
    if isinstance(body, bool):
        return {"type": "boolean"}
    if body is None:
        return {}
    if isinstance(body, int):
        return {"type": "integer"}
    if body in ("{status}", "{count}", "{total}"):
        return {"type": "integer"}
    return {"type": "string"}
