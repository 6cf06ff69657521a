"""The stand-in model behind the recordings: it says the last line of what it was asked."""

from __future__ import annotations

from flowise_mock.state.outcomes import ModelFailure, ModelRefusal
from flowise_mock.state.table import Record

LONGEST = 50
"""Characters of the line that it says again."""


def say(flow: Record, question: str) -> list[str]:
    """What the recorded model answered, token by token. ModelFailed or ModelRefused where it asks so."""
    if "FAIL400" in question:
        raise ModelFailure("400 bad request by fake")
    if "FAIL401" in question:
        raise ModelRefusal("401 Incorrect API key provided: fake.")
    lines = question.splitlines() or [""]
    return [token for token in ("Echo", " of", " your", " question", ":", " ", lines[-1][:LONGEST]) if token]
