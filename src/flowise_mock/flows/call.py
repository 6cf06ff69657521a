"""What a handler is given of a request: the store, a way to report conditions, who is calling."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.faults.spec import Fault
from flowise_mock.knowledge.files import Upload
from flowise_mock.scripts.script import Script
from flowise_mock.state.outcomes import Malformed, Negative, Outcome, Page, Report, WrongKey
from flowise_mock.state.store import UUID, Record, Store

Say = Callable[[Record, str], list[str]]
"""What a flow says to a question, token by token: the one place where answers come from."""


@dataclass
class Call:
    """One request, as far as a handler needs it.

    `key` is the API key record that the request showed; None where it showed none, and where the
    server is `open` to all. `report` ends the request where the contract answers the condition, and
    returns where it ignores it. `token_delay` is the pause after a streamed token, in seconds. `say`
    is where the tokens of an answer come from where no rule of `script` says them; `explain` takes which
    rule does, for the access line; `inject` makes a fault happen: it raises where the fault stands in for
    the answer, so ask it before anything is written. `text` is an outcome in the contract's words. `runs`
    are the streams that are being told, by flow and chat; `windows` count predictions by flow, for rate
    limits, None for a flow whose limit does not act yet. `headers` have lower-case names. `habits` are
    what a contract's `x-runs` says of how flows run.
    """

    store: Store
    report: Report
    key: Record | None = None
    open: bool = False
    token_delay: float = 0.0
    say: Say = lambda flow, question: [question]
    script: Script | None = None
    explain: Callable[[str], None] = lambda told: None
    inject: Callable[[Fault], None] = lambda fault: None
    text: Callable[[Outcome], str] = str
    runs: dict[tuple[str, str], Any] = field(default_factory=dict)
    windows: dict[str, tuple[float, int] | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    habits: Mapping[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    def check_uuid(self, noun: str, id: str) -> None:
        """Report an id that is no UUID."""
        if not UUID.fullmatch(id):
            self.report(Malformed(noun, id))

    def chatflow(self, id: str) -> Record:
        """The chatflow with that id, else NotFound; an id that is no UUID is reported."""
        self.check_uuid("Chatflow", id)
        return self.store.find("chatflow", id)

    def paged(self, records: list[Record], page: Any, limit: Any) -> list[Record] | Page:
        """The records, or the page that was asked for: it takes both numbers, and each above zero."""
        number, size = self._counting("page", page), self._counting("limit", limit)
        if number < 1 or size < 1:
            return records
        return Page(records[(number - 1) * size : number * size], len(records))

    def _counting(self, field: str, text: Any) -> int:
        """The number that a text begins with, 0 where it begins with none."""
        match = re.match(r"\s*([+-]?\d+)", str(text or ""))
        number = int(match[1][:12]) if match else 0
        if number < 0:
            self.report(Negative(field))
        return number

    def check_key(self, flow: Record) -> None:
        """WrongKey where the flow is bound to an API key and the request did not show that one."""
        if not self.opens(flow):
            raise WrongKey("Chatflow", flow["id"])

    def opens(self, flow: Record) -> bool:
        """Whether the request may run the flow, which may be bound to an API key."""
        bound = flow.get("apikeyid")
        return not bound or self.open or (self.key is not None and self.key["id"] == bound)
