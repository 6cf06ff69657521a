"""Probes: one request to each operation of a contract, so that one that a server lacks is noticed.

They change nothing: their ids are of no record, and operations that could create one are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from flowise_mock.contract.document import Document, Operation, operations
from flowise_mock.replay.exchanges import API_KEY, Exchange

READING = ("get", "head")
SENDING = ("post", "put", "patch")
BASE = "/api/v1"


def probes(document: Document) -> Iterator[Exchange]:
    """The probes of a contract, in its order. The same contract has the same probes."""
    for operation in operations(document):
        if operation.method in READING or "{" in operation.path:
            yield Exchange(operation.id, "probe", _request(operation), {"status": 200})


def _request(operation: Operation) -> dict[str, Any]:
    parameters = operation.definition.get("parameters", [])
    path = operation.path
    for name in [each["name"] for each in parameters if each.get("in") == "path"]:
        path = path.replace(f"{{{name}}}", str(uuid5(NAMESPACE_URL, f"{operation.id} {name}")))
    sends = operation.method in SENDING
    return {
        "method": operation.method.upper(),
        "path": f"{BASE}{path}",
        "query": {},
        "headers": {
            "Authorization": f"Bearer {API_KEY}",
            **({"Content-Type": "application/json"} if sends else {}),
        },
        "body": {} if sends else None,
    }
