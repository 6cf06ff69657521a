"""What a failed verification says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowise_mock.testing.requests import Request

SHOWN = 20
"""Requests that a failure lists."""


def failure(verdict: Mapping[str, Any], match: Mapping[str, Any], requests: Sequence[Request]) -> str:
    """The text of an AssertionError: what was expected, what came, and the nearest request."""
    words = {name: value for name, value in match.items() if name != "operation"}
    wanted = [str(match.get("operation", "a request"))]
    wanted += [f"{name}={_text(value)}" for name, value in words.items()]
    lines = [f"{' '.join(wanted)}: expected {verdict['expected']}, found {verdict['count']}"]
    nearest = verdict.get("nearest")
    if nearest is not None:
        lines.append(f"  nearest: {Request.of(nearest['entry'])}")
        lines += [f"    {difference}" for difference in nearest["differences"]]
    if not requests:
        return "\n".join([*lines, "  there were no requests"])
    lines.append("  requests:")
    if len(requests) > SHOWN:
        lines.append(f"    ... {len(requests) - SHOWN} earlier ones")
    return "\n".join([*lines, *(f"    {request}" for request in requests[-SHOWN:])])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
