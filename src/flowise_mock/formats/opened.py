"""What a library read of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_SECONDS = 20.0
"""Seconds after which a file is given up."""


class LoadFailure(Exception):
    """A file that cannot be read; `place` is a line and a column, if the reason has one."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True)
class Opened:
    """The texts of a file, what it says about itself, or why it could not be read.

    `rows` has the metadata of each text, if the texts are rows of a table.
    """

    texts: list[str]
    about: dict[str, Any]
    failure: str = ""
    rows: tuple[dict[str, Any], ...] = ()
