"""Rules on the text and on OpenAPI's own schema: what a document must have to be one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs

from flowise_mock.lint.findings import Problem
from flowise_mock.contract.positions import ReadingError, escaped
from flowise_mock.lint.source import Source, Spot
from flowise_mock.lint.spec import Reference, Spec

PARTS = {
    "2.0": {"path": "pathItem", "parameter": "parameter", "response": "response", "schema": "schema"},
    "3.0": {
        "path": "PathItem", "parameter": "Parameter", "response": "Response", "schema": "Schema",
        "body": "RequestBody", "header": "Header", "example": "Example", "link": "Link",
        "callback": "Callback",
    },
    "3.1": {
        "path": "path-item", "parameter": "parameter", "response": "response", "body": "request-body",
        "header": "header", "example": "example", "link": "link", "callback": "callbacks",
    },
}  # fmt: skip
"""The definitions of the official schemas that say what a part of a document in another file is."""


def struct(spec: Spec) -> Iterator[Problem]:
    """The document, and the parts of it in other files, against the official schema of its version."""
    version = ".".join(spec.version.split(".")[:2])
    seen: set[tuple[str, str, str]] = set()
    for part, validator in _parts(spec, version):
        for problem in invalid(part, validator):
            told = (*problem.spot.id, problem.message)
            if told not in seen:
                seen.add(told)
                yield problem
    if spec.modern:
        for schema in spec.of("schema"):
            yield from _keywords(schema)


def _parts(spec: Spec, version: str) -> Iterator[tuple[Spot, Any]]:
    yield spec.root, _validator(version)
    names = PARTS.get(version, PARTS["3.1"])
    for each in spec.references:
        target = each.target
        if target is None or target.source is spec.source or not isinstance(target.value, dict):
            continue
        if each.kind in names and "$ref" not in target.value:
            yield target, _validator(version, names[each.kind])


def invalid(held: Spot, validator: Any) -> Iterator[Problem]:
    """Each place of a value that a validator refuses."""
    for error in validator.iter_errors(held.value):
        path, message, kind = _cause(error, held.value)
        below = "".join(f"/{escaped(str(part))}" for part in path)
        spot = held.source.spot(held.pointer + below)
        if spot:
            yield _problem(spot, message, kind)


def _schema(version: str) -> dict[str, Any]:
    """The official schema, from the files of openapi-spec-validator.

    They are read without importing it, which takes longer (0.8 s, an HTTP client with it) than the rest.
    """
    package = find_spec("openapi_spec_validator")
    assert package and package.origin
    folder = Path(package.origin).parent / "resources" / "schemas" / f"v{version}"
    found: dict[str, Any] = json.loads((folder / "schema.json").read_text("utf-8"))
    return found


@lru_cache(maxsize=32)
def _validator(version: str, part: str = "") -> Any:
    """For a document, or for a part of one."""
    schema = _schema(version)
    old = "draft-04" in str(schema.get("$schema"))
    if part:
        room = "definitions" if old else "$defs"
        schema = {"allOf": [{"$ref": f"#/{room}/{part}"}], room: schema[room]}
    return jsonschema_rs.Draft4Validator(schema) if old else jsonschema_rs.Draft202012Validator(schema)


def _cause(error: Any, document: Any) -> tuple[list[Any], str, Any]:
    """The error within an error that says most: the branch that the writer most likely meant."""
    context = getattr(error.kind, "context", None)
    if not isinstance(context, list) or not context:
        return list(error.instance_path), error.message, error.kind
    refers = isinstance(error.instance, dict) and "$ref" in error.instance
    branches = [branch for branch in context if branch and _for_references(branch) == refers]
    branch = min(branches or [branch for branch in context if branch] or [[error]], key=_distance)
    if branch == [error]:
        return list(error.instance_path), error.message, error.kind
    return _cause(max(branch, key=lambda each: len(each.instance_path)), document)


def _distance(branch: list[Any]) -> tuple[bool, int, int]:
    """A branch of another type or with another constant is far; a deep error is near."""
    wrong = any(each.kind.name in ("type", "enum", "const") for each in branch)
    return wrong, -max(len(each.instance_path) for each in branch), len(branch)


def _for_references(branch: list[Any]) -> bool:
    return any('"$ref" is a required' in each.message for each in branch)


def _problem(spot: Spot, message: str, kind: Any) -> Problem:
    unknown = getattr(kind, "unexpected", None)
    if isinstance(unknown, list) and unknown and isinstance(spot.value, dict) and unknown[0] in spot.value:
        return Problem(spot.at(unknown[0]), f"{unknown[0]} is not a field that OpenAPI has here", key=True)
    if message == '"description" is a required property' and spot.pointer.split("/")[-2:-1] == ["responses"]:
        fix = {"target": spot.path, "update": {"description": _phrase(spot.name)}}
        return Problem(spot, "a response must have a description", fix=fix)
    shown = json.dumps(spot.value, ensure_ascii=False, default=str)
    if len(shown) > 60 and message.startswith(shown[:20]):
        message = f"{shown[:40]}… {message[len(shown) :].strip()}"
    return Problem(spot, message if len(message) < 200 else f"{message[:90]} … {message[-90:]}")


def _phrase(status: str) -> str:
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return "The answer"


def _keywords(schema: Spot) -> Iterator[Problem]:
    """The schema by JSON Schema's own schema, without what is checked for itself below it."""
    own = {
        key: value
        for key, value in schema.value.items()
        if not isinstance(value, dict | list) or key == "type"
    }
    own.pop("$schema", None)
    try:
        jsonschema_rs.meta.validate(own)
    except jsonschema_rs.ValidationError as error:
        yield Problem(
            schema.at(str(error.instance_path[0])) if error.instance_path else schema, error.message[:200]
        )


