"""The records of a server, as a test reads and creates them."""

from __future__ import annotations

from typing import Any

from flowise_mock.testing.control_client import ControlClient


class Store:
    """The records of a namespace, by table: `chatflow`, `tool`, `chatmessage`, ..."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    def list(self, table: str) -> list[dict[str, Any]]:
        """The records of a table, in order of creation; secrets are masked."""
        return [*self._control.get(f"/records/{table}", limit=100_000)]

    def create(self, table: str, **values: Any) -> dict[str, Any]:
        """Store a record; what the server generates is filled in unless it is given."""
        made: dict[str, Any] = self._control.post(f"/records/{table}", values)
        return made

    def counts(self) -> dict[str, int]:
        """How many records each table holds."""
        found: dict[str, int] = self._control.get("/records")
        return found
