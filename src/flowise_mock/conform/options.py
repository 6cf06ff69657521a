"""What a run is requested to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowise_mock.conform.contract import Contract

PHASES = ("walks", "probes", "generated")


@dataclass
class Options:
    """The options of a run; the command and the pytest marker set them by these names."""

    url: str
    contract: Contract
    key: str | None = None
    allow_writes: bool = False
    allowed: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    phases: tuple[str, ...] = PHASES
    only: str = ""
    """The ID of the deviation to repeat."""
    expect_coverage: int | None = None
    seed: int = 1
    max_examples: int = 3
    max_time: int | None = None
    seconds: float = 15.0
    rate: float | None = None
    verify: bool = True
    ledger: Path | None = None
    baseline: Path | None = None
    passed: tuple[str, ...] = ()
    """Options for Schemathesis itself."""
    events: Path | None = None
    """Where to copy the events of Schemathesis."""
    filters: tuple[str, ...] = ()
    """Those of them that the user gave: they may leave something out."""

    @property
    def only_operation(self) -> str:
        """The operation of the deviation to repeat."""
        return self.only.rpartition("-")[0]