def duplicate_keys(spec: Spec) -> Iterator[Problem]:
    """A key that stands twice in one object: readers keep the last, or refuse the file."""
    for source in sources(spec):
        for each in source.read.duplicates:
            told = f"stands a second time here; the first is on line {each.first.line}"
            yield Problem(Spot(source, each.pointer, None), f"{_last(each.pointer)} {told}", key=True)


def yaml_traps(spec: Spec) -> Iterator[Problem]:
    """Text that YAML reads as a date, a boolean or a number."""
    for source in sources(spec):
        for each in source.read.traps:
            spot = source.spot(each.pointer)
            if spot and not _is_status(each.pointer):
                stamp = "timestamp" in each.message and isinstance(spot.value, str)
                fix = {"target": spot.path, "update": spot.value} if stamp else None
                yield Problem(spot, each.message, fix=fix)


def _is_status(pointer: str) -> bool:
    return pointer.split("/")[-2:-1] == ["responses"]


def _last(pointer: str) -> str:
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def sources(spec: Spec) -> list[Source]:
    """The files of a document, its own first."""
    found = {spec.root.id[0]: spec.source}
    for each in spec.references:
        if each.target:
            found.setdefault(each.target.id[0], each.target.source)
    return list(found.values())


def unresolved_references(spec: Spec) -> Iterator[Problem]:
    """A `$ref` that names nothing, or only itself."""
    for each in spec.references:
        if each.error and each.error.rule == "parser":
            yield Problem(each.spot.at("$ref"), str(each.error))
        elif each.target and not isinstance(each.target.value, dict | bool):
            what = {list: "a list", str: "a text", type(None): "nothing"}.get(
                type(each.target.value), "a number"
            )
            yield Problem(each.spot.at("$ref"), f"{each.spot.value['$ref']} names {what}, not a {each.kind}")
    seen: set[tuple[str, str]] = set()
    for each in spec.references:
        if each.spot.id not in seen and each.spot.id in (ring := _ring(spec, each.spot)):
            told = f"{each.spot.value['$ref']} refers to itself, round and round"
            yield Problem(each.spot.at("$ref"), told)
            seen |= ring


def _ring(spec: Spec, spot: Spot) -> set[tuple[str, str]]:
    """The references that one follows from here without an end, or none."""
    seen: list[tuple[str, str]] = []
    while isinstance(spot.get("$ref"), str):
        if spot.id in seen:
            return set(seen[seen.index(spot.id) :])
        seen.append(spot.id)
        try:
            spot = spec.files.target(spot, spot.value["$ref"])
        except ReadingError:
            break
    return set()


