"""A script with a rule for every fault, and the description of how a client behaves at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowise_mock.faults import spec

SUPPORT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
ANSWER = "one two three four"
SHORT = {"slow-first-token": {"ms": 300}, "latency": {"ms": 300}}
"""Shorter pauses than by default."""


def write_script(path: Path) -> None:
    """Write a script with a rule for each fault: the question is the name of the fault."""
    rules = [
        {
            "match": {"question": name},
            "answer": {"text": ANSWER, "fault": {"name": name, **SHORT.get(name, {})}},
        }
        for name in spec.catalogue()
    ]
    path.write_text(json.dumps({"rules": [*rules, {"answer": ANSWER}]}))


@dataclass
class Reading:
    """How a client read a stream: its events, its exception, and whether it was done in time."""

    events: Sequence[Any]
    error: str | None
    done: bool

    def __str__(self) -> str:
        events = [each if isinstance(each, dict) else {} for each in self.events]
        text = "".join(str(each.get("data")) for each in events if each.get("event") == "token")
        names = {each.get("event") for each in events}
        parts = [f"`{text}`" if text else "no text"]
        parts += ["an error event"] if "error" in names else []
        parts += ["no end event"] if self.done and not self.error and "end" not in names else []
        if not self.done:
            return ", ".join([*parts, "waits for ever"])
        if self.error:
            return ", ".join([*(parts if names else []), f"raises `{self.error}`"])
        return ", ".join([*parts, "ends"])


def name_of(raised: Exception) -> str:
    """The name of an exception, with its HTTP status if it has one."""
    status = getattr(getattr(raised, "response", None), "status_code", None)
    return f"{type(raised).__name__}: {status}" if status else type(raised).__name__
