"""What a run may do to a server: anything with its own records on loopback, only reads elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from flowise_mock.conform.contract import Contract

SAFE = ("get", "head")
LASTING = ("createLead",)
"""Makes records that no operation of Flowise deletes: one is made by a walk, none by generated requests."""
RISKY = (
    "upsertDocument", "vectorUpsert", "refreshDocument", "createPrediction", "triggerWebhook",
    "generateSpeech", "triggerWebhookByGet", "triggerWebhookByPut", "triggerWebhookByPatch",
    "triggerWebhookByDelete", "createInternalPrediction", "internalVectorUpsert", "insertIntoVectorStore",
)  # fmt: skip
"""Costs money if it succeeds: generated requests to these go to this machine alone."""


def is_loopback(url: str) -> bool:
    """Whether an address is this machine. Only its name counts: it is not looked up."""
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

    def calls(self, contract: Contract, operation: str) -> bool:
        """Whether walks and probes may call an operation: all, once writes are allowed."""
        reads = contract.operations[operation].method in SAFE and operation not in RISKY
        return self.writes or reads or operation in self.allowed

    def generates(self, contract: Contract, operation: str) -> bool:
        """Whether generated requests may call an operation."""
        reads = contract.operations[operation].method in SAFE and operation not in RISKY
        if operation in self.allowed or reads:
            return True
        if not self.writes or operation in LASTING:
            return False
        return self.local or operation not in RISKY


def rules(url: str, allow_writes: bool, allowed: Collection[str]) -> Rules:
    local = is_loopback(url)
    return Rules(local or allow_writes, local, frozenset(allowed))