def remote_references(spec: Spec) -> Iterator[Problem]:
    """A `$ref` to another machine."""
    for each in spec.references:
        if each.error and each.error.rule == "no-remote-refs":
            yield Problem(each.spot.at("$ref"), str(each.error))


def reference_siblings(spec: Spec) -> Iterator[Problem]:
    """What stands beside a `$ref` is ignored before 3.1."""
    if spec.modern:
        return
    for each in spec.references:
        beside = [key for key in each.spot.value if key != "$ref" and not key.startswith("x-")]
        if beside and each.kind != "path":
            told = f"{', '.join(beside)} beside $ref is ignored; wrap the $ref in allOf"
            yield Problem(each.spot.at(beside[0]), told, key=True)


def reference_kinds(spec: Spec) -> Iterator[Problem]:
    """A `$ref` to a component of another kind, such as a response where a schema is meant."""
    rooms = {
        "schema": "schemas", "response": "responses", "parameter": "parameters", "header": "headers",
        "body": "requestBodies", "example": "examples", "link": "links", "callback": "callbacks",
    }  # fmt: skip
    for each in spec.references:
        parts = each.target.pointer.split("/") if each.target else []
        if len(parts) == 4 and parts[1] == "components" and parts[2] != rooms.get(each.kind, parts[2]):
            yield Problem(
                each.spot.at("$ref"), f"a {each.kind} is meant here, and {parts[2]}/{parts[3]} is none"
            )


def unused_components(spec: Spec) -> Iterator[Problem]:
    """A component that nothing refers to."""
    components = {spot.id: spot for spot in _components(spec)}
    used = {id for each in spec.references for id in _held_by(each, components)}
    named = _mappings(spec) | _named_by_extensions(spec.root.value)
    for id, spot in components.items():
        if id not in used and spot.name not in named and spot.pointer not in named:
            fix = {"target": spot.path, "remove": True}
            yield Problem(spot, f"{spot.pointer.split('/')[-2]}/{spot.name} is not used", fix=fix)


def _named_by_extensions(document: Any) -> set[str]:
    """The pointers that references within `x-` fields name: tools read those, though OpenAPI does not."""
    found: set[str] = set()
    waiting = [(document, False)]
    while waiting:
        value, extension = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if extension and isinstance(reference, str):
                found.add(reference.lstrip("#"))
            waiting += [(child, extension or str(key).startswith("x-")) for key, child in value.items()]
        elif isinstance(value, list):
            waiting += [(child, extension) for child in value]
    return found


def _held_by(reference: Reference, components: dict[tuple[str, str], Spot]) -> Iterator[tuple[str, str]]:
    """The component that a reference from outside it leads into."""
    if reference.target:
        file, pointer = reference.target.id
        for depth in (3, 4):
            id = (file, "/".join(pointer.split("/")[:depth]))
            if id in components and not _within(reference.spot.id, id):
                yield id


def _components(spec: Spec) -> Iterator[Spot]:
    held = spec.root.get("components")
    rooms = [spec.root.at("components")] if isinstance(held, dict) else []
    names = [
        key for key in held or {} if key not in ("securitySchemes", "pathItems") and not key.startswith("x-")
    ]
    for room in [rooms[0].at(name) for name in names] if rooms else []:
        yield from (room.at(name) for name in room.value) if isinstance(room.value, dict) else ()
    for old in ("definitions", "parameters", "responses"):
        if isinstance(spec.root.get(old), dict):
            yield from (spec.root.at(old).at(name) for name in spec.root.value[old])


def _mappings(spec: Spec) -> set[str]:
    """What discriminators name."""
    found: set[str] = set()
    for schema in spec.of("schema"):
        discriminator = schema.get("discriminator")
        mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
        found |= {str(each).lstrip("#") for each in mapping.values()} if isinstance(mapping, dict) else set()
    return found


def _within(inner: tuple[str, str], outer: tuple[str, str]) -> bool:
    return inner[0] == outer[0] and f"{inner[1]}/".startswith(f"{outer[1]}/")
