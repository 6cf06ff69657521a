"""Reads script files, YAML or JSON, with the line and column of each value, and checks them by the schema."""

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
"""Values in one file; a value that aliases repeat counts each time."""
MAX_DEPTH = 60
Steps = tuple[str | int, ...]
Place = tuple[int, int]
_KINDS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
_MERGE = "tag:yaml.org,2002:merge"


class ScriptError(Exception):
    """A script cannot be used; the message names file, line, column and pointer, and says what to do.

    `pointer` is the place as a JSON pointer, and `reason` says what is wrong there.
    """

    def __init__(self, message: str, pointer: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer
        self.reason = reason or message


@dataclass(frozen=True)
class Source:
    """A script file as data; `value` matches the schema.

    `places` has the line and column, from 1, of each value, and `keys` those of its key.
    """

    path: Path
    value: dict[str, Any]
    places: dict[Steps, Place] = field(default_factory=dict, repr=False)
    keys: dict[Steps, Place] = field(default_factory=dict, repr=False)

    def line(self, steps: Steps) -> int:
        return self.place(steps)[0]

    def error(self, steps: Steps, message: str, *, key: bool = False) -> ScriptError:
        """An error in the value to which `steps` lead, or in its key."""
        line, column = self.place(steps, key=key)
        pointer = "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
        return ScriptError(f"{self.path}:{line}:{column}: {pointer}: {message}", pointer, message)

    def place(self, steps: Steps, *, key: bool = False) -> Place:
        """The line and column of a value, or of its key."""
        if key and steps in self.keys:
            return self.keys[steps]
        while steps not in self.places:  # a merged value has the place of its parent
            steps = steps[:-1]
        return self.places[steps]


def bundled_scripts() -> dict[str, Path]:
    """The scripts that come with the package, by name."""
    return {path.stem: path for path in sorted((root() / "fixtures" / "scripts").glob("*.yaml"))}


def find_script(name: str) -> Path:
    """The bundled script of that name, else the file of that name."""
    return bundled_scripts().get(name, Path(name))


def read(path: Path) -> Source:
    """Read the script in a file. Raises ScriptError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        names = ", ".join(["echo", "recorded-model", *bundled_scripts()])
        message = f"{path}: cannot be read: {error.strerror}; name a file of rules, or one of {names}"
        raise ScriptError(message) from None
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    source = _parse(path, text)
    found = sorted(problems(source.value), key=lambda each: source.place(each.steps, key=each.key))
    if found:
        raise source.error(found[0].steps, found[0].message, key=found[0].key)
    return source


def of_value(value: dict[str, Any], name: str) -> Source:
    """A script that is not in a file, such as a rule from a request. Raises ScriptError."""
    source = Source(Path(name), value, {(): (1, 1)})
    problem = next(iter(problems(value)), None)
    if problem is not None:
        raise source.error(problem.steps, problem.message, key=problem.key)
    return source


def _parse(path: Path, text: str) -> Source:
    if path.suffix == ".json":
        try:
            given = jsontext.loads(text)
        except ValueError as error:
            place = f"{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else "1:1"
            raise ScriptError(f"{path}:{place}: is not JSON: {error}") from None
        # places are read as YAML, which lacks some escapes; the replacement is as long as the escape
        text = re.sub(r"\\(?:u[0-9a-fA-F]{4}|.)", lambda escape: "_" * len(escape[0]), text)
    loader = Loader(text)
    try:
        _check_depth(path, text)
        root = loader.get_single_node()
        if root is None:
            raise ScriptError(f"{path}:1:1: the file is empty; a script has a list of rules")
        source = _locate(path, root)
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
    """Refuse deep nesting before libyaml composes the file, which it does by recursion in C."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ScriptError(f"{path}:{_place(event.start_mark)}: nested deeper than {MAX_DEPTH} levels")


def _locate(path: Path, root: yaml.Node) -> Source:
    """The place of each value, by the steps to it. Refuses what JSON cannot represent."""
    source = Source(path, {})
    for steps, node, key in _walk(root):
        source.places[steps] = _position(node)
        if key is not None:
            source.keys[steps] = _position(key)
        if message := _value_error(node, steps) or _duplicate_key(node):
            raise source.error(steps, message)
        if message := _key_error(key):
            raise source.error(steps, message, key=True)
        if len(source.places) > MAX_VALUES:
            raise source.error(steps, f"the file has more than {MAX_VALUES} values; split it")
    return source


def _position(node: yaml.Node) -> Place:
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


def _value_error(node: yaml.Node, steps: Steps) -> str | None:
    if len(steps) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels"
    if node.tag not in _KINDS:
        return f"JSON has no value of the kind {node.tag}; write a text, number, list or mapping"
    if isinstance(node, yaml.MappingNode) and not all(_is_name(key) for key, _ in node.value):
        return "a key must be a text, not a list or a mapping"
    if not isinstance(node, yaml.ScalarNode):
        return None
    if node.tag.endswith(":float") and not _finite(node.value):
        return f"JSON has no number {node.value}"
    if node.tag.endswith(":int") and len(node.value) > 18:
        return f"{shortened(node.value, 40)} is too large a number; quote it to make it a text"
    return None


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace("_", "")))
    except ValueError:
        return ":" in text  # YAML reads 1:30.5 as a number


