"""Rules on the parameters of paths and operations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowise_mock.lint.findings import Edit, Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


def path_parameters(spec: Spec) -> Iterator[Problem]:
    """Path parameters are declared if the path has them, and only then."""
    for operation in spec.operations:
        wanted = dict.fromkeys(name for name in _TEMPLATE.findall(operation.path) if name)
        declared = {
            str(what.get("name")): where
            for where, what in spec.parameters(operation)
            if what.get("in") == "path"
        }
        missing = [name for name in wanted if name not in declared]
        for name in missing if _complete(spec, operation) else ():
            message = f"{operation.name}: path parameter {name} is not declared"
            yield Problem(operation.spot, message, fix=_declared(spec, operation, name))
        for name, where in declared.items():
            if name not in wanted and _own(operation, where):
                message = f"{operation.name}: parameter {name} is not in the path"
                yield Problem(where, message, fix=() if missing else (Edit(where.pointer, remove=True),))


def _complete(spec: Spec, operation: Operation) -> bool:
    """Whether every parameter could be read: one in a file that was not fetched may be the missing one."""
    held = [holder.get("parameters") for holder in (operation.item, operation.spot)]
    listed = sum(len(each) for each in held if isinstance(each, list))
    return listed == len(list(spec.parameters(operation)))


def _own(operation: Operation, where: Spot) -> bool:
    """A parameter of the path item is reported once, at its first operation."""
    if where.pointer.startswith(operation.spot.pointer):
        return True
    first = next(method for method in operation.item.value if isinstance(operation.item.value[method], dict))
    return bool(first == operation.method)


def _declared(spec: Spec, operation: Operation, name: str) -> tuple[Edit, ...]:
    what: dict[str, Any] = {"type": "string"} if spec.line == "2.0" else {"schema": {"type": "string"}}
    parameter = {"name": name, "in": "path", "required": True, **what}
    if isinstance(operation.spot.get("parameters"), list):
        return (Edit(f"{operation.spot.pointer}/parameters/-", parameter),)
    return edit(operation.spot, parameters=[parameter])


def path_parameter_required(spec: Spec) -> Iterator[Problem]:
    """A path parameter has `required: true`."""
    for parameter in spec.of("parameter"):
        if parameter.get("in") == "path" and parameter.get("required") is not True:
            message = f"path parameter {parameter.get('name')} must have `required: true`"
            yield Problem(parameter, message, fix=edit(parameter, required=True))


def unique_parameters(spec: Spec) -> Iterator[Problem]:
    """A parameter that one list declares twice; in 2.0 a second body, or a body beside form fields."""
    for holder in spec.of("operation", "path"):
        listed = holder.get("parameters")
        seen: set[tuple[str, str]] = set()
        for index in range(len(listed) if isinstance(listed, list) else 0):
            where = holder.at("parameters").at(index)
            found = spec.resolve(where)
            key = (str(found.get("in")), str(found.get("name"))) if found else ("", "")
            bodies = {place for place, _ in seen} & {"body", "formData"}
            if found and key in seen:
                fix = (Edit(where.pointer, remove=True),) if where.value in listed[:index] else ()
                yield Problem(where, f"{key[0]} parameter {key[1]} is declared twice", fix=fix)
            elif (key[0] == "body" and bodies) or (key[0] == "formData" and "body" in bodies):
                yield Problem(where, f"{key[0]} parameter {key[1]} is a second body")
            seen.add(key)


def ignored_headers(spec: Spec) -> Iterator[Problem]:
    """Header parameters named Accept, Content-Type or Authorization, which are ignored since 3.0."""
    for parameter in spec.of("parameter") if spec.line != "2.0" else ():
        name = str(parameter.get("name")).lower()
        if parameter.get("in") == "header" and name in ("accept", "content-type", "authorization"):
            yield Problem(parameter, f"a header parameter {parameter.get('name')} is ignored by OpenAPI")


def query_strings(spec: Spec) -> Iterator[Problem]:
    """A `querystring` parameter is the whole query: alone, and with `content`."""
    for operation in spec.all_operations:
        yield from _query_string(list(spec.parameters(operation)))
    with_operations = {each.item.id for each in spec.all_operations}
    for path in spec.of("path"):
        if path.id not in with_operations:
            yield from _query_string(
                list(spec.parameters(Operation(path.name, "", Spot(path.source, "", {}), path)))
            )


def _query_string(listed: list[tuple[Spot, Spot]]) -> Iterator[Problem]:
    whole = [where for where, what in listed if what.get("in") == "querystring"]
    for where in whole[1:]:
        yield Problem(where, "is a second querystring parameter; the query can be described once")
    if whole and any(what.get("in") == "query" for _, what in listed):
        yield Problem(whole[0], "is the whole query, and cannot be beside a query parameter")
