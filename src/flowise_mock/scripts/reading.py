"""Script files, read: YAML or JSON, every value with its line and column, checked by the schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import yaml

from flowise_mock.contract import jsontext
from flowise_mock.contract.contracts import root
from flowise_mock.contract.document import Loader
from flowise_mock.contract.schemas import is_uuid, shortened
from flowise_mock.faults import spec

FOLDER = Path(__file__).parent
MAX_VALUES = 200_000
"""Values in one file, those that aliases repeat counted each time."""
MAX_DEPTH = 60
Steps = tuple[str | int, ...]
Place = tuple[int, int]
_KINDS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
_MERGE = "tag:yaml.org,2002:merge"


class ScriptError(Exception):
    """A script that cannot be used; the text names file, line and column, the place, and what to do.

    `pointer` and `reason` are the place as a JSON pointer and what is wrong there.
    """

    def __init__(self, message: str, pointer: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer
        self.reason = reason or message


@dataclass(frozen=True)
class Source:
    """A script file as data: `value` fits the schema.

    `places` are where values stand, `keys` where the keys do that lead to them: line and column, from 1.
    """

    path: Path
    value: dict[str, Any]
    places: dict[Steps, Place] = field(default_factory=dict, repr=False)
    keys: dict[Steps, Place] = field(default_factory=dict, repr=False)

    def line(self, steps: Steps) -> int:
        return self.place(steps)[0]

    def error(self, steps: Steps, told: str, *, key: bool = False) -> ScriptError:
        """What is wrong with the value to which `steps` lead, or with its key."""
        line, column = self.place(steps, key=key)
        pointer = "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
        return ScriptError(f"{self.path}:{line}:{column}: {pointer}: {told}", pointer, told)

    def place(self, steps: Steps, *, key: bool = False) -> Place:
        """Line and column of a value, or of its key."""
        if key and steps in self.keys:
            return self.keys[steps]
        while steps not in self.places:  # a value that was merged in stands where its parent does
            steps = steps[:-1]
        return self.places[steps]


def bundled() -> dict[str, Path]:
    """The scripts that come along, by name."""
    return {path.stem: path for path in sorted((root() / "fixtures" / "scripts").glob("*.yaml"))}


def found(name: str) -> Path:
    """The script of that name that comes along, else the file."""
    return bundled().get(name, Path(name))


def read(path: Path) -> Source:
    """The script in a file. Raises ScriptError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        names = ", ".join(["echo", "recorded-model", *bundled()])
        told = f"{path}: cannot be read: {error.strerror}; name a file of rules, or one of {names}"
        raise ScriptError(told) from None
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    source = _parsed(path, text)
    refused = sorted(problems(source.value), key=lambda each: source.place(each.steps, key=each.key))
    if refused:
        raise source.error(refused[0].steps, refused[0].told, key=refused[0].key)
    return source


def of_value(value: dict[str, Any], name: str) -> Source:
    """A script that is in no file, such as a rule that came over HTTP. Raises ScriptError."""
    source = Source(Path(name), value, {(): (1, 1)})
    refused = next(iter(problems(value)), None)
    if refused is not None:
        raise source.error(refused.steps, refused.told, key=refused.key)
    return source


