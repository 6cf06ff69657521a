"""Reads a chatflow's `flowData`: its nodes and edges.

Clients send the text, so it may be invalid, or JSON of any shape. What cannot be read is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext
from flowise_mock.state.table import Record

Json = dict[str, Any]
KEPT = 64
"""Flows whose parsed data are kept: a prediction reads them several times."""


class Node(NamedTuple):
    """One node of a flow: `name` is its type (`bufferMemory`), `inputs` has the values of its inputs.

    `from_editor` says whether the editor wrote it, which adds the descriptions of the inputs, `params`.
    `output` is the chosen output, if it has several.
    """

    id: str
    name: str
    label: str
    category: str
    inputs: Json
    from_editor: bool = False
    output: str = ""
    params: tuple[Json, ...] = ()


class Edge(NamedTuple):
    """One edge of a flow; `handle` names the output of the source from which it starts."""

    source: str
    target: str
    handle: str


def nodes(flow: Record) -> Sequence[Node]:
    """The nodes of a flow in their order. Do not change them: they are kept."""
    data = flow.get("flowData")
    return _nodes_of(data) if isinstance(data, str) else _nodes(data)


def edges(flow: Record) -> Sequence[Edge]:
    """The edges of a flow in their order."""
    data = flow.get("flowData")
    return _edges_of(data) if isinstance(data, str) else _edges(data)


def names(flow: Record) -> frozenset[str]:
    """The names of the nodes of a flow."""
    data = flow.get("flowData")
    return _names_of(data) if isinstance(data, str) else _names(data)


def categories(flow: Record) -> frozenset[str]:
    """The categories of the nodes of a flow."""
    data = flow.get("flowData")
    return _categories_of(data) if isinstance(data, str) else _categories(data)


def _nodes(data: Any) -> tuple[Node, ...]:
    return tuple(_node(each) for each in _parts(data, "nodes"))


def _edges(data: Any) -> tuple[Edge, ...]:
    keys = ("source", "target", "sourceHandle")
    return tuple(Edge(*(str(each.get(key) or "") for key in keys)) for each in _parts(data, "edges"))


def _names(data: Any) -> frozenset[str]:
    return frozenset(node.name for node in _nodes(data))


def _categories(data: Any) -> frozenset[str]:
    return frozenset(node.category for node in _nodes(data))


_nodes_of = lru_cache(KEPT)(_nodes)
_names_of = lru_cache(KEPT)(_names)
_categories_of = lru_cache(KEPT)(_categories)
_edges_of = lru_cache(KEPT)(_edges)


def _parts(data: Any, key: str) -> list[Json]:
    found = jsontext.sequence(jsontext.mapping(data).get(key))
    return [each for each in found if isinstance(each, dict)]


def _node(node: Json) -> Node:
    data = jsontext.mapping(node.get("data"))
    name, label, category = (str(data.get(key) or "") for key in ("name", "label", "category"))
    inputs = jsontext.mapping(data.get("inputs"))
    id = str(node.get("id") or data.get("id") or "")
    output = str(jsontext.mapping(data.get("outputs")).get("output") or "")
    params = tuple(_parts(data, "inputParams"))
    return Node(id, name, label, category, inputs, "inputParams" in data, output, params)


def ending_nodes(flow: Record) -> list[Node]:
    """The nodes at which a chatflow ends: those that lead nowhere, and that another node leads to.

    A node without any edge counts only if there is no other.
    """
    found, joined = nodes(flow), edges(flow)
    if len(found) == 1:
        return list(found)
    sources, targets = {edge.source for edge in joined}, {edge.target for edge in joined}
    return [node for node in found if node.id in targets and node.id not in sources]


def document_stores(flow: Record) -> set[str]:
    """The ids of the document stores that a flow reads."""
    chosen = (node.inputs.get("selectedStore") for node in nodes(flow))
    return {store for store in chosen if isinstance(store, str)}


def config(flow: Record, column: str) -> Json:
    """A column of a flow that holds JSON text, such as `chatbotConfig`; `{}` if it cannot be read."""
    text = flow.get(column)
    return dict(_mapping_of(text)) if isinstance(text, str) else jsontext.mapping(text)


_mapping_of = lru_cache(KEPT)(jsontext.mapping)
