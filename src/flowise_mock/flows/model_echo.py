"""The answer without a model: the question again, in a form that tells which flow answered."""

from __future__ import annotations

import re

from flowise_mock.state.table import Record


def say(flow: Record, question: str) -> list[str]:
    """What `flow` says to `question`, token by token. The same every time."""
    name = flow.get("name") or "a flow without a name"
    return tokens(f"{name} echoes: {question}" if question else f"{name} was asked nothing.")


def tokens(text: str) -> list[str]:
    """The words of a text, each with the blanks before it."""
    return re.findall(r"\s*\S+|\s+$", text)
