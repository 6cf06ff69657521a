"""Rules on `$ref`: its target exists and is of the right kind, and components are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.findings import Edit, Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import OLD, Reference, Spec, is_other

Id = tuple[str, str]


def unresolved(spec: Spec) -> Iterator[Problem]:
    """A `$ref` whose target does not exist, or that leads back to itself."""
    for each in spec.references:
        if each.error and each.error.rule == "parser":
            yield Problem(each.spot.at("$ref"), str(each.error))
        elif each.target and not isinstance(each.target.value, dict | bool):
            yield Problem(
                each.spot.at("$ref"), f"{each.spot.value['$ref']} is {_kind(each.target)}, not a {each.kind}"
            )
    seen: set[Id] = set()
    for each in spec.references:
        if each.spot.id not in seen and each.spot.id in (ring := _ring(spec, each.spot)):
            yield Problem(
                each.spot.at("$ref"), f"{each.spot.value['$ref']} is a circle of references without an end"
            )
            seen |= ring


def _kind(spot: Spot) -> str:
    names = {list: "a list", str: "text", type(None): "null"}
    return names.get(type(spot.value), "a number")


def _ring(spec: Spec, spot: Spot) -> set[Id]:
    """The references on a circle that begins here, or none."""
    seen: list[Id] = []
    while isinstance(spot.get("$ref"), str):
        if spot.id in seen:
            return set(seen[seen.index(spot.id) :])
        seen.append(spot.id)
        try:
            spot = spec.files.target(spot, spot.value["$ref"])
        except ReadingError:
            break
    return set()


def remote(spec: Spec) -> Iterator[Problem]:
    """A `$ref` to another machine, which is not looked at without `--allow-remote`."""
    for each in spec.references:
        if each.error and each.error.rule == "no-remote-refs":
            yield Problem(each.spot.at("$ref"), str(each.error))


def siblings(spec: Spec) -> Iterator[Problem]:
    """Fields beside a `$ref` that are ignored; since 3.1 those of a schema are not."""
    for each in spec.references:
        if each.kind == "path" or (each.kind == "schema" and spec.modern):
            continue
        allowed = ("$ref", "summary", "description") if spec.modern else ("$ref",)
        beside = [key for key in each.spot.value if key not in allowed and not key.startswith("x-")]
        if beside:
            message = f"{', '.join(beside)} beside $ref is ignored"
            yield Problem(each.spot.at(beside[0]), message, key=True, fix=_wrapped(spec, each, beside))


def _wrapped(spec: Spec, each: Reference, beside: list[str]) -> tuple[Edit, ...]:
    """The reference in an `allOf`, or beside null in an `anyOf` if `nullable` is meant."""
    spot, target = each.spot, each.target
    if each.kind != "schema" or spec.line != "3.0" or {"allOf", "anyOf"} & set(beside):
        return ()
    reference = {"$ref": spot.value["$ref"]}
    if spot.value.get("nullable") is not True:
        return edit(spot, **{"$ref": None, "allOf": [reference]}) if set(beside) <= _ANNOTATIONS else ()
    named = target.get("type") if target else None
    null = {"type": named if isinstance(named, str) else "string", "nullable": True, "enum": [None]}
    return edit(spot, **{"$ref": None, "nullable": None, "anyOf": [reference, null]})


_ANNOTATIONS = {
    "title",
    "description",
    "readOnly",
    "writeOnly",
    "deprecated",
    "example",
    "default",
    "externalDocs",
}


def kinds(spec: Spec) -> Iterator[Problem]:
    """A `$ref` to a component of another kind, such as a response where a schema belongs."""
    for each in spec.references:
        if each.target and is_other(each.kind, each.target):
            room, name = each.target.pointer.split("/")[2:]
            yield Problem(each.spot.at("$ref"), f"a {each.kind} belongs here, and {room}/{name} is not one")


def unused(spec: Spec) -> Iterator[Problem]:
    """A component that the document does not use."""
    components = {spot.id: spot for spot in _components(spec)}
    used = {id for each in spec.references for id in _held_by(each, components)}
    named = _mapped(spec) | _in_extensions(spec.root.value)
    for id, spot in components.items():
        if (
            id not in used
            and spot.name not in named
            and spot.pointer not in named
            and not _is_subtype(spec, spot)
        ):
            yield Problem(spot, f"{spot.pointer.split('/')[-2]}/{spot.name} is not used")


def _is_subtype(spec: Spec, spot: Spot, depth: int = 0) -> bool:
    """Whether a schema extends one with a discriminator, whose values are the names of such schemas."""
    listed = spot.get("allOf")
    for index in range(len(listed) if isinstance(listed, list) and depth < 10 else 0):
        parent = spec.resolve(spot.at("allOf").at(index))
        if parent is None or parent.id == spot.id or not isinstance(parent.value, dict):
            continue
        if "discriminator" in parent.value or _is_subtype(spec, parent, depth + 1):
            return True
    return False


def _in_extensions(document: Any) -> set[str]:
    """The pointers that references within `x-` fields name: tools use those, though OpenAPI does not."""
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


def _held_by(reference: Reference, components: dict[Id, Spot]) -> Iterator[Id]:
    """The component that a reference from outside it leads into."""
    if reference.target:
        file, pointer = reference.target.id
        for depth in (3, 4):
            id = (file, "/".join(pointer.split("/")[:depth]))
            if id in components and not _within(reference.spot.id, id):
                yield id


def _components(spec: Spec) -> Iterator[Spot]:
    held = spec.root.get("components")
    if isinstance(held, dict):
        for name in held:
            if name not in ("securitySchemes", "pathItems") and not name.startswith("x-"):
                yield from _children(spec.root.at("components").at(name))
    for name in OLD.keys() - {"securityDefinitions"} if spec.line == "2.0" else ():
        if name in spec.root.value:
            yield from _children(spec.root.at(name))


def _children(spot: Spot) -> Iterator[Spot]:
    yield from (spot.at(name) for name in spot.value) if isinstance(spot.value, dict) else ()


def _mapped(spec: Spec) -> set[str]:
    """What discriminators name, as a pointer or as a name, and the targets of `$dynamicRef`."""
    found: set[str] = set()
    for schema in spec.of("schema"):
        discriminator = schema.get("discriminator")
        if isinstance(discriminator, dict):
            mapping = discriminator.get("mapping")
            named = [
                *(mapping.values() if isinstance(mapping, dict) else ()),
                discriminator.get("defaultMapping"),
            ]
            found |= {str(each).lstrip("#") for each in named}
    return found


def _within(inner: Id, outer: Id) -> bool:
    return inner[0] == outer[0] and f"{inner[1]}/".startswith(f"{outer[1]}/")