def _key_error(key: yaml.Node | None) -> str | None:
    if key is None or key.tag in (_MERGE, "tag:yaml.org,2002:str"):
        return None
    return f"YAML does not read the key {key.value} as a text; quote it"


def _duplicate_key(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    names = [key.value for key, _ in node.value if key.tag != _MERGE]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return f"the key {name} is there twice; the first would be lost"
        seen.add(name)
    return None


# --- the schema ------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON Schema of scripts, draft 2020-12, with that of faults in its `$defs`."""
    return _with_faults({key: value for key, value in spec.schema().items() if key != "$schema"})


def _with_faults(fault: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((FOLDER / "script.schema.json").read_text())
    whole["$defs"]["fault"] = fault
    return whole


@cache
def _checking_schema() -> dict[str, Any]:
    """The schema that checks scripts. It leaves faults to `spec.read`, whose messages are clearer."""
    return _with_faults({"type": ["string", "object"]})


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        _checking_schema(), validate_formats=True, formats={"uuid": is_uuid}
    )


class Problem(NamedTuple):
    """A violation of the schema: the steps to the value, or to its key, and what to do about it."""

    steps: Steps
    message: str
    key: bool = False


def problems(value: Any) -> Iterator[Problem]:
    """The violations of the schema in a script."""
    for error in _validator().iter_errors(value):
        error = _nearest(error)
        steps: Steps = tuple(error.instance_path)
        unexpected: Sequence[str] = getattr(error.kind, "unexpected", ())
        if unexpected:
            known = ", ".join(_schema_at(error.schema_path[:-1]).get("properties", {}))
            message = f"there is no key {unexpected[0]}; there are {known}"
            yield Problem((*steps, unexpected[0]), message, key=True)
        elif error.schema_path[-1] == "not":
            yield Problem(steps, "an answer has a text or json, not both; leave one out")
        else:
            unquoted = isinstance(error.instance, (bool, int, float)) and '"string"' in error.message
            hint = "; quote it to make it a text" if unquoted else ""
            yield Problem(steps, shortened(error.message) + hint)


def _nearest(error: Any) -> Any:
    """The error of the variant that was probably meant: the one that matches furthest."""
    while variants := getattr(error.kind, "context", None):
        found = [each for variant in variants for each in variant]
        if not found:
            break
        error = max(found, key=lambda each: len(each.instance_path))
    return error


def _schema_at(path: Sequence[str | int]) -> dict[str, Any]:
    """The part of the schema to which a path leads."""
    node: Any = _checking_schema()
    for step in path:
        node = node[step]
    return dict(node)
