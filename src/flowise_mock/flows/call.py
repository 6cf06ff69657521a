"""What a handler gets for a request: the store, a way to report conditions, the caller."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.faults.spec import Fault
from flowise_mock.flows.behaviour import FlowBehaviour
from flowise_mock.knowledge.files import Upload
from flowise_mock.knowledge.slices import Pause, never
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.scripts.rule_book import RuleBook
from flowise_mock.state.outcomes import MalformedId, NegativeNumber, Outcome, Page, Report, WrongKey
from flowise_mock.state.store import UUID, Store
from flowise_mock.state.table import Record

Model = Callable[[Record, str], Sequence[str]]
"""Generates the tokens of a flow's answer to a prompt: the only source of text besides scripts."""


@dataclass(slots=True)
class FlowRuntime:
    """What running a flow needs.

    `token_delay` is the pause after a streamed token, in seconds; `speed` divides the pauses of scripts.
    `model` gives the text of an answer if no rule of `rules` does. `hold` waits until a name is released.
    `note_question` records the resolved ids of a question in the journal. `explain` records the matching
    rule in the access log. `inject` triggers a fault; it raises if the fault replaces the response, so call
    it before anything is stored. `text` returns the text of an outcome in the contract. `add_headers` adds
    headers to the answer.
    """

    token_delay: float = 0.0
    speed: float = 1.0
    model: Model = lambda flow, prompt: [prompt]
    rules: RuleBook | None = None
    hold: Callable[[str], Awaitable[object]] | None = None
    note_question: Callable[[dict[str, Any]], None] = lambda known: None
    explain: Callable[[str], None] = lambda text: None
    inject: Callable[[Fault], None] = lambda fault: None
    text: Callable[[Outcome], str] = str
    add_headers: Callable[[Mapping[str, str]], None] = lambda headers: None


@dataclass(slots=True)
class Call:
    """One request, as far as a handler needs it.

    `report` ends the request if the contract answers the condition, and returns if the contract ignores
    it. `key` is the record of the API key in the request; None if there is no key, or if the server is
    `open` to all. `headers` have lower-case names; `request` is the request as rules match it. `files` are
    those of a multipart body, `raw` is the body as it was sent. `behaviour` says how flows run in this
    version. `pause` lets other requests go on during long work; it raises if the client has left.
    """

    store: Store
    report: Report
    key: Record | None = None
    open: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)
    raw: bytes = b""
    request: HttpRequest = field(default_factory=HttpRequest)
    behaviour: FlowBehaviour = field(default_factory=FlowBehaviour)
    runtime: FlowRuntime = field(default_factory=FlowRuntime)
    pause: Pause = never

    def check_uuid(self, noun: str, id: str) -> None:
        """Report an id that is not a UUID."""
        if not UUID.fullmatch(id):
            self.report(MalformedId(noun, id))

    def chatflow(self, id: str) -> Record:
        """The chatflow with that id. Raises NotFound, and reports an id that is not a UUID."""
        self.check_uuid("Chatflow", id)
        return self.store.find("chatflow", id)

    def page(self, table: str, page: Any, limit: Any, **equal: Any) -> list[Record] | Page:
        """All records whose columns equal `equal`, or the requested page if both numbers are above zero."""
        number, size = self._number("page", page), self._number("limit", limit)
        if number < 1 or size < 1:
            return self.store.select(table, **equal)
        return Page(*self.store.page(table, number, size, **equal))

    def _number(self, field: str, text: Any) -> int:
        """The number that a text begins with, 0 if it begins with none."""
        match = re.match(r"\s*(?:0[xX]([0-9a-fA-F]{1,9})|([+-]?\d+))", str(text or ""))
        number = 0 if match is None else int(match[1], 16) if match[1] else int(match[2][:12])
        if number < 0:
            self.report(NegativeNumber(field))
        return number

    def check_key(self, flow: Record) -> None:
        """Raise WrongKey if the flow is bound to an API key that the request does not have."""
        if not self.may_run(flow):
            raise WrongKey("Chatflow", flow["id"])

    def may_run(self, flow: Record) -> bool:
        """Whether the request may run the flow, which may be bound to an API key."""
        bound = flow.get("apikeyid")
        return not bound or self.open or (self.key is not None and self.key["id"] == bound)
