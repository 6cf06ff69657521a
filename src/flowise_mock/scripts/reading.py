"""Reads script files, YAML or JSON, with the line and column of each value, and checks them by the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs

from flowise_mock.contract import jsontext, positions_json, positions_yaml
from flowise_mock.contract.contracts import root
from flowise_mock.contract.merged import of_package
from flowise_mock.contract.positions import Limits, Place, Positions, ReadingError, escaped, unescaped
from flowise_mock.contract.schemas import is_uuid, shortened
from flowise_mock.faults import spec

FOLDER = Path(__file__).parent
LIMITS = Limits(depth=60, nodes=200_000)
Steps = tuple[str | int, ...]


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
    """A script file as data; `value` matches the schema."""

    path: Path
    value: dict[str, Any]
    positions: Positions = field(default_factory=Positions, repr=False)

    def line(self, steps: Steps) -> int:
        return self.place(steps).line

    def place(self, steps: Steps, *, key: bool = False) -> Place:
        """The line and column of a value, or of its key; an object or a list is at its key."""
        return self.positions.place(_pointer(steps), key)

    def error(self, steps: Steps, message: str, *, key: bool = False) -> ScriptError:
        """An error in the value to which `steps` lead, or in its key."""
        return self.error_at(self.place(steps, key=key), _pointer(steps), message)

    def error_at(self, place: Place, pointer: str, message: str) -> ScriptError:
        pointer = pointer or "/"
        return ScriptError(f"{self.path}:{place.line}:{place.column}: {pointer}: {message}", pointer, message)


def _pointer(steps: Steps) -> str:
    return "".join(f"/{escaped(str(step))}" for step in steps)


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
    return read_text(path, text)


def read_text(path: Path, text: str) -> Source:
    """Read the text of a script; `path` names it in errors. Raises ScriptError."""
    source = _parse(path, text)
    found = sorted(problems(source.value), key=lambda each: source.place(each.steps, key=each.key))
    if found:
        raise source.error(found[0].steps, found[0].message, key=found[0].key)
    return source


def of_value(value: dict[str, Any], name: str) -> Source:
    """A script that is not in a file, such as a rule from a request. Raises ScriptError."""
    source = Source(Path(name), value)
    problem = next(iter(problems(value)), None)
    if problem is not None:
        raise source.error(problem.steps, problem.message, key=problem.key)
    return source


def _parse(path: Path, text: str) -> Source:
    try:
        positions = (_read_json if path.suffix == ".json" else positions_yaml.read)(text, LIMITS)
    except ReadingError as error:
        raise ScriptError(f"{path}:{error.place.line}:{error.place.column}: {error}") from None
    if positions.value is None:
        raise ScriptError(f"{path}:1:1: the file is empty; a script has a list of rules")
    source = Source(path, positions.value, positions)
    found = [*_unclear(positions), *_large_numbers(positions)]
    for place, pointer, message in sorted(found):
        raise source.error_at(place, pointer, message)
    return source


def _read_json(text: str, limits: Limits) -> Positions:
    """Read JSON, and refuse what cannot be written again, such as half a surrogate pair."""
    try:
        jsontext.loads(text)
    except ValueError as error:
        place = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        raise ReadingError(f"is not JSON: {error}", *place) from None
    return positions_json.read(text, limits)


def _unclear(positions: Positions) -> Iterator[tuple[Place, str, str]]:
    """Duplicate keys, and scalars that YAML 1.1 and 1.2 read differently. A date is a text."""
    for each in positions.duplicates:
        name = unescaped(each.pointer.rpartition("/")[2])
        yield each.place, each.pointer, f"the key {name} is there twice; the first would be lost"
    for trap in positions.traps:
        if not trap.is_date:
            yield trap.place, trap.pointer, trap.message


def _large_numbers(positions: Positions) -> Iterator[tuple[Place, str, str]]:
    """Integers that JavaScript, and our own writer of JSON, cannot represent."""
    waiting: list[tuple[str, Any]] = [("", positions.value)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, (dict, list)):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{pointer}/{escaped(str(name))}", child) for name, child in members]
        elif isinstance(value, int) and abs(value) >= 10**18:
            number = shortened(positions.texts.get(pointer, str(value)), 40)
            message = f"{number} is too large a number; quote it to make it a text"
            yield positions.place(pointer), pointer, message


# --- the schema ------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON Schema of scripts, draft 2020-12, with that of faults in its `$defs`."""
    return _with_faults({key: value for key, value in spec.schema().items() if key != "$schema"})


def _with_faults(fault: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = of_package(FOLDER / "script.schema.json")
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
    """A violation of the schema: the steps to the value or, with `key`, to its key; and what to do."""

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
    """The error of the variant that matches furthest, which is probably the one that was meant."""
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
