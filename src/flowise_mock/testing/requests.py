"""Requests of the journal, as a test looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass(frozen=True)
class Request:
    """One request that the server received, and what answered it.

    `operation` is the operationId, empty if no operation matches. `headers` is a mapping that ignores case.
    `json` is the body if it is JSON, `text` if it is not; neither is more than 64 KiB. `rule` and `fault`
    name what answered, or are None; `explanation` says why earlier rules did not. `status` is 0 if no answer
    was sent. `completed` is false if the client left before the end. `events` counts the events of a stream.
    `duration` is in milliseconds. `response` has `headers`, `json`, `text` and `size` of the answer. Secrets
    are masked.
    """

    id: str
    namespace: str
    time: str
    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: httpx.Headers
    json: Any
    text: str | None
    status: int
    rule: str | None
    fault: str | None
    explanation: str | None
    completed: bool
    events: int
    duration: float
    response: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Request:
        """A request from an entry of the control API."""
        known: dict[str, Any] = {
            name: entry.get(name) for name in cls.__dataclass_fields__ if name != "headers"
        }
        return cls(**known, headers=httpx.Headers(entry["headers"]))

    def __str__(self) -> str:
        answered = (self.fault and f"fault {self.fault}") or (self.rule and f"rule {self.rule}")
        status = str(self.status) if self.status else "no answer"
        parts = [f"#{self.id}", self.operation or "(no operation)", self.method, self.path, status]
        left = [] if self.completed else ["the client left"]
        said = [_shortened(self.json["question"])] if _has_question(self.json) else []
        return "  ".join([*parts, *([answered] if answered else []), *said, *left])


def _has_question(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("question"), str)


def _shortened(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}...")
