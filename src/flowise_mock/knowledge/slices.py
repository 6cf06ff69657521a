"""Long work in slices: between them other requests are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, TypeVar

Pause = Callable[[], Awaitable[None]]
"""Lets others go on if the work has lasted for a slice. Raises if there is no one left to answer."""
LARGE = 1024 * 1024
"""Characters of a text from which on work on all of it is done in a thread."""
Item = TypeVar("Item")


class Large(NamedTuple):
    """What a handler answers if that is much to write: it is written while others go on."""

    value: Any


async def never() -> None:
    """The pause of work that no one else waits for."""


async def beside(size: int, work: Callable[..., Item], *given: Any) -> Item:
    """The result of work on `size` characters: beside the event loop if these are many."""
    import asyncio

    return await asyncio.to_thread(work, *given) if size > LARGE else work(*given)


async def collected(steps: Iterable[Item | None], pause: Pause = never) -> list[Item]:
    """What the steps give, with a pause after each: how long one takes depends on what is sent.

    A step that is None is only a pause.
    """
    found: list[Item] = []
    for step in steps:
        if step is not None:
            found.append(step)
        await pause()
    return found
