"""What a run may do to a server: everything on loopback, only reads elsewhere, unless it is allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from flowise_mock.conform.contract import Contract

SAFE = ("get", "head")
LASTING = ("createLead",)
"""What makes records that no operation of Flowise deletes: made once by a walk, never by generation."""
RISKY = (
    "upsertDocument", "vectorUpsert", "refreshDocument", "createPrediction", "triggerWebhook",
    "generateSpeech", "createDocumentStore", "updateDocumentStore",
)  # fmt: skip
"""What costs money where it succeeds; and what can break a server: a store whose loaders are no text makes
every list of stores a 500 until it is deleted."""


def is_loopback(url: str) -> bool:
    """Whether an address is this machine, told from its name alone: no name is looked up."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Rules(NamedTuple):
    """What a run may do."""

    writes: bool
    local: bool
    allowed: frozenset[str] = frozenset()

    def walks(self, contract: Contract, operation: str) -> bool:
        """Whether a walk may call an operation: all, with its own things, once writes are allowed."""
        return self.writes or contract.operations[operation].method in SAFE or operation in self.allowed

    def probes(self, contract: Contract, operation: str) -> bool:
        """Whether an operation may be asked for what is not there, or without a key."""
        return self.walks(contract, operation)

    def generates(self, contract: Contract, operation: str) -> bool:
        """Whether generated requests may go to an operation."""
        method = contract.operations[operation].method
        if operation in self.allowed or method in SAFE:
            return True
        if not self.writes or operation in LASTING:
            return False
        return self.local or not (method == "delete" or operation in RISKY)


def rules(url: str, allow_writes: bool, allowed: Collection[str]) -> Rules:
    local = is_loopback(url)
    return Rules(local or allow_writes, local, frozenset(allowed))
