"""Proposals from other versions: wherever their contract differs, this version may be like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import Document
from flowise_mock.learn.proposal import Action, Proposal, target_of

Steps = tuple[str | int, ...]
ROOT = ("x-server", "x-outcomes", "x-bodies", "x-flow-behaviour", "x-message-template")


def proposals(document: Document, other: Document, version: str) -> Iterator[Proposal]:
    """One proposal for each unit in which two contracts differ: an operation, a schema, a word."""
    text = f"As in {version}."
    for key in ROOT:
        yield from _each(document, other, (key,), text)
    for id in sorted({**document.get("x-permissions", {}), **other.get("x-permissions", {})}):
        yield from _unit(document, other, ("x-permissions", id), id, text)
    for path, item in other["paths"].items():
        for method in item:
            steps = ("paths", path, method)
            scope = str(item[method].get("operationId", "")) if isinstance(item[method], dict) else ""
            yield from _unit(document, other, steps, scope, text)
    for name in other.get("components", {}).get("schemas", {}):
        yield from _unit(document, other, ("components", "schemas", name), "", text)


def _each(document: Document, other: Document, steps: Steps, text: str) -> Iterator[Proposal]:
    """A proposal for each member of an object, or for a value that is no object."""
    one, two = _at(document, steps), _at(other, steps)
    if isinstance(one, dict) and isinstance(two, dict):
        for name in sorted({**one, **two}):
            yield from _unit(document, other, (*steps, name), "", text)
    else:
        yield from _unit(document, other, steps, "", text)


def _unit(document: Document, other: Document, steps: Steps, scope: str, text: str) -> Iterator[Proposal]:
    changes = list(_changes(_at(document, steps), _at(other, steps), steps, text))
    if not changes:
        return
    evidence = ""
    parts = tuple(
        Proposal(tuple(part), scope, part[-1].target + str(part[-1].update)[:60], evidence)
        for part in changes
    )
    whole = tuple(action for part in changes for action in part)
    yield Proposal(whole, scope, target_of(*steps), evidence, parts if len(parts) > 1 else ())


def _changes(one: Any, two: Any, steps: Steps, text: str) -> Iterator[list[Action]]:
    """The actions that make `one` into `two`, each list a change that can be made alone."""
    if one == two:
        return
    if isinstance(one, dict) and isinstance(two, dict):
        for name in sorted({**one, **two}, key=str):
            if name in ("security", "x-permissions") and steps[:1] == ("paths",):
                continue  # made from the words of the root
            yield from _changes(one.get(name, _NONE), two.get(name, _NONE), (*steps, name), text)
        return
    actions = []
    if one is not _NONE and (two is _NONE or isinstance(one, list | dict) or isinstance(two, dict | list)):
        actions.append(Action(target_of(*steps), None, text))
    if two is not _NONE:
        parent, name = target_of(*steps[:-1]), steps[-1]
        actions.append(Action(parent, {name: two}, text))
    yield actions


class _Nothing:
    """The value of a place that a document does not have."""


_NONE = _Nothing()


def _at(document: Any, steps: Steps) -> Any:
    for step in steps:
        if not isinstance(document, dict) or step not in document:
            return _NONE
        document = document[step]
    return document
