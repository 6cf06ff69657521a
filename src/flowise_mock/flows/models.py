"""Models: each generates the tokens of the answer of a flow to a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import overload

from flowise_mock.state.outcomes import ModelFailure, ModelRefusal
from flowise_mock.state.table import Record

MAX_LENGTH = 50
"""The most characters of the line that the model of the recordings repeats."""
_TOKEN = re.compile(r"\s*\S+|\s+$")


class Tokens(Sequence[str]):
    """The tokens of a text, found one by one: its words, each with the blanks before it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[str]:
        return (found[0] for found in _TOKEN.finditer(self.text))

    def __bool__(self) -> bool:
        return bool(self.text)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return next(iter(self)) if index == 0 else list(self)[index]


def echo(flow: Record, prompt: str) -> Sequence[str]:
    """The default model: it repeats the prompt, with the name of the flow."""
    name = flow.get("name") or "a flow without a name"
    return Tokens(f"{name} echoes: {prompt}" if prompt else f"{name} was asked nothing.")


def recorded(flow: Record, prompt: str) -> list[str]:
    """The model behind the recordings: it repeats the last line of its prompt.

    Raises ModelFailure or ModelRefusal if the prompt requests that.
    """
    if "FAIL400" in prompt:
        raise ModelFailure("400 bad request by fake")
    if "FAIL401" in prompt:
        raise ModelRefusal("401 Incorrect API key provided: fake.")
    lines = prompt.splitlines() or [""]
    return [
        token for token in ("Echo", " of", " your", " question", ":", " ", lines[-1][:MAX_LENGTH]) if token
    ]


def joined(tokens: Sequence[str]) -> str:
    """The text of tokens."""
    return tokens.text if type(tokens) is Tokens else "".join(tokens)
