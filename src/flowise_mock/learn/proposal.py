"""Proposals: actions of an overlay that may explain why a server answers otherwise than the mock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Action(NamedTuple):
    """One action: an update of its target, or its removal if `update` is None."""

    target: str
    update: Any
    description: str

    def data(self, evidence: str) -> dict[str, Any]:
        """The action as an overlay has it."""
        change = {"remove": True} if self.update is None else {"update": self.update}
        return {"target": self.target, "description": self.description, "x-evidence": evidence, **change}


@dataclass(frozen=True)
class Proposal:
    """Actions that are kept or dropped together.

    `scope` is the operation that they change, or empty for all. `slot` names what they set: of two
    proposals with one slot, only one is tried at a time.
    """

    actions: tuple[Action, ...]
    scope: str
    slot: str
    evidence: str
    parts: tuple[Proposal, ...] = field(default=(), compare=False)
    """Smaller proposals, to be tried if the whole is refused."""

    @property
    def key(self) -> str:
        return json.dumps([[each.target, each.update] for each in self.actions], sort_keys=True)


def target_of(*steps: str | int) -> str:
    """The JSONPath of a place."""
    return "$" + "".join(_step(each) for each in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if step.isidentifier():
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"
