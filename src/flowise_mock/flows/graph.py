"""The nodes and edges of an agentflow, and the result of one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flowise_mock.flows.flow_data import Edge, Node
from flowise_mock.flows.turn import Event, Turn, text
from flowise_mock.state.table import Record

NOTE = "stickyNoteAgentflow"
DECISIONS = ("conditionAgentflow", "conditionAgentAgentflow", "humanInputAgentflow")
"""The nodes after which only one branch runs."""


@dataclass
class Graph:
    """The nodes and edges of a flow, and the state of a run.

    `history` has the messages of this run, `decision` the human input that resumes it.
    """

    turn: Turn
    nodes: dict[str, Node]
    edges: Sequence[Edge]
    executed: list[Record] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    state: Record = field(default_factory=dict)
    form: Record = field(default_factory=dict)
    decision: Record | None = None
    execution: Record | None = None
    received: dict[str, set[str]] = field(default_factory=dict)

    def previous_nodes(self, id: str) -> list[str]:
        return [edge.source for edge in self.edges if edge.target == id]

    def starting_nodes(self) -> list[str]:
        """The nodes that no other leads to, without notes."""
        targets = {edge.target for edge in self.edges}
        return [id for id, node in self.nodes.items() if id not in targets and node.name != NOTE]

    def next_nodes(self, id: str, branch: int | None) -> list[str]:
        """The targets of the edges from a node: of all edges, or of one branch."""
        handle = None if branch is None else f"{id}-output-{branch}"
        return [edge.target for edge in self.edges if edge.source == id and handle in (None, edge.handle)]

    def arrives(self, id: str, source: str) -> bool:
        """Note that `source` leads to a node. Returns whether the node may run.

        A node with several sources waits for all of them; of those below one decision, for one.
        """
        received = self.received.setdefault(id, set())
        received.add(source)
        groups: dict[str, set[str]] = {}
        for each in self.previous_nodes(id):
            groups.setdefault(self._decision_above(each) or each, set()).add(each)
        if not all(group & received for group in groups.values()):
            return False
        del self.received[id]
        return True

    def _decision_above(self, id: str) -> str | None:
        """The decision of which a node is a branch: the node itself, or the nearest one above it."""
        seen: set[str] = set()
        while id in self.nodes and id not in seen:
            if self.nodes[id].name in DECISIONS:
                return id
            seen.add(id)
            id = next(iter(self.previous_nodes(id)), "")
        return None

    def output(self, id: str) -> str | None:
        """The content of a node that ran and has one, for `{{ nodeId }}`."""
        found = [each["data"]["output"] for each in self.executed if each["nodeId"] == id]
        return text(found[-1]["content"]) if found and "content" in found[-1] else None


@dataclass
class NodeResult:
    """The result of a node: its data, the events to send, and `branch`, the number of the branch to take.

    A loop `goes_to` another node, or has `ended`: that is its content then, which is sent last.
    """

    input: Record = field(default_factory=dict)
    output: Record = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    branch: int | None = None
    stopped: bool = False
    goes_to: str = ""
    ended: str | None = None
