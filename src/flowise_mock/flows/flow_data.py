"""Reads a chatflow's `flowData`: its nodes and edges.

Clients send the text, so it may be invalid, or JSON of any shape. What cannot be read is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

from flowise_mock.contract import jsontext
from flowise_mock.state.table import Record

Json = dict[str, Any]
T = TypeVar("T")
Read = Callable[[Record], T]
KEPT = 64
"""Texts for which what was read is kept: each prediction reads those of its flow again."""


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


def kept(read: Read[T], column: str = "flowData") -> Read[T]:
    """`read`, which looks at one column of a flow only, and whose results for the last texts are kept."""
    of_text = lru_cache(KEPT)(lambda text: read({column: text}))

    @wraps(read)
    def of_flow(flow: Record) -> T:
        value = flow.get(column)
        return read(flow) if isinstance(value, (dict, list)) else of_text(value)

    return of_flow


@kept
def nodes(flow: Record) -> Sequence[Node]:
    """The nodes of a flow in their order. Do not change them: they are kept."""
    return tuple(_node(each) for each in _parts(flow.get("flowData"), "nodes"))


@kept
def edges(flow: Record) -> Sequence[Edge]:
    """The edges of a flow in their order."""
    keys = ("source", "target", "sourceHandle")
    found = _parts(flow.get("flowData"), "edges")
    return tuple(Edge(*(str(each.get(key) or "") for key in keys)) for each in found)


@kept
def names(flow: Record) -> frozenset[str]:
    """The names of the nodes of a flow."""
    return frozenset(node.name for node in nodes(flow))


@kept
def categories(flow: Record) -> frozenset[str]:
    """The categories of the nodes of a flow."""
    return frozenset(node.category for node in nodes(flow))


@kept
def memory(flow: Record) -> str | None:
    """The label of the memory node of a flow."""
    return next((node.label for node in nodes(flow) if node.category == "Memory"), None)


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


@kept
def ending_nodes(flow: Record) -> Sequence[Node]:
    """The nodes at which a chatflow ends: those that lead nowhere, and that another node leads to.

    A node without any edge counts only if there is no other.
    """
    found, joined = nodes(flow), edges(flow)
    if len(found) == 1:
        return found
    sources, targets = {edge.source for edge in joined}, {edge.target for edge in joined}
    return tuple(node for node in found if node.id in targets and node.id not in sources)


def document_stores(flow: Record) -> set[str]:
    """The ids of the document stores that a flow reads."""
    chosen = (node.inputs.get("selectedStore") for node in nodes(flow))
    return {store for store in chosen if isinstance(store, str)}


def config(flow: Record, column: str) -> Json:
    """A column of a flow that holds JSON text, such as `chatbotConfig`; `{}` if it cannot be read."""
    text = flow.get(column)
    return dict(_mapping_of(text)) if isinstance(text, str) else jsontext.mapping(text)


_mapping_of = lru_cache(KEPT)(jsontext.mapping)
