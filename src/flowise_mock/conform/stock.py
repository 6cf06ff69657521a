"""Makes records for the requests that need one: each operation gets records of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from flowise_mock.conform import bundled, records
from flowise_mock.conform.client import Client, Request, Response
from flowise_mock.conform.expectations import MISSING, dig
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.requests import MissingValueError, Values, fill

ATTEMPTS = 2
"""How often a record that a server does not make is tried."""
MOST_DROPS = 15
"""How often an operation gets new records."""


class Stock:
    """Records of the run by operation: `live` ones are used again, `fresh` ones are new each time."""

    def __init__(
        self, client: Client, ownership: Ownership, ledger: Ledger, values: Values, missing: Collection[str]
    ) -> None:
        self._client, self._ownership, self._ledger = client, ownership, ledger
        self._values, self._missing = values, missing
        self._scopes: dict[str, Values] = {}
        self._failures: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()

    def live(self, name: str, operation: str) -> str | None:
        """The ID of a record of this name that is there; None if the server makes none."""
        scope = self._scopes.setdefault(operation, dict(self._values))
        if scope.get(name) is None and self._may_make(name):
            self._make(name, operation, scope)
        id = scope.get(name)
        return str(id) if id is not None else None

    def fresh(self, name: str, operation: str) -> str | None:
        """The ID of a new record: the one before may be deleted."""
        self._scopes.setdefault(operation, dict(self._values)).pop(name, None)
        return self.live(name, operation)

    def drop(self, operation: str) -> None:
        """Give an operation new records: a valid request to the old ones failed, so they may be broken."""
        if self._drops[operation] < MOST_DROPS:
            self._drops[operation] += 1
            self._scopes.pop(operation, None)

    def filled(self, node: Any) -> Any:
        """A value of the bundled data, with the settings of the run."""
        return fill(node, self._values)

    def _may_make(self, name: str) -> bool:
        makes = bundled.records()["makes"].get(name)
        if makes is None or self._failures[name] >= ATTEMPTS:
            return False
        return not ({makes.get("outside"), "model" if makes.get("outside") else None} & {*self._missing})

    def _make(self, name: str, operation: str, scope: Values) -> None:
        makes = bundled.records()["makes"][name]
        for parent in makes.get("of", []):
            if self.live(parent, operation) is None:
                return
        try:
            for step in makes["steps"]:
                self._step(step, scope)
        except MissingValueError:
            pass
        if scope.get(name) is None:
            self._failures[name] += 1

    def _step(self, step: dict[str, Any], scope: Values) -> None:
        method, path = fill(step["send"], scope).split(" ", 1)
        bodies = [fill(body, scope) for body in [step.get("json"), *step.get("or", [])]]
        for body in bodies:
            request = Request("set-up", method, path, json=body)
            response = self._client.send(request)
            if response.success:
                self._save(step, request, response, scope)
                return

    def _save(self, step: dict[str, Any], request: Request, response: Response, scope: Values) -> None:
        value, saves, prefix = response.json(), {}, ""
        if "find" in step:
            prefix, value = records.located(value, fill(step["find"], scope))
        for name, path in step.get("saves", {}).items():
            found = dig(value, path)
            if found is MISSING or found is None:
                continue
            kind = records.kind_of_record(name)
            if not self._ownership.adopt(kind, str(found)):
                continue
            scope[name] = found
            saves[str(found)] = prefix + path
            if records.stays(kind):
                self._ledger.made(kind, str(found))
        self._ledger.step(request, saves)
