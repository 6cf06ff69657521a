"""OpenAPI Overlay 1.0: applies the actions of an overlay to a document, in order.

An action whose target matches nothing is an error here, though the standard allows it: an overlay that no
longer fits its document must be noticed. So is a word that `vocabulary.schema.json` does not have.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from flowise_mock.contract import bounds, positions_json, positions_yaml, references, vocabulary
from flowise_mock.contract.document import Document, DocumentError, read
from flowise_mock.contract.positions import Place, escaped
from flowise_mock.contract.vocabulary import Problem, Use

_STEP = re.compile(r"\.([A-Za-z_]\w*)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]")


def apply_file(document: Document, path: Path, *, trusted: bool = False) -> None:
    """Apply the overlay in `path` to `document`, in place. Raises DocumentError, with line and column.

    One that comes with the package is `trusted`: its size is not checked.
    """
    if not trusted:
        _check(path)
    overlay = read(path)
    if not isinstance(overlay, dict) or not isinstance(overlay.get("actions"), list):
        raise DocumentError(f"{path}: is not an OpenAPI Overlay: it has no list of actions")
    uses: list[Use] = []
    for number, action in enumerate(overlay["actions"]):
        try:
            uses += apply(document, action, number)
        except DocumentError as error:
            line, column = _place(path, Problem(("actions", number), ""))
            raise DocumentError(
                f"{path}:{line}:{column}: action {number} ({_target(action)}): {error}"
            ) from None
    found = next(problems(document, overlay, uses), None)
    if found is not None:
        line, column = _place(path, found)
        raise DocumentError(f"{path}:{line}:{column}: {found.text}")


def _check(path: Path) -> None:
    """Refuse a file that is no file, or that would take long to read. Raises DocumentError."""
    try:
        if path.exists() and not path.is_file():
            raise DocumentError(f"{path}: is not a file; name an OpenAPI Overlay in YAML or JSON")
        if path.exists() and path.stat().st_size > bounds.MAX_BYTES:
            raise DocumentError(f"{path}: is larger than {bounds.MAX_BYTES // 1024 // 1024} MB; split it")
        if path.suffix != ".json" and path.exists():
            bounds.check_yaml(path.read_bytes())
    except (yaml.YAMLError, OSError):
        return  # the reader says what is wrong
    except DocumentError as error:
        text = str(error)
        raise DocumentError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def problems(document: Document, overlay: Document, uses: Sequence[Use]) -> Iterator[Problem]:
    """The words of an overlay that are unknown or invalid, after it was applied to `document`."""
    yield from vocabulary.problems(overlay, uses)
    yield from references.problems(document, uses)


def apply_all(document: Document, actions: Sequence[Document]) -> None:
    """Apply actions that are in no file to `document`, in place. Raises DocumentError."""
    uses = [use for number, action in enumerate(actions) for use in apply(document, action, number)]
    found = next(problems(document, {"actions": list(actions)}, uses), None)
    if found is not None:
        raise DocumentError(found.text)


def _target(action: Any) -> str:
    return str(action.get("target")) if isinstance(action, dict) else type(action).__name__


def apply(document: Document, action: Any, number: int = 0) -> list[Use]:
    """Apply action `number`: remove what its target selects, or merge its update into it.

    Returns the words that it writes.
    """
    if not isinstance(action, dict) or not isinstance(action.get("target"), str):
        raise DocumentError("an action is an object with a target")
    found = [tuple(steps) for steps in locations(document, action["target"])]
    places = [each for steps in found for each in _walk(document, steps)]
    if not places:
        raise DocumentError("the target matches nothing in the document")
    uses = list(vocabulary.uses(number, action, found))
    if action.get("remove") is True:
        for parent, key in reversed(places):
            if parent is None:
                raise DocumentError("the whole document cannot be removed")
            del parent[key]
    elif "update" in action:
        for parent, key in places:
            if parent is None:
                _merge(document, action["update"])
            else:
                parent[key] = _merge(parent[key], action["update"])
    else:
        raise DocumentError("an action has an update, or remove: true")
    return uses


def locations(document: Document, target: str) -> Iterator[list[Any]]:
    """The keys and indexes that lead to each place that a JSONPath selects.

    A path of names and indexes is walked here; any other is left to the JSONPath library, whose
    import takes longer than applying a hundred actions.
    """
    found = list(_STEP.finditer(target[1:]))
    if target[:1] == "$" and "".join(step.group(0) for step in found) == target[1:]:
        steps = [
            name or _unquoted(quoted) if index is None else int(index)
            for name, quoted, index in map(_parts, found)
        ]
        if any(True for _ in _walk(document, steps)):
            yield steps
        return
    yield from bounds.find(target, document)


def _parts(step: re.Match[str]) -> tuple[str | None, str | None, str | None]:
    return step[1], step[2], step[3]


def _unquoted(text: str | None) -> str:
    return re.sub(r"\\(.)", r"\1", text or "")


def _walk(document: Document, steps: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """The parent and the key to which steps lead; the root has no parent."""
    parent: Any = None
    node: Any = document
    for step in steps:
        held = isinstance(node, dict) and step in node
        if not held and not (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            return
        parent, node = node, node[step]
    yield parent, steps[-1] if steps else None


def _merge(node: Any, update: Any) -> Any:
    """Merge by the rules of OpenAPI Overlay: objects merge, arrays append, other values are replaced."""
    if isinstance(node, dict) and isinstance(update, dict):
        for key, value in update.items():
            node[key] = _merge(node[key], value) if key in node else copy.deepcopy(value)
        return node
    if isinstance(node, list):
        return node + copy.deepcopy(update if isinstance(update, list) else [update])
    return copy.deepcopy(update)


def _place(path: Path, problem: Problem) -> Place:
    """Line and column of a problem in its file, from 1."""
    text = path.read_text(encoding="utf-8-sig")
    read = positions_json.read(text) if path.suffix == ".json" else positions_yaml.read(text)
    return read.place("".join(f"/{escaped(str(step))}" for step in problem.steps), problem.key)
