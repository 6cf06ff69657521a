"""The data that come with the judge: walks, kinds of records, and the flows and bodies that both use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from flowise_mock.contract import merged

Data = dict[str, Any]


@cache
def walks() -> Data:
    """walks.yaml, with what it uses of flows.yaml."""
    return _read("walks.yaml")


@cache
def records() -> Data:
    """records.yaml, with what it uses of flows.yaml."""
    return _read("records.yaml")


def _read(name: str) -> Data:
    shared = merged.of_package(Path(__file__).with_name("flows.yaml"))
    read: Data = _inserted(merged.of_package(Path(__file__).with_name(name)), shared)
    return read


def _inserted(node: Any, shared: Data) -> Any:
    """`node` with each `{$use: name}` replaced by what has that name."""
    if isinstance(node, list):
        return [_inserted(item, shared) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"$use"}:
        return shared[node["$use"]]
    return {key: _inserted(value, shared) for key, value in node.items()}
