"""What a handler is given of a request: the store, a way to report conditions, who is calling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowise_mock.outcomes import Outcome, WrongKey
from flowise_mock.store import Record, Store

Say = Callable[[Record, str], list[str]]
"""What a flow says to a question, token by token: the one place where answers come from."""


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body."""

    name: str
    type: str
    data: bytes


@dataclass
class Call:
    """One request, as far as a handler needs it.

    `key` is the API key record that the request showed; None where it showed none, and where the
    server is `open` to all. `report` ends the request where the contract answers the condition, and
    returns where it ignores it. `token_delay` is the pause after a streamed token, in seconds. `say`
    is where the tokens of an answer come from; `text` is an outcome in the contract's words. `runs` are
    the streams that are being told, by flow and chat; `windows` count predictions by flow, for rate
    limits, None for a flow whose limit does not act yet. `headers` have lower-case names.
    """

    store: Store
    report: Callable[[Outcome], None]
    key: Record | None = None
    open: bool = False
    token_delay: float = 0.0
    say: Say = lambda flow, question: [question]
    text: Callable[[Outcome], str] = str
    runs: dict[tuple[str, str], Any] = field(default_factory=dict)
    windows: dict[str, tuple[float, int] | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    def check_key(self, flow: Record) -> None:
        """WrongKey where the flow is bound to an API key and the request did not show that one."""
        bound = flow.get("apikeyid")
        if bound and not self.open and (self.key is None or self.key["id"] != bound):
            raise WrongKey("Chatflow", flow["id"])
