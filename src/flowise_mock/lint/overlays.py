"""Overlays: an action that matches nothing, one that changes nothing, a result that is not valid."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowise_mock.contract import overlay
from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.positions import Positions, ReadingError, escaped
from flowise_mock.contract.vocabulary import Use
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.source import Files, Source, Spot

Found = tuple[str, Problem]
MAX_LAYERS = 20


def is_overlay(source: Source) -> bool:
    return isinstance(source.value, dict) and "overlay" in source.value


class Overlay:
    """An overlay, and the document that it extends."""

    def __init__(self, source: Source, files: Files) -> None:
        self.source = source
        self._root = Spot(source, "", source.value)
        self._files = files
        self.base: dict[str, Any] | None = None
        self.result: dict[str, Any] | None = None
        self.touched: list[tuple[str, Spot]] = []
        self._uses: list[Use] = []

    def problems(self) -> Iterator[Found]:
        """Its problems, action by action; `result` is the document with the overlay applied."""
        yield from self._form()
        if not isinstance(self._root.get("actions"), list) or "extends" not in self.source.value:
            return
        try:
            self.base = base(self.source, self._files)
        except (DocumentError, ReadingError) as error:
            yield (
                "overlay-form",
                Problem(self._root.at("extends"), f"the document that it extends cannot be used: {error}"),
            )
            return
        self.result = copy.deepcopy(self.base)
        for index in range(len(self.source.value["actions"])):
            yield from self._action(self._root.at("actions").at(index), index)
        for each in overlay.problems(self.result, self.source.value, self._uses):
            spot = self.source.spot("".join(f"/{escaped(str(step))}" for step in each.steps))
            yield "overlay-words", Problem(spot or self._root, each.text, each.key)

    def blamed(self, pointer: str) -> Spot:
        """The last of the actions that touched what is nearest to a place of the result."""
        near = [(_common(pointer, place), index) for index, (place, _) in enumerate(self.touched)]
        if not near:
            return self._root
        action: Spot = self.touched[max(near)[1]][1]
        return action.at("target")

    def _form(self) -> Iterator[Found]:
        if not str(self.source.value["overlay"]).startswith("1."):
            yield (
                "overlay-form",
                Problem(self._root.at("overlay"), "is not a version of OpenAPI Overlay; write 1.0.0"),
            )
        info = self._root.get("info")
        for key in ("title", "version"):
            if not isinstance(info, dict) or not isinstance(info.get(key), str):
                yield (
                    "overlay-form",
                    Problem(self._root.at("info") if info else self._root, f"info has no {key}"),
                )
        if not isinstance(self._root.get("actions"), list) or not self.source.value["actions"]:
            yield "overlay-form", Problem(self._root, "has no list of actions")

    def _action(self, action: Spot, number: int) -> Iterator[Found]:
        assert self.result is not None
        if not isinstance(action.get("target"), str):
            yield "overlay-form", Problem(action, "an action is an object with a target")
            return
        if ("update" in action.value) == (action.get("remove") is True):
            yield "overlay-form", Problem(action.at("target"), "an action has an update, or `remove: true`")
            return
        try:
            places = list(overlay.locations(self.result, action.value["target"]))
        except DocumentError as error:
            yield "overlay-form", Problem(action.at("target"), str(error))
            return
        if not places:
            yield "overlay-target", Problem(action.at("target"), "the target matches nothing")
            return
        yield from self._lay(action, number, places)

    def _lay(self, action: Spot, number: int, places: list[list[Any]]) -> Iterator[Found]:
        assert self.result is not None
        update = action.get("update")
        if "update" in action.value and all(_same(_at(self.result, steps), update) for steps in places):
            yield "overlay-unchanged", Problem(action.at("target"), "the update changes nothing")
        try:
            self._uses += overlay.apply(self.result, action.value, number)
        except DocumentError as error:
            yield "overlay-form", Problem(action.at("target"), str(error))
            return
        for steps in places:
            below = update if isinstance(update, dict) else {}
            pointer = "".join(f"/{escaped(str(step))}" for step in steps)
            self.touched += [(place, action) for place in _leaves(pointer, below, 2)]


def _leaves(pointer: str, update: dict[str, Any], depth: int) -> list[str]:
    """The places that an update writes to, as deep as the search for the cause needs."""
    if not update or depth == 0:
        return [pointer]
    found = []
    for key, value in update.items():
        found += _leaves(
            f"{pointer}/{escaped(str(key))}", value if isinstance(value, dict) else {}, depth - 1
        )
    return found


def _common(one: str, two: str) -> int:
    """How many parts two pointers have in common from the start."""
    parts = list(zip(one.split("/"), two.split("/"), strict=False))
    return next((index for index, (a, b) in enumerate(parts) if a != b), len(parts))


def _at(node: Any, steps: list[Any]) -> Any:
    for step in steps:
        node = node[step]
    return node


def _same(node: Any, update: Any) -> bool:
    """Whether merging `update` into `node` leaves it as it is."""
    if isinstance(node, dict) and isinstance(update, dict):
        return all(key in node and _same(node[key], value) for key, value in update.items())
    if isinstance(node, list):
        return bool(update == [])
    return type(node) is type(update) and bool(node == update)


def base(source: Source, files: Files) -> dict[str, Any]:
    """The document at the end of an overlay's `extends`, with the overlays between applied."""
    layers: list[Source] = []
    while is_overlay(source):
        named = source.value.get("extends")
        if not isinstance(named, str) or "://" in named or len(layers) > MAX_LAYERS:
            raise ReadingError(f"{source.name} extends no file that can be read")
        source = files.load(Path(os.path.normpath(source.path.parent / named)))
        layers.append(source)
    if not isinstance(source.value, dict) or not isinstance(source.value.get("paths"), dict):
        raise ReadingError(f"{source.name} is not an OpenAPI document")
    made: dict[str, Any] = copy.deepcopy(source.value)
    for layer in reversed(layers[:-1]):
        for action in layer.value.get("actions") or []:
            try:
                overlay.apply(made, action)
            except DocumentError as error:
                raise ReadingError(f"{layer.name}: {error}") from None
    return made


def unplaced(path: Path, value: dict[str, Any]) -> Source:
    """A document that was generated and is not in a file."""
    return Source(path, "", Positions(value))
