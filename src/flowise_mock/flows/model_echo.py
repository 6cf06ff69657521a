"""The default model: it repeats the question, with the name of the flow."""

from __future__ import annotations

import re

from flowise_mock.state.table import Record

_TOKEN = re.compile(r"\s*\S+|\s+$")


def generate(flow: Record, prompt: str) -> list[str]:
    """The tokens of the answer of `flow` to `prompt`, which are always the same."""
    name = flow.get("name") or "a flow without a name"
    return split_tokens(f"{name} echoes: {prompt}" if prompt else f"{name} was asked nothing.")


def split_tokens(text: str) -> list[str]:
    """Split a text into words, each with the blanks before it."""
    return _TOKEN.findall(text)
