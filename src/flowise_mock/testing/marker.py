"""The marker `flowise`: its options, checked when tests are collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

BEGINNING = ("script", "seed", "ids", "strict")
OPTIONS = ("contract", *BEGINNING)
VALUES = {"ids": ("random", "reproducible"), "strict": (True, False)}


class MarkerError(Exception):
    """A marker that cannot be used; the text says why."""


@dataclass(frozen=True)
class Marker:
    """What the markers of a test say: the contract, if any, and how its world begins."""

    contract: str | None = None
    beginning: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def strict(self) -> bool:
        return bool(self.beginning.get("strict", False))


def of(item: Any) -> Marker:
    """The options of a test; the marker nearest to it counts. Raises MarkerError."""
    given: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("flowise"))):
        if marker.args:
            raise MarkerError(f"{item.nodeid}: @pytest.mark.flowise takes {', '.join(OPTIONS)} by name")
        given.update(marker.kwargs)
    for name, value in given.items():
        _check(item, name, value)
    beginning = {name: given[name] for name in BEGINNING if name in given}
    return Marker(given.get("contract"), beginning, Path(item.path).parent)


def _check(item: Any, name: str, value: Any) -> None:
    if name not in OPTIONS:
        near = get_close_matches(name, OPTIONS, 1)
        hint = f"; did you mean {near[0]}" if near else ""
        raise MarkerError(
            f"{item.nodeid}: @pytest.mark.flowise has no option {name}{hint}; there are {', '.join(OPTIONS)}"
        )
    if name in VALUES and value not in VALUES[name]:
        known = " or ".join(map(repr, VALUES[name]))
        raise MarkerError(f"{item.nodeid}: @pytest.mark.flowise({name}={value!r}): say {known}")
