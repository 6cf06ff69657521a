"""Overlays: what is wrong with one, and the document that it makes, each value with the file it is from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowise_mock.lint.finding import Problem, shortened
from flowise_mock.lint.marks import Marks
from flowise_mock.lint.registry import Rule
from flowise_mock.lint.source import Source, Sources, joined
from flowise_mock.lint.subject import Subject, version

MOST = 20
"""Overlays that may lie over each other."""

RULES = (
    Rule("overlay-struct", "error", "see what the Overlay specification 1.0 says of this object"),
    Rule("overlay-extends", "warning", "name in `extends` the document, or the overlay, that this one lies over"),
    Rule("overlay-target", "error", "correct the target, or remove the action"),
    Rule("overlay-no-effect", "warning", "remove the action: the document says so already"),
    Rule("overlay-result", "error", "change the action, or mend what it left behind"),
)


class Laid:
    """An overlay, laid over what it extends. `before` and `subject` are the document without and with it."""

    def __init__(self, source: Source, sources: Sources) -> None:
        self.source, self.sources = source, sources
        self.problems: list[Problem] = list(structure(source))
        self.before: Subject | None = None
        self.subject: Subject | None = None
        self._base, self._origin = self._found(source, [source.name])
        if self._base is not None:
            self.before = self._made(0)
            result = copied(self._base, sources.marks)
            for number, action in enumerate(actions(source)):
                self.problems += self._apply(result, number, action)
            self.subject = self._subject(result)

    def _found(self, source: Source, chain: list[str]) -> tuple[Any, str]:
        """The document below an overlay, and the name of its file."""
        name = source.value.get("extends")
        if not isinstance(name, str) or not name:
            return self._unfounded(chain, "does not say what it extends, so its targets were not tried")
        below = self.sources.get(joined(source.name, name))
        if below.failure:
            return self._unfounded(chain, f"extends {shortened(name)}, which {below.failure.message[9:]}")
        if isinstance(below.value, dict) and "overlay" in below.value:
            if below.name in chain or len(chain) >= MOST:
                return self._unfounded(chain, "extends itself")
            base, origin = self._found(below, [*chain, below.name])
            if base is not None:
                for action in actions(below):
                    list(apply(base, action, self.sources.marks))
            return base, origin
        if not version(below.value):
            return self._unfounded(chain, f"extends {shortened(name)}, which is no OpenAPI document")
        return copied(below.value, self.sources.marks), below.name

    def _unfounded(self, chain: list[str], why: str) -> tuple[None, str]:
        lower = f" ({Path(chain[-1]).name})" if len(chain) > 1 else ""
        has = "extends" in self.source.value
        pointer = "/extends" if has else ""
        self.problems.append(Problem(self.source.value, pointer, f"the overlay{lower} {why}", rule="overlay-extends"))
        return None, ""

    def _apply(self, document: Any, number: int, action: Any) -> Iterator[Problem]:
        for rule, keys, message in apply(document, action, self.sources.marks, self._misread()):
            yield Problem(self.source.value, f"/actions/{number}{keys}", message, rule=rule)

    def _misread(self) -> set[tuple[str, int, int]]:
        return {tuple(trap.spot) for source in self.sources.all() for trap in source.traps}  # type: ignore[misc]

    def _made(self, count: int) -> Subject:
        """The document after the first `count` actions."""
        document = copied(self._base, self.sources.marks)
        for action in actions(self.source)[:count]:
            list(apply(document, action, self.sources.marks))
        return self._subject(document)

    def _subject(self, document: Any) -> Subject:
        made = Source(self._origin)
        made.value = document
        return Subject(made, self.sources, self._origin)

    def guilty(self, found: Callable[[Subject], bool]) -> int:
        """The number of the action after which something is found that was not there before."""
        low, high = 0, len(actions(self.source))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if found(self._made(middle)) else (middle, high)
        return low


def actions(source: Source) -> list[Any]:
    held = source.value.get("actions") if isinstance(source.value, dict) else None
    return held if isinstance(held, list) else []


def structure(source: Source) -> Iterator[Problem]:
    """Where an overlay is not what Overlay 1.0 asks for."""
    root = source.value

    def wrong(pointer: str, message: str, key: bool = False) -> Problem:
        return Problem(root, pointer, message, key=key, rule="overlay-struct")

    if not re.fullmatch(r"1\.\d+\.\d+", str(root["overlay"])) or not isinstance(root["overlay"], str):
        yield wrong("/overlay", f"overlay `{shortened(root['overlay'])}` is not a version: 1.0.0 is")
    info = root.get("info")
    for name in ("title", "version"):
        if not isinstance(info, dict) or not isinstance(info.get(name), str):
            yield wrong("/info", f"info has no {name} (a text)", key=True)
    for name in root:
        if name not in ("overlay", "info", "extends", "actions") and not name.startswith("x-"):
            yield wrong(f"/{name}", f"`{name}` is not a field of an overlay", key=True)
    if not actions(source):
        yield wrong("/actions", "the overlay has no list of actions", key=True)
    for number, action in enumerate(actions(source)):
        yield from _action(action, f"/actions/{number}", wrong)


def _action(action: Any, pointer: str, wrong: Callable[..., Problem]) -> Iterator[Problem]:
    if not isinstance(action, dict) or not isinstance(action.get("target"), str):
        yield wrong(pointer, "an action is an object with a target")
        return
    for name in action:
        if name not in ("target", "description", "update", "remove", "copy") and not name.startswith("x-"):
            yield wrong(f"{pointer}/{name}", f"`{name}` is not a field of an action", key=True)
    if action.get("remove") is not True and "update" not in action and "copy" not in action:
        yield wrong(pointer, "an action has an update, or remove: true")


def apply(
    document: Any, action: Any, marks: Marks, misread: set[tuple[str, int, int]] | None = None
) -> Iterator[tuple[str, str, str]]:
    """Do one action in place. Yields (rule, pointer in the action, message) of what is wrong with it."""
    import jsonpath_rfc9535

    if not isinstance(action, dict) or not isinstance(action.get("target"), str):
        return
    target = action["target"]
    try:
        places = [list(node.location) for node in jsonpath_rfc9535.find(target, document)]
    except (jsonpath_rfc9535.JSONPathError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        yield "overlay-target", "/target", f"`{shortened(target)}` is not a JSONPath (RFC 9535): {reason}"
        return
    if not places:
        yield "overlay-target", "/target", f"`{shortened(target)}` matches nothing"
        return
    if action.get("remove") is True:
        for place in reversed(places):
            _remove(document, place, marks)
    elif "update" in action:
        changed = [_update(document, place, action, marks, misread or set()) for place in places]
        if not any(changed):
            yield "overlay-no-effect", "/update", f"this update of `{shortened(target)}` changes nothing"


def _remove(document: Any, place: list[Any], marks: Marks) -> None:
    if not place:
        return
    parent = _at(document, place[:-1])
    del parent[place[-1]]
    places = marks.of(parent)
    if isinstance(parent, list):
        kept = [mark for number, mark in sorted(places.items()) if number != place[-1]]
        places.clear()
        places.update(enumerate(kept))
    else:
        places.pop(place[-1], None)


def _update(document: Any, place: list[Any], action: Any, marks: Marks, misread: set[Any]) -> bool:
    update, from_ = action["update"], marks.of(action)["update"]
    if not place:
        return merged(document, update, marks) if isinstance(update, dict) else False
    parent, key = _at(document, place[:-1]), place[-1]
    node = parent[key]
    if isinstance(node, dict) and isinstance(update, dict):
        return merged(node, update, marks, misread)
    if isinstance(node, list):
        return _appended(node, update if isinstance(update, list) else [update], marks, action)
    spot = marks.of(parent)[key].spot()
    parent[key] = copied(update, marks)
    marks.of(parent)[key] = from_
    return bool(node != update or type(node) is not type(update) or tuple(spot) in misread)


def _appended(node: list[Any], items: list[Any], marks: Marks, holder: Any) -> bool:
    places = marks.of(items) or {number: marks.of(holder)["update"] for number in range(len(items))}
    for number, item in enumerate(items):
        marks.of(node)[len(node)] = places[number]
        node.append(copied(item, marks))
    return bool(items)


def merged(node: dict[str, Any], update: dict[str, Any], marks: Marks, misread: set[Any] | None = None) -> bool:
    """Merge `update` into `node` as the standard has it; whether that changed anything."""
    changed = False
    here, there = marks.of(node), marks.of(update)
    for key, value in update.items():
        old = node.get(key)
        if key in node and isinstance(old, dict) and isinstance(value, dict):
            changed |= merged(old, value, marks, misread)
        elif key in node and isinstance(old, list):
            changed |= _appended(old, value if isinstance(value, list) else [value], marks, {})
        else:
            trapped = key in here and tuple(here[key].spot()) in (misread or set())
            changed |= key not in node or old != value or type(old) is not type(value) or trapped
            node[key] = copied(value, marks)
            here[key] = there[key]
    return changed


def _at(document: Any, place: list[Any]) -> Any:
    for step in place:
        document = document[step]
    return document


def copied(node: Any, marks: Marks) -> Any:
    """A copy that knows where its parts came from."""
    if not isinstance(node, dict | list):
        return node
    made: Any = [] if isinstance(node, list) else {}
    for key, value in enumerate(node) if isinstance(node, list) else node.items():
        if isinstance(made, list):
            made.append(copied(value, marks))
        else:
            made[key] = copied(value, marks)
    marks.keep(made, dict(marks.of(node)))
    marks.root(made, marks.root_of(node))
    return made
