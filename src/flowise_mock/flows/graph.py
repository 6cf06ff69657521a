"""The nodes and edges of an agentflow, and what comes of one node."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowise_mock.flows.flow_data import Edge, Node
from flowise_mock.flows.turn import Event, Turn, text
from flowise_mock.state.table import Record


@dataclass
class Graph:
    """The nodes and edges of a flow, and the run on its way through them."""

    turn: Turn
    nodes: dict[str, Node]
    edges: list[Edge]
    executed: list[Record] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    state: Record = field(default_factory=dict)
    form: Record = field(default_factory=dict)
    human: Record | None = None
    execution: Record | None = None

    def before(self, id: str) -> list[str]:
        return [edge.source for edge in self.edges if edge.target == id]

    def after(self, id: str, way: int | None) -> list[str]:
        """Where it goes from a node: all edges, or those of one way out."""
        handle = None if way is None else f"{id}-output-{way}"
        return [edge.target for edge in self.edges if edge.source == id and handle in (None, edge.handle)]

    def output(self, id: str) -> str | None:
        """What a node said, for `{{ nodeId }}`."""
        found = [each["data"]["output"].get("content") for each in self.executed if each["nodeId"] == id]
        return text(found[-1]) if found else None


@dataclass
class NodeResult:
    """What came of a node: events to tell, what to note, and `way`, the number of its way out."""

    input: Record = field(default_factory=dict)
    output: Record = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    way: int | None = None
    stopped: bool = False
