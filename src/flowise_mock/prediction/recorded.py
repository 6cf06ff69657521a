"""The stand-in model behind the recordings: it says the last line of what it was asked."""

from __future__ import annotations

from flowise_mock.outcomes import ModelFailed
from flowise_mock.store import Record

_WRONG_KEY = "401 Unauthorized \u2013 check your API key and ensure it has access to the requested model."
LONGEST = 50
"""Characters of the line that it says again."""


def say(flow: Record, question: str) -> list[str]:
    """What the recorded model answered, token by token. ModelFailed where the question asks for it."""
    if "FAIL400" in question:
        raise ModelFailed("400 bad request by fake")
    if "FAIL401" in question:
        raise ModelFailed(_WRONG_KEY)
    lines = question.splitlines() or [""]
    return [token for token in ("Echo", " of", " your", " question", ":", " ", lines[-1][:LONGEST]) if token]
