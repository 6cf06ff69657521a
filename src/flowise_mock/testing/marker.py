"""The marker `flowise`: its options, checked when tests are collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

BEGINNING = ("script", "seed", "ids", "strict")
OPTIONS = ("contract", "versions", *BEGINNING)
VALUES = {"ids": ("random", "reproducible"), "strict": (True, False)}


class MarkerError(Exception):
    """A marker that cannot be used; the text says why."""


@dataclass(frozen=True)
class Marker:
    """What the markers of a test say: its contract, or its versions, and how its world begins."""

    contract: str | None = None
    versions: tuple[str, ...] = ()
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
    if given.get("contract") and given.get("versions"):
        raise MarkerError(f"{item.nodeid}: @pytest.mark.flowise takes a contract or versions, not both")
    beginning = {name: given[name] for name in BEGINNING if name in given}
    versions = tuple(resolve(item.nodeid, each) for each in given.get("versions", ()))
    return Marker(given.get("contract"), versions, beginning, Path(item.path).parent)


def resolve(where: str, version: str) -> str:
    """The version with a contract that stands in for `version`. Raises MarkerError."""
    from flowise_mock.contract import contracts
    from flowise_mock.contract.document import DocumentError

    try:
        return contracts.resolve_version(str(version))
    except DocumentError as error:
        raise MarkerError(f"{where}: {error}") from None


def _check(item: Any, name: str, value: Any) -> None:
    if name not in OPTIONS:
        near = get_close_matches(name, OPTIONS, 1)
        hint = f"; did you mean {near[0]}" if near else ""
        raise MarkerError(
            f"{item.nodeid}: @pytest.mark.flowise has no option {name}{hint}; there are {', '.join(OPTIONS)}"
        )
    if name == "versions" and not (isinstance(value, list | tuple) and value):
        raise MarkerError(f"{item.nodeid}: @pytest.mark.flowise(versions={value!r}): give a list of versions")
    if name in VALUES and value not in VALUES[name]:
        known = " or ".join(map(repr, VALUES[name]))
        raise MarkerError(f"{item.nodeid}: @pytest.mark.flowise({name}={value!r}): say {known}")