def _parsed(path: Path, text: str) -> Source:
    if path.suffix == ".json":
        try:
            given = jsontext.loads(text)
        except ValueError as error:
            place = f"{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else "1:1"
            raise ScriptError(f"{path}:{place}: is not JSON: {error}") from None
        # places are read as YAML, which lacks some escapes; a text is as long without them
        text = re.sub(r"\\(?:u[0-9a-fA-F]{4}|.)", lambda escape: "_" * len(escape[0]), text)
    loader = Loader(text)
    try:
        _check_depth(path, text)
        root = loader.get_single_node()
        if root is None:
            raise ScriptError(f"{path}:1:1: the file is empty; a script has a list of rules")
        source = _placed(path, root)
        value = given if path.suffix == ".json" else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        raise ScriptError(f"{path}:{place}: is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ScriptError(f"{path}:1:1: is not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()
    return replace(source, value=value)


def _place(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


def _check_depth(path: Path, text: str) -> None:
    """Refuse what is nested deeply before it is composed: libyaml composes by recursion in C."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ScriptError(f"{path}:{_place(event.start_mark)}: nested deeper than {MAX_DEPTH} levels")


def _placed(path: Path, root: yaml.Node) -> Source:
    """Where each value stands, by the steps that lead to it. What JSON cannot say is refused."""
    source = Source(path, {})
    for steps, node, key in _walk(root):
        source.places[steps] = _mark(node)
        if key is not None:
            source.keys[steps] = _mark(key)
        if told := _odd(node, steps) or _repeated(node):
            raise source.error(steps, told)
        if told := _odd_key(key):
            raise source.error(steps, told, key=True)
        if len(source.places) > MAX_VALUES:
            raise source.error(steps, f"the file has more than {MAX_VALUES} values; split it")
    return source


def _mark(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _walk(root: yaml.Node) -> Iterator[tuple[Steps, yaml.Node, yaml.Node | None]]:
    waiting: list[tuple[Steps, yaml.Node, yaml.Node | None]] = [((), root, None)]
    while waiting:
        steps, node, key = waiting.pop()
        yield steps, node, key
        if isinstance(node, yaml.MappingNode):
            members = [((*steps, name.value), value, name) for name, value in node.value if _is_name(name)]
            waiting += reversed(members)
        elif isinstance(node, yaml.SequenceNode):
            items = [((*steps, number), value, None) for number, value in enumerate(node.value)]
            waiting += reversed(items)


def _is_name(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode)


def _odd(node: yaml.Node, steps: Steps) -> str | None:
    if len(steps) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels"
    if node.tag not in _KINDS:
        return f"a value of the kind {node.tag} is none of JSON's; write a text, number, list or mapping"
    if isinstance(node, yaml.MappingNode) and not all(_is_name(key) for key, _ in node.value):
        return "a key is a text, not a list or a mapping"
    if not isinstance(node, yaml.ScalarNode):
        return None
    if node.tag.endswith(":float") and not _finite(node.value):
        return f"{node.value} is no number of JSON's"
    if node.tag.endswith(":int") and len(node.value) > 18:
        return f"{shortened(node.value, 40)} is too large a number; quote it to make it a text"
    return None


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace("_", "")))
    except ValueError:
        return ":" in text  # 1:30.5 is a number to YAML


def _odd_key(key: yaml.Node | None) -> str | None:
    if key is None or key.tag in (_MERGE, "tag:yaml.org,2002:str"):
        return None
    return f"the key {key.value} is no text to YAML; quote it"


def _repeated(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    names = [key.value for key, _ in node.value if key.tag != _MERGE]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    return None if twice is None else f"the key {twice} is there twice; the first would be lost"


# --- the schema ------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON Schema of scripts, draft 2020-12, in one piece: that of faults stands in it."""
    return _with_faults({key: told for key, told in spec.schema().items() if key != "$schema"})


def _with_faults(fault: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((FOLDER / "script.schema.json").read_text())
    whole["$defs"]["fault"] = fault
    return whole


@cache
def _own() -> dict[str, Any]:
    """The schema that checks scripts here. It leaves faults to `faults.read`, which has the clearer words."""
    return _with_faults({"type": ["string", "object"]})


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_own(), validate_formats=True, formats={"uuid": is_uuid})


class Problem(NamedTuple):
    """What the schema refuses: the steps to the value, or to its key, and what to do there."""

    steps: Steps
    told: str
    key: bool = False


def problems(value: Any) -> Iterator[Problem]:
    """What the schema says against a script."""
    for error in _validator().iter_errors(value):
        error = _nearest(error)
        steps: Steps = tuple(error.instance_path)
        unexpected: Sequence[str] = getattr(error.kind, "unexpected", ())
        if unexpected:
            known = ", ".join(_at(error.schema_path[:-1]).get("properties", {}))
            told = f"there is no key {unexpected[0]}; there are {known}"
            yield Problem((*steps, unexpected[0]), told, key=True)
        elif error.schema_path[-1] == "not":
            yield Problem(steps, "an answer has a text or json, not both; leave one out")
        else:
            plain = isinstance(error.instance, (bool, int, float)) and '"string"' in error.message
            hint = "; quote it to make it a text" if plain else ""
            yield Problem(steps, shortened(error.message) + hint)


def _nearest(error: Any) -> Any:
    """The error of the variant that was meant: the one that fits furthest."""
    while variants := getattr(error.kind, "context", None):
        found = [each for variant in variants for each in variant]
        if not found:
            break
        error = max(found, key=lambda each: len(each.instance_path))
    return error


def _at(path: Sequence[str | int]) -> dict[str, Any]:
    """The part of the schema to which a path leads."""
    node: Any = _own()
    for step in path:
        node = node[step]
    return dict(node)
