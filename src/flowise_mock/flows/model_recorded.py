"""The model that the recordings were made with: it repeats the last line of its prompt."""

from __future__ import annotations

from flowise_mock.state.outcomes import ModelFailure, ModelRefusal
from flowise_mock.state.table import Record

MAX_LENGTH = 50
"""The most characters of the line that it repeats."""


def generate(flow: Record, prompt: str) -> list[str]:
    """The tokens of the answer. Raises ModelFailure or ModelRefusal if the prompt requests that."""
    if "FAIL400" in prompt:
        raise ModelFailure("400 bad request by fake")
    if "FAIL401" in prompt:
        raise ModelRefusal("401 Incorrect API key provided: fake.")
    lines = prompt.splitlines() or [""]
    return [
        token for token in ("Echo", " of", " your", " question", ":", " ", lines[-1][:MAX_LENGTH]) if token
    ]
