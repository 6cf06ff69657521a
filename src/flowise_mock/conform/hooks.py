"""What Schemathesis does for the judge: it writes to records of the run alone, and notes what it makes."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from flowise_mock.conform.aim import Aim, calm
from flowise_mock.conform.client import Client
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.stock import Stock

SETTINGS, KEY = "FLOWISE_MOCK_CONFORM", "FLOWISE_MOCK_CONFORM_KEY"
HANGS = 2
"""How often an operation may leave a request for a stream unanswered before none is requested any more."""


def register() -> None:
    """Register the hooks with Schemathesis, which imports this module."""
    import requests
    import schemathesis

    # As in the judge's own client: no proxies and no .netrc, which are looked up for each request.
    requests.Session.trust_env = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]
    settings = json.loads(Path(os.environ[SETTINGS]).read_text())
    aim = _aim(settings)
    unanswered: Counter[str] = Counter()

    @schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        if os.getppid() != settings["judge"]:
            os._exit(1)  # the judge was killed: nobody would delete what is made from now on
        operation = operation_id(case)
        if aim is not None:
            aim.at_own(case, operation)
        if unanswered[operation] >= HANGS and isinstance(case.body, dict):
            calm(case.body, "streaming")
        unanswered[operation] += 1

    @schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
    def after_call(context: Any, case: Any, response: Any) -> None:
        operation = operation_id(case)
        unanswered[operation] -= 1
        if aim is not None:
            aim.note(case, operation, response)

    @schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
    def after_network_error(context: Any, case: Any, request: Any) -> None:
        if aim is not None:
            aim.note(case, operation_id(case), None)


def _aim(settings: dict[str, Any]) -> Aim | None:
    """None if the run only reads."""
    if not settings["writes"]:
        return None
    client = Client(
        settings["url"], os.environ.get(KEY) or None, seconds=settings["seconds"], rate=settings["rate"],
        verify=settings["verify"],
    )  # fmt: skip
    ledger = Ledger(Path(settings["ledger"]))
    ownership = Ownership(ledger.mark(), ledger.before())
    client.forbids = ownership.forbids
    stock = Stock(client, ownership, ledger, settings["values"], settings["missing"])
    return Aim(
        stock, ownership, ledger, settings["makes"], frozenset(settings["examples"]),
        whole_forms=settings["whole_forms"],
    )  # fmt: skip


def operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId", ""))


if SETTINGS in os.environ:
    register()
