"""What stream readers are shown: a script whose rules ask for every fault, and how a reading is told."""

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
"""Pauses that nobody needs to wait for."""


def write_script(path: Path) -> None:
    """A rule per fault: the question is the fault's name."""
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
    """What a client made of a stream: the events it handed on, and what it raised; `done` in time or not."""

    events: Sequence[Any]
    error: str | None
    done: bool

    def __str__(self) -> str:
        read = [each if isinstance(each, dict) else {} for each in self.events]
        text = "".join(str(each.get("data")) for each in read if each.get("event") == "token")
        names = {each.get("event") for each in read}
        parts = [f"`{text}`" if text else "no text"]
        parts += ["an error event"] if "error" in names else []
        parts += ["no end event"] if self.done and not self.error and "end" not in names else []
        if not self.done:
            return ", ".join([*parts, "waits for ever"])
        if self.error:
            return ", ".join([*(parts if names else []), f"raises `{self.error}`"])
        return ", ".join([*parts, "ends"])


def name_of(raised: Exception) -> str:
    """The name of an exception, and the status where it is one of a status."""
    status = getattr(getattr(raised, "response", None), "status_code", None)
    return f"{type(raised).__name__}: {status}" if status else type(raised).__name__
