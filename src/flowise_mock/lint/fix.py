"""The overlay of `--fix`: the edits of the findings, made on a copy, written as OpenAPI Overlay 1.0.

The document itself is never written. In Overlay 1.0 the target of an action is an object or an array, so a
scalar is changed through its object, and what cannot be changed in place is removed and added again.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flowise_mock.contract.overlay import apply
from flowise_mock.contract.positions import escaped, unescaped
from flowise_mock.lint.findings import Edit, Finding
from flowise_mock.lint.source import Source, jsonpath

Action = dict[str, Any]


def overlay(findings: list[Finding], source: Source, at: Path | None = None) -> dict[str, Any]:
    """The overlay that fixes the findings of a file, as far as they have fixes."""
    edits = [each for finding in findings for each in finding.fix]
    after = edited(source.value, edits)
    extends = os.path.relpath(source.path, at.parent if at else Path())
    return {
        "overlay": "1.0.0",
        "info": {"title": f"Fixes of {source.path.name}", "version": "1.0.0"},
        "extends": Path(extends).as_posix(),
        "actions": [
            {"target": jsonpath(source, each.pointer), "description": _why(each, findings), **each.body}
            for each in _Difference({each.pointer for each in edits}).actions(source.value, after)
        ],
    }


def edited(value: Any, edits: list[Edit]) -> Any:
    """A copy of a document with the edits applied. Removals come last, from the end: indexes stay valid."""
    result = copy.deepcopy(value)
    for each in [each for each in edits if not each.remove]:
        _set(result, each)
    for each in sorted(
        {each.pointer: each for each in edits if each.remove}.values(), key=_order, reverse=True
    ):
        _drop(result, each.pointer)
    return result


def _order(each: Edit) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in each.pointer.split("/")]


def _holder(node: Any, pointer: str) -> tuple[Any, str]:
    *steps, last = [unescaped(part) for part in pointer.split("/")[1:]]
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node, last


def _set(node: Any, change: Edit) -> None:
    holder, last = _holder(node, change.pointer)
    value = copy.deepcopy(change.value)
    if not isinstance(holder, list):
        holder[last] = value
    elif last != "-":
        holder[int(last)] = value
    elif value not in holder:
        holder.append(value)


def _drop(node: Any, pointer: str) -> None:
    try:
        holder, last = _holder(node, pointer)
        del holder[int(last) if isinstance(holder, list) else last]
    except (KeyError, IndexError):
        pass  # another edit has replaced it


class _Change:
    """An action at a pointer, and the pointers that it changes."""

    def __init__(self, pointer: str, touched: list[str], **body: Any) -> None:
        self.pointer = pointer
        self.touched = touched
        self.body = body


class _Difference:
    """The actions of an overlay that turn one document into another."""

    def __init__(self, edited: set[str]) -> None:
        self._edited = edited
        self._last: list[_Change] = []  # removals from lists, which shift what comes after

    def actions(self, before: Any, after: Any) -> list[_Change]:
        found = list(self._object(before, after, ""))
        return [*found, *reversed(self._last)]

    def _object(self, before: Any, after: Any, pointer: str) -> Iterator[_Change]:
        update: dict[str, Any] = {}
        for key in before:
            place = f"{pointer}/{escaped(key)}"
            if key not in after:
                yield _Change(place, [place], remove=True)
            elif self._differs(before[key], after[key], place):
                yield from self._value(before[key], after[key], place, update)
        update |= {key: value for key, value in after.items() if key not in before}
        if update:
            yield _Change(pointer, [f"{pointer}/{escaped(key)}" for key in update], update=update)

    def _differs(self, before: Any, after: Any, place: str) -> bool:
        """Also what only other readers read differently, such as a date without quotes."""
        if before != after or type(before) is not type(after):
            return True
        return any(f"{each}/".startswith(f"{place}/") for each in self._edited)

    def _value(self, before: Any, after: Any, place: str, update: dict[str, Any]) -> Iterator[_Change]:
        """What changes one value; what the object that holds it has to merge goes into `update`."""
        key = unescaped(place.rpartition("/")[2])
        if isinstance(before, dict) and isinstance(after, dict) and _kept(before, after):
            yield from self._object(before, after, place)
        elif isinstance(before, list) and isinstance(after, list) and _appended(before, after):
            update[key] = after[len(before) :]
        elif isinstance(before, list) and isinstance(after, list) and _same_items(before, after):
            yield from self._items(before, after, place)
        else:
            if isinstance(before, dict | list):
                yield _Change(place, [place], remove=True)
            update[key] = after

    def _items(self, before: list[Any], after: list[Any], place: str) -> Iterator[_Change]:
        pairs = list(_pairs(before, after))
        for index, other in pairs:
            if other is None:
                where = f"{place}/{index}"
                self._last.append(_Change(where, [where], remove=True))
            elif self._differs(before[index], other, f"{place}/{index}"):
                yield from self._object(before[index], other, f"{place}/{index}")


def _appended(before: list[Any], after: list[Any]) -> bool:
    return len(after) > len(before) and after[: len(before)] == before


def _kept(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether one object becomes the other without removing a scalar, here or in its lists."""
    return all(isinstance(before[key], dict | list) for key in before.keys() - after.keys())


def _same_items(before: list[Any], after: list[Any]) -> bool:
    """Whether objects of a list were changed or removed, and nothing else."""
    if not all(isinstance(each, dict) for each in [*before, *after]) or len(after) > len(before):
        return False
    return all(
        other is None or before[index] == other or _kept(before[index], other)
        for index, other in _pairs(before, after)
    ) and (len(before) == len(after) or all(each in before for each in after))


def _pairs(before: list[Any], after: list[Any]) -> Iterator[tuple[int, Any]]:
    """Each item with its new value, None if it was removed."""
    if len(before) == len(after):
        yield from enumerate(after)
        return
    rest = list(after)
    for index, each in enumerate(before):
        yield index, rest.pop(0) if rest and rest[0] == each else None


def _why(change: _Change, findings: list[Finding]) -> str:
    """The findings that an action fixes."""
    reasons = [
        f"{each.rule}: {each.message}"
        for each in findings
        if any(f"{made.pointer}/".startswith(f"{place}/") for made in each.fix for place in change.touched)
    ]
    return "; ".join(dict.fromkeys(reasons))


def written(made: dict[str, Any]) -> str:
    """An overlay as YAML."""
    return yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """YAML without aliases, which few readers of overlays expect."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def fixed(value: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """A document with an overlay applied."""
    result = copy.deepcopy(value)
    for action in made["actions"]:
        apply(result, action)
    return result


def difference(value: dict[str, Any], made: dict[str, Any], name: str) -> Iterator[str]:
    """What the overlay changes, as a unified diff of the document written as YAML."""
    before, after = (
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100).splitlines()
        for each in (value, fixed(value, made))
    )
    yield from difflib.unified_diff(before, after, name, f"{name} fixed", lineterm="")
