"""What a handler of the control API gets: the namespace of the request, and the server around it."""

from __future__ import annotations

from dataclasses import dataclass

from flowise_mock.contract.document import Document
from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.streams import Streams
from flowise_mock.engine.worlds import World, Worlds
from flowise_mock.knowledge.slices import Pause, never
from flowise_mock.state.outcomes import Conflict, NotFound


@dataclass(frozen=True)
class Served:
    """The server: its namespaces, and what it was started with, as `GET ready` shows it."""

    contract: Document
    worlds: Worlds
    streams: Streams
    secrets: Secrets
    ready: dict[str, object]


@dataclass
class ControlCall:
    """One request to the control API. `base` is the address of the server; `pause` lets others go on."""

    served: Served
    world: World
    base: str = ""
    pause: Pause = never

    def check_table(self, name: str) -> None:
        """Raise NotFound if there is no such table."""
        if name not in self.world.store.tables:
            raise NotFound("table", name)

    def end_streams(self) -> None:
        """End the running flows and the open streams of the namespace."""
        for turn in list(self.world.store.runs.values()):
            turn.aborted = True
        self.world.store.runs.clear()
        self.served.streams.end(self.world.name)
        self.world.holds.clear()


def conflict(error: Exception) -> Conflict:
    """The outcome of a request that matches the schema and cannot be carried out, with the error's reason."""
    pointer = getattr(error, "pointer", "")
    reason = getattr(error, "reason", "") or str(error)
    place = pointer.removeprefix("/rules/0") or "/"
    return Conflict(f"{place}: {reason}" if pointer else reason)
