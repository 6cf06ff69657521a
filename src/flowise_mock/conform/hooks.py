"""What Schemathesis does for the judge: marks what it makes, writes it into the ledger."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from flowise_mock.conform.ledger import Ledger
from flowise_mock.contract.schemas import is_uuid

HANGS = 2
"""How often an operation may leave a request unanswered before streams are no longer asked of it."""


def register() -> None:
    """Hang the hooks into Schemathesis, which imports this module."""
    import schemathesis

    told = json.loads(os.environ["FLOWISE_MOCK_CONFORM"])
    makes: dict[str, list[str]] = told["makes"]
    ledger = Ledger(Path(told["ledger"])) if told["ledger"] else None
    unanswered: Counter[str] = Counter()

    @schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        if os.getppid() != told["judge"]:
            os._exit(1)  # the judge was killed: what is made from now on would be in nobody's books
        operation = operation_id(case)
        if case.method.upper() in ("DELETE", "PATCH"):
            spare(case)
        if isinstance(case.body, dict):
            mark(case.body, operation, makes, told["mark"])
            if unanswered[operation] >= HANGS:
                calm(case.body, "streaming")
        unanswered[operation] += 1

    @schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
    def after_call(context: Any, case: Any, response: Any) -> None:
        operation = operation_id(case)
        unanswered[operation] -= 1
        if ledger and operation in makes and 200 <= response.status_code < 300:
            id = made_id(response, makes[operation][1])
            if id:
                kind = makes[operation][0]
                ledger.made(kind, id, told["undo"][kind])


def operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId", ""))


def spare(case: Any) -> None:
    """Delete nothing that the run did not make: an ID of the document's examples may be somebody's."""
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str) and is_uuid(value):
            case.path_parameters[name] = str(uuid.uuid4())


def mark(body: dict[str, Any], operation: str, makes: dict[str, list[str]], word: str) -> None:
    """Give what will be made the mark of the run, once; make no store whose ID no answer tells."""
    if operation in makes and isinstance(body.get("name"), str) and word not in body["name"]:
        body["name"] = f"{word} {body['name']}"
    for each in (body, *(body["items"] if isinstance(body.get("items"), list) else ())):
        if isinstance(each, dict):
            calm(each, "createNewDocStore")


def calm(body: dict[str, Any], name: str) -> None:
    """Take what a server takes as true for false; what did not fit its schema still does not."""
    if body.get(name):
        calmed: dict[type, Any] = {bool: False, str: ""}
        body[name] = calmed.get(type(body[name]), 0)


def made_id(response: Any, path: str) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    id = body.get(path) if isinstance(body, dict) else None
    return id if isinstance(id, str) else None


if "FLOWISE_MOCK_CONFORM" in os.environ:
    register()
