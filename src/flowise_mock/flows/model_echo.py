"""The default model: it repeats the question, with the name of the flow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import overload

from flowise_mock.state.table import Record

LARGE = 64 * 1024
"""Characters of a text from which on its tokens are found one by one."""
_TOKEN = re.compile(r"\s*\S+|\s+$")


class Tokens(Sequence[str]):
    """The tokens of a large text, each found when it is reached: others get their turn between them."""

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


def generate(flow: Record, prompt: str) -> Sequence[str]:
    """The tokens of the answer of `flow` to `prompt`, which are always the same."""
    name = flow.get("name") or "a flow without a name"
    return split_tokens(f"{name} echoes: {prompt}" if prompt else f"{name} was asked nothing.")


def split_tokens(text: str) -> Sequence[str]:
    """Split a text into words, each with the blanks before it."""
    return Tokens(text) if len(text) > LARGE else _TOKEN.findall(text)


def joined(tokens: Sequence[str]) -> str:
    """The text of tokens."""
    return tokens.text if isinstance(tokens, Tokens) else "".join(tokens)
