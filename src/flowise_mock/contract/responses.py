"""The responses of a contract, made from how its outcomes are answered.

A documented contract has its responses written; one that describes a real server says under
`x-outcomes` what each outcome is answered with, and the statuses, media types and bodies that an
operation can answer follow from that and from what can happen to it.
"""

from __future__ import annotations

from typing import Any

from flowise_mock.contract import reachable
from flowise_mock.contract.document import Document, operations
from flowise_mock.state import outcomes
from flowise_mock.state.outcomes import Condition, Failure, Outcome, Result

PROCEED = "proceed"


def entry(root: Document, own: Document, kind: type[Outcome]) -> Document | None:
    """How an outcome is answered, from the general to the special; None where it is let pass.

    For failures `*` of the root, then of the operation; then the root's entry and the operation's, each
    after that of the outcome it is a kind of.
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
    """Write the responses of every operation, in place; those of success keep what they have."""
    for operation in operations(document):
        definition = document["paths"][operation.path][operation.method]
        written = definition["responses"]
        made: dict[str, Document] = {}
        for name in sorted(reachable.outcomes_of(document, operation)):
            kind = outcomes.all_outcomes()[name]
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


def _shared(document: Document, status: str, response: Document) -> Document:
    """A reference to a failure among the components, where it is put once; a success stays as it is."""
    if int(status) < 400:
        return response
    shared = document["components"].setdefault("responses", {})
    number = 1
    while shared.setdefault(f"Status{status}Form{number}", response) != response:
        number += 1
    return {"$ref": f"#/components/responses/Status{status}Form{number}"}


def _add(document: Document, made: dict[str, Document], status: str, told: Document) -> None:
    media = told.get("media", "application/json")
    response = made.setdefault(status, {"description": _STATUSES.get(status, "As the message tells")})
    if not media:
        return
    schema = _schema(document["x-bodies"].get(told.get("body"), "{message}"))
    content = response.setdefault("content", {})
    if media not in content:
        content[media] = {"schema": schema}
    elif content[media]["schema"] != schema:
        variants = content[media]["schema"].get("anyOf", [content[media]["schema"]])
        if schema not in variants:
            content[media]["schema"] = {"anyOf": [*variants, schema]}
    for name in told.get("headers", {}):
        response.setdefault("headers", {})[name] = {"schema": {"type": "string"}}


_STATUSES = {
    "400": "The request is refused", "401": "No key, or one that is not known", "403": "The key may not",
    "404": "Not found", "412": "An id is missing", "413": "The body is too large",
    "429": "Asked too often", "500": "Failed, as the message tells",
}  # fmt: skip


def _schema(body: Any) -> Document:
    """The schema of what a body of `x-bodies` becomes."""
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
    if body in ("{status}", "{count}", "{total}"):
        return {"type": "integer"}
    return {"type": "string"}
