"""JSON and JSON Lines files: their texts, by pointers or all of them, and metadata from their own values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.formats.opened import LoadFailure
from flowise_mock.state.table import Record

_MISSING = object()


def of_json(text: str, config: Record) -> list[tuple[str, Record]]:
    """The texts of a JSON file, each with its metadata. Raises LoadFailure."""
    value = _parsed(v8.trim(text))
    found: list[tuple[str, Record]] = []
    for item in value if isinstance(value, list) else [value]:
        if config.get("separateByObject"):
            texts = [_key_values(item)] if isinstance(item, dict) else []
        else:
            texts = _texts(item, _pointers(config))
        found += [(each, own_metadata(item, config)) for each in texts]
    return found


def of_lines(text: str, pointer: str, config: Record) -> list[tuple[str, Record]]:
    """The texts at one pointer, one per line. Raises LoadFailure."""
    values = [_parsed(line) for line in map(v8.trim, text.split("\n")) if line]
    if not all(isinstance(value, (dict, list)) for value in values):
        raise LoadFailure("Invalid input object.")
    found = [_at(value, pointer) for value in values]
    for number, each in enumerate(found):
        if not isinstance(each, str):
            raise LoadFailure(f"Expected string, at position {number} got {_type_of(each)}")
    return [(str(each), own_metadata(value, config)) for each, value in zip(found, values, strict=True)]


def own_metadata(value: Any, config: Record) -> Record:
    """The metadata that a config takes from a value: those texts that begin with a slash are pointers."""
    names = jsontext.mapping(config.get("metadata"))
    found = {
        name: _at(value, pointer[1:])
        for name, pointer in names.items()
        if isinstance(pointer, str) and pointer.startswith("/")
    }
    return {name: each for name, each in found.items() if each is not _MISSING}


def without_pointers(metadata: Record) -> Record:
    """The metadata of a config that is the same for all documents."""
    return {
        name: value
        for name, value in metadata.items()
        if not (isinstance(value, str) and value.startswith("/"))
    }


def _parsed(text: str) -> Any:
    complaint = v8.complaint(text)
    if complaint is not None:
        raise LoadFailure(*complaint)
    try:
        return jsontext.loads(text)
    except ValueError as error:
        raise LoadFailure(str(error)) from None


def _pointers(config: Record) -> list[str]:
    """The pointers of a config: names of letters and digits, with anything else between them."""
    names = re.sub(r"[^a-zA-Z0-9,]+", ",", str(config.get("pointersName") or ""))
    return names.split(",") if names else []


def _texts(value: Any, pointers: Sequence[str]) -> list[str]:
    """All texts below a value, or only those below a pointer, wherever it leads somewhere."""
    return _all_texts(value) if not pointers else _pointed_texts(value, pointers, False)


def _all_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in _all_texts(child)]


def _pointed_texts(value: Any, pointers: Sequence[str], found_above: bool) -> list[str]:
    """Below a target, what is beside it counts only if a pointer leads there too."""
    if not isinstance(value, (dict, list)):
        return []
    children = list(value.values()) if isinstance(value, dict) else value
    targets = [each for each in (_at(value, pointer) for pointer in pointers) if _is_truthy(each)]
    others = [child for child in children if not any(child is target for target in targets)]
    texts = [text for target in targets for text in _all_texts(target)]
    if targets or not found_above:
        texts += [text for child in others for text in _pointed_texts(child, pointers, bool(targets))]
    return texts


def _is_truthy(value: Any) -> bool:
    """Whether a value counts as true in JavaScript."""
    return isinstance(value, (dict, list)) or (value is not _MISSING and bool(value))


def _at(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer without its first slash; `_MISSING` if there is none."""
    for key in pointer.split("/"):
        if isinstance(value, dict):
            value = value.get(key.replace("~1", "/").replace("~0", "~"), _MISSING)
        elif isinstance(value, list) and jsontext.is_index(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value


def _type_of(value: Any) -> str:
    """The type of a value as JavaScript names it."""
    if value is _MISSING:
        return "undefined"
    names = {bool: "boolean", int: "number", float: "number", str: "string"}
    return names.get(type(value), "object")


def _key_values(item: Record, prefix: str = "") -> str:
    """An object as lines of keys and values; the keys of inner objects have those above before them."""
    lines = []
    for key, value in item.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            lines.append(_key_values(value, name))
        else:
            lines.append(f"{name}: {jsontext.dumps(value) if isinstance(value, list) else v8.text(value)}")
    return "\n".join(lines)
