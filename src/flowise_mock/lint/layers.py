"""A document with overlays applied, and the place where each of its values was written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from flowise_mock.contract import overlay
from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.positions import Positions, ReadingError, escaped, unescaped
from flowise_mock.lint.source import Source


class Origin:
    """Where a value was written. A value that an overlay changed has the origins of its parts."""

    __slots__ = ("parts", "pointer", "source")

    def __init__(self, source: Source, pointer: str) -> None:
        self.source = source
        self.pointer = pointer
        self.parts: Any = None  # None: as in the source, below the pointer

    def part(self, key: Any) -> Origin:
        """The origin of a part that is as in the source."""
        return Origin(self.source, f"{self.pointer}/{escaped(str(key))}")

    def open(self, value: Any) -> Any:
        """The origins of the parts of a value, by key or index."""
        if self.parts is None and isinstance(value, dict):
            self.parts = {key: self.part(key) for key in value}
        elif self.parts is None and isinstance(value, list):
            self.parts = [self.part(index) for index in range(len(value))]
        return self.parts


class Layered(Source):
    """The first source with the others, overlays, applied in their order."""

    def __init__(self, sources: list[Source], complete: Callable[[Any], None] | None = None) -> None:
        base = sources[0]
        value = copy.deepcopy(base.value)
        self._origin = Origin(base, "")
        for source in sources[1:]:
            self._lay(value, source)
        if complete is not None:
            complete(value)
        super().__init__(base.path, base.text, Positions(value))
        self.sources = sources

    def origin(self, pointer: str) -> tuple[Source, str]:
        found, rest = self._origin, pointer.split("/")[1:]
        while rest and found.parts is not None:
            key = unescaped(rest.pop(0))
            parts = found.parts
            if isinstance(parts, dict) and key in parts:
                found = parts[key]
            elif isinstance(parts, list) and key.isdecimal() and int(key) < len(parts):
                found = parts[int(key)]
            else:  # it was generated
                return found.source, found.pointer
        place = "".join([found.pointer, *(f"/{each}" for each in rest)])
        return found.source, found.source.read.anchor(place)

    def _lay(self, value: Any, source: Source) -> None:
        actions = source.value.get("actions") if isinstance(source.value, dict) else None
        for index, action in enumerate(actions if isinstance(actions, list) else ()):
            try:
                places = list(overlay.locations(value, str(action["target"])))
                for steps in reversed(places):
                    self._trace(value, steps, action, Origin(source, f"/actions/{index}/update"))
                overlay.apply(value, action)
            except (DocumentError, KeyError, TypeError) as error:
                place = source.place(f"/actions/{index}")
                raise ReadingError(
                    f"cannot be applied: {source.name}: {error}", *place, rule="overlay-form"
                ) from None

    def _trace(self, value: Any, steps: list[Any], action: dict[str, Any], made: Origin) -> None:
        """Record the changes of an action at one place, before it is applied."""
        node, origin = value, self._origin
        for step in steps[:-1]:
            origin, node = origin.open(node)[step], node[step]
        parts = origin.open(node)
        if action.get("remove") is True:
            del parts[steps[-1]]
        elif steps:
            parts[steps[-1]] = _merged(parts[steps[-1]], node[steps[-1]], action.get("update"), made)
        else:
            self._origin = _merged(origin, node, action.get("update"), made)


def _merged(origin: Origin, node: Any, update: Any, made: Origin) -> Origin:
    """The origin of a value into which an update is merged."""
    if isinstance(node, dict) and isinstance(update, dict):
        parts = origin.open(node)
        for key, value in update.items():
            parts[key] = (
                _merged(parts[key], node[key], value, made.part(key)) if key in node else made.part(key)
            )
        return origin
    if isinstance(node, list):
        added = [made.part(index) for index in range(len(update))] if isinstance(update, list) else [made]
        origin.open(node).extend(added)
        return origin
    return made
