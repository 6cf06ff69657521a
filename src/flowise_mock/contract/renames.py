"""Renames the old words of an overlay to the current ones; comments and layout stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from flowise_mock.contract.document import Loader
from flowise_mock.contract.vocabulary import schema


class Edit(NamedTuple):
    """A replacement in a text."""

    start: int
    end: int
    text: str


def table() -> dict[str, Any]:
    """The old names and their current names, by the kind of name."""
    renamed: dict[str, Any] = schema()["renamed"]
    return renamed


def rename(text: str) -> str:
    """The text of an overlay, YAML or JSON, with its old words renamed."""
    root = Loader(text).get_single_node()
    edits = set(_edits(text, root, ())) if root is not None else set()
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _edits(text: str, node: Any, path: tuple[str, ...]) -> Iterator[Edit]:
    """The edits below a node; `path` has the current names of the keys that lead to it."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _edits(text, child, path)
    elif isinstance(node, yaml.MappingNode):
        target = next((value.value for key, value in node.value if key.value == "target"), "")
        for key, value in node.value:
            name = _key(str(key.value), path)
            if name != key.value:
                yield _edit(text, key, name)
            inside = _steps(target) if name == "update" and target else ()
            yield from _edits(text, value, (*path, name, *inside))
    elif isinstance(node, yaml.ScalarNode):
        value = _value(node.value, path)
        if value != node.value:
            yield _edit(text, node, value)


def _edit(text: str, node: Any, value: str) -> Edit:
    """The edit that gives a scalar another value, with the same quotes."""
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        return Edit(start, end, f"{value}\n")
    quote = node.style or ""
    return Edit(start, end, f"{quote}{value.replace(quote, quote * 2) if quote == chr(39) else value}{quote}")


def _key(name: str, path: tuple[str, ...]) -> str:
    """The current name of a key."""
    names = table()
    if name.startswith("x-"):
        return str(names["words"].get(name, name))
    part = _part(path)
    return str(names.get(part, {}).get(name, name))


def _part(path: tuple[str, ...]) -> str:
    """The table that has the names of the keys below a path."""
    for depth, (word, part) in enumerate([("x-outcomes", "outcomes"), ("x-outcomes", "entry")], start=1):
        if path[-depth:][:1] == (word,):
            return part
    if path[-2:-1] == ("x-tables",) or path[-1:] == ("x-record",):
        return "record"
    return {"x-server": "server", "x-flow-behaviour": "flow-behaviour"}.get(path[-1] if path else "", "")


def _value(value: str, path: tuple[str, ...]) -> str:
    """The current text of a scalar."""
    names = table()
    last = path[-1] if path else ""
    if last == "target":
        return _target(value)
    if last == "ids" and "x-record" in path:
        return str(names["ids"].get(value, value))
    if last == "x-last-segment":
        return str(names["last-segment"].get(value, value))
    if path[-2:-1] == ("x-server",):
        return str(names["server-values"].get(value, value))
    if path[-2:-1] == ("x-flow-behaviour",):
        return str(names["flow-behaviour-values"].get(value, value))
    if last == "source":
        return _source(value)
    if "x-outcomes" in path:
        fields = names["placeholders"].get(path[path.index("x-outcomes") + 1], {})
        return re.sub(r"\{(\w+)\}", lambda word: "{" + fields.get(word[1], word[1]) + "}", value)
    return value


def _source(value: str) -> str:
    """The source that an old template such as `Error: tools.get - {message}` named."""
    if value == "{message}":
        return "none"
    if re.fullmatch(r"(?:Error: [\w.]+\s+-\s+)+\{message\}", value):
        return " ".join(re.findall(r"Error: ([\w.]+)", value))
    return value


def _steps(target: str) -> tuple[str, ...]:
    """The current names of the steps of a JSONPath."""
    return tuple(one or other for one, other in re.findall(r"'([\w-]+)'|\.(\w+)", _target(target)))


def _target(value: str) -> str:
    """A JSONPath with the current names."""
    names = table()
    known = {**names["words"], **names["record"]} if "x-record" in value else dict(names["words"])
    if "x-outcomes" in value:
        known |= names["outcomes"]
    return re.sub(r"(?<=')([\w-]+)(?=')|(?<=\.)(\w+)", lambda name: known.get(name[0], name[0]), value)
