"""What all phases of a run share: the server, the contract, and what is known of both so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.conform import records
from flowise_mock.conform.client import Client, ForbiddenError, Request, Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.journal import Journal, Step
from flowise_mock.conform.judge import Judge
from flowise_mock.conform.ledger import Ledger
from flowise_mock.conform.observations import Observations
from flowise_mock.conform.ownership import Ownership
from flowise_mock.conform.progress import Event
from flowise_mock.conform.safety import Rules

Values = dict[str, Any]


@dataclass
class Session:
    """One run against one server."""

    contract: Contract
    client: Client
    judge: Judge
    observations: Observations
    journal: Journal
    ledger: Ledger
    rules: Rules
    ownership: Ownership
    values: Values
    """Values for the requests of walks, by name: settings, the mark, and what responses gave."""
    given: frozenset[str] = frozenset()
    """Names that the user set: an outside service is there."""
    only: str = ""
    """The operation that a run is limited to."""
    missing: dict[str, str] = field(default_factory=dict)
    """Outside services that turned out not to be there, and what showed it."""
    notify: Callable[[Event], None] = lambda event: None

    @property
    def mark(self) -> str:
        return self.ownership.mark

    def report(self, phase: str, what: str, done: float = 0.0) -> None:
        """Report progress: the part of a phase that is done, from 0 to 1."""
        seen = {operation for (operation, _), number in self.observations.successes.items() if number}
        self.notify(Event(phase, what, done, len(seen), len(self.contract.operations)))

    def send(self, request: Request, seconds: float | None = None) -> Response | None:
        """The response; None if the request would change a record of others, and was not sent."""
        try:
            return self.client.send(request, seconds)
        except ForbiddenError as error:
            self.observations.unseen.setdefault(request.operation, f"a request was not sent: {error}")
            return None

    def keep(self, request: Request, saves: Mapping[str, str], scope: str = "") -> None:
        """Note a step that later requests build on."""
        if saves or request.writes:
            self.journal.add(Step(request, saves, scope))

    def made(self, kind: str, id: str) -> bool:
        """Note a record of the run; False if it was there before, whatever the server says."""
        if not self.ownership.adopt(kind, id):
            return False
        if records.stays(kind):
            self.ledger.made(kind, id)
        self.journal.kinds[id] = kind
        return True

    def has_outside(self, service: str | None) -> bool:
        """Whether an outside service may be there; a vector store needs the model for its embeddings."""
        return not service or not ({service, "model"} & self.missing.keys())
