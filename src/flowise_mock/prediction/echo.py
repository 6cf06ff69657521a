"""The answer without a model: the question again, in a form that tells which flow answered."""

from __future__ import annotations

from flowise_mock.store import Record


def answer(flow: Record, question: str) -> str:
    """What `flow` says to `question`. The same every time."""
    name = flow.get("name") or "a flow without a name"
    return f"{name} echoes: {question}" if question else f"{name} was asked nothing."
