"""Rules on paths, operations and their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowise_mock.lint.findings import Problem
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_MEDIA = re.compile(r"[\w*!#$&^.+-]+/[\w*!#$&^.+-]+(\s*;.*)?", re.ASCII)


def _paths(spec: Spec) -> list[Spot]:
    paths = spec.root.get("paths")
    named = [path for path in paths if path.startswith("/")] if isinstance(paths, dict) else []
    return [spec.root.at("paths").at(path) for path in named]


def _shape(path: str) -> str:
    return _TEMPLATE.sub("{}", path)


def identical_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that differ in the names of their parameters alone."""
    first: dict[str, Spot] = {}
    for path in _paths(spec):
        twin = first.setdefault(_shape(path.name), path)
        if twin is not path:
            line = twin.source.place(twin.pointer, key=True).line
            yield Problem(path, f"is the same path as {twin.name} on line {line}", key=True)


def ambiguous_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that one request can match, and neither is the plainer one."""
    paths = [(path, _shape(path.name).split("/")) for path in _paths(spec)]
    kin: dict[tuple[int, str], list[tuple[Spot, list[str]]]] = {}
    for path, parts in paths:
        for other, others in _rivals(kin, parts):
            if _ambiguous(parts, others):
                yield Problem(path, f"one request can match this path and {other.name}", key=True)
                break
        kin.setdefault((len(parts), _first(parts)), []).append((path, parts))


def _rivals(
    kin: dict[tuple[int, str], list[tuple[Spot, list[str]]]], parts: list[str]
) -> list[tuple[Spot, list[str]]]:
    """The earlier paths that can match what this one matches, by length and first segment."""
    length, first = len(parts), _first(parts)
    if first != "{}":
        return kin.get((length, first), []) + kin.get((length, "{}"), [])
    return [each for (size, _), paths in kin.items() if size == length for each in paths]


def _first(parts: list[str]) -> str:
    """The segment that tells most paths apart."""
    first = parts[1] if len(parts) > 1 else ""
    return "{}" if "{}" in first else first


def _ambiguous(one: list[str], two: list[str]) -> bool:
    pairs = list(zip(one, two, strict=True))
    if any("{}" not in a and "{}" not in b and a != b for a, b in pairs):
        return False
    if any("{}" in (a + b) and a != b and "{}" not in (a, b) for a, b in pairs):
        return False
    return any(a == "{}" != b for a, b in pairs) and any(b == "{}" != a for a, b in pairs)


def path_form(spec: Spec) -> Iterator[Problem]:
    """A path that ends in a slash, holds a query, or has braces that do not pair."""
    paths = spec.root.get("paths")
    for path in paths if isinstance(paths, dict) else ():
        why = _odd_path(path)
        if why:
            yield Problem(spec.root.at("paths").at(path), f"{path} {why}", key=True)


def _odd_path(path: str) -> str:
    if not path.startswith("/"):
        return ""
    if "?" in path:
        return "holds a query; declare its parameters with `in: query`"
    if "#" in path:
        return "holds a fragment, which no client sends"
    if path.endswith("/") and path != "/":
        return "ends in a slash, which is another path than the one without"
    if "//" in path:
        return "has an empty segment"
    rest = _TEMPLATE.sub("", path)
    if "{" in rest or "}" in rest or "{}" in path:
        return "has braces that do not name a parameter"
    names = _TEMPLATE.findall(path)
    return "names a parameter twice" if len(set(names)) < len(names) else ""


def path_parameters(spec: Spec) -> Iterator[Problem]:
    """Path parameters are declared where the path has them, and nowhere else."""
    for operation in spec.operations:
        wanted = dict.fromkeys(_TEMPLATE.findall(operation.path))
        declared = {
            what.get("name"): where for where, what in spec.parameters(operation) if what.get("in") == "path"
        }
        for name in wanted:
            if name and name not in declared:
                yield Problem(
                    operation.spot,
                    f"{operation.name}: path parameter {name} is not declared",
                    fix=_declared(operation, name),
                )
        for name, where in declared.items():
            if name not in wanted and _own(operation, where):
                told = f"{operation.name}: parameter {name} is not in the path"
                yield Problem(where, told, fix={"target": where.path, "remove": True})


def _own(operation: Operation, where: Spot) -> bool:
    """A parameter of the path item is told of once, at its first operation."""
    if where.pointer.startswith(operation.spot.pointer):
        return True
    first = next(method for method in operation.item.value if isinstance(operation.item.value[method], dict))
    return bool(first == operation.method)


def _declared(operation: Operation, name: str) -> dict[str, Any]:
    parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    return {"target": operation.spot.path, "update": {"parameters": [parameter]}}


def path_parameter_required(spec: Spec) -> Iterator[Problem]:
    """A path parameter is always required, and must say so."""
    for parameter in spec.of("parameter"):
        if parameter.get("in") == "path" and parameter.get("required") is not True:
            fix = {"target": parameter.path, "update": {"required": True}}
            yield Problem(
                parameter, f"path parameter {parameter.get('name')} must have `required: true`", fix=fix
            )


def unique_parameters(spec: Spec) -> Iterator[Problem]:
    """A parameter that is declared twice in one list, or a second body (2.0), be it one of form fields."""
    for holder in spec.of("operation", "path"):
        listed = holder.get("parameters")
        seen: set[tuple[str, str]] = set()
        for index in range(len(listed) if isinstance(listed, list) else 0):
            where = holder.at("parameters").at(index)
            found = spec.resolve(where)
            key = (str(found.get("in")), str(found.get("name"))) if found else ("", "")
            bodies = {place for place, _ in seen} & {"body", "formData"}
            if found and key in seen:
                yield Problem(where, f"{key[0]} parameter {key[1]} is declared twice")
            elif (key[0] == "body" and bodies) or (key[0] == "formData" and "body" in bodies):
                yield Problem(where, f"{key[0]} parameter {key[1]} is a second body")
            seen.add(key)


def ignored_headers(spec: Spec) -> Iterator[Problem]:
    """Accept, Content-Type and Authorization are said elsewhere, and ignored as parameters."""
    for parameter in spec.of("parameter"):
        name = str(parameter.get("name")).lower()
        if parameter.get("in") == "header" and name in ("accept", "content-type", "authorization"):
            yield Problem(parameter, f"a header parameter {parameter.get('name')} is ignored by OpenAPI")


def operation_id(spec: Spec) -> Iterator[Problem]:
    """Every operation has an operationId."""
    for operation in spec.operations:
        if "operationId" not in operation.spot.value:
            fix = {"target": operation.spot.path, "update": {"operationId": _id_for(spec, operation)}}
            yield Problem(operation.spot, f"{operation.name} has no operationId", fix=fix)


def _id_for(spec: Spec, operation: Operation) -> str:
    words = [word for part in operation.path.split("/") for word in re.findall(r"[A-Za-z0-9]+", part)]
    name = operation.method + "".join(word[:1].upper() + word[1:] for word in words)
    taken = {str(each.spot.get("operationId")) for each in spec.operations}
    while name in taken:
        name += "_"
    return name


def operation_id_unique(spec: Spec) -> Iterator[Problem]:
    """No two operations have the same operationId."""
    first: dict[str, Operation] = {}
    for operation in spec.operations:
        name = operation.spot.get("operationId")
        if isinstance(name, str):
            twin = first.setdefault(name, operation)
            if twin is not operation and twin.spot.id != operation.spot.id:
                yield Problem(
                    operation.spot.at("operationId"), f"{name} is the operationId of {twin.name} too"
                )


def operation_id_name(spec: Spec) -> Iterator[Problem]:
    """An operationId can be the name of a function."""
    for operation in spec.operations:
        name = operation.spot.get("operationId")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield Problem(operation.spot.at("operationId"), f"{name!r} cannot be the name of a function")


def success(spec: Spec) -> Iterator[Problem]:
    """Every operation says what success is."""
    for operation, responses in _responses(spec):
        if not any(re.match(r"[123][\dX]{2}|default", code) for code in responses.value):
            yield Problem(responses, f"{operation.name} documents no success")


def client_errors(spec: Spec) -> Iterator[Problem]:
    """Every operation that can be asked wrongly says how that is answered."""
    for operation, responses in _responses(spec):
        if not _asks(spec, operation) or any(
            re.match(r"4[\dX]{2}|default", code) for code in responses.value
        ):
            continue
        yield Problem(responses, f"{operation.name} takes input or a key, and documents no 4xx")


def _asks(spec: Spec, operation: Operation) -> bool:
    secured = operation.spot.get("security") or (
        "security" not in operation.spot.value and spec.root.get("security")
    )
    asks = bool(secured) or "{" in operation.path or "requestBody" in operation.spot.value
    return asks or any(spec.parameters(operation))


def _responses(spec: Spec) -> Iterator[tuple[Operation, Spot]]:
    for operation in spec.operations:
        if isinstance(operation.spot.get("responses"), dict):
            yield operation, operation.spot.at("responses")


def response_content(spec: Spec) -> Iterator[Problem]:
    """A response says what it holds, unless it holds nothing."""
    if spec.version.startswith("2."):
        return
    for operation, responses in _responses(spec):
        for code in responses.value:
            found = spec.resolve(responses.at(code)) if re.match(r"2\d\d", code) else None
            if found and code not in ("204", "205") and operation.method != "head" and not _says(found):
                yield Problem(responses.at(code), f"{operation.name}: {code} does not say what it holds")


def _says(response: Spot) -> bool:
    return bool(response.get("content")) or "content" in response.value


def empty_responses(spec: Spec) -> Iterator[Problem]:
    """204, 205 and 304 have no body."""
    for operation, responses in _responses(spec):
        for code in {"204", "205", "304"} & responses.value.keys():
            found = spec.resolve(responses.at(code))
            if found and found.get("content"):
                yield Problem(responses.at(code), f"{operation.name}: a {code} cannot have a body")


def media_types(spec: Spec) -> Iterator[Problem]:
    """The key of a content is a media type."""
    for media in spec.of("media"):
        if not _MEDIA.fullmatch(media.name):
            yield Problem(media, f"{media.name!r} is not a media type", key=True)


def bodies(spec: Spec) -> Iterator[Problem]:
    """GET, HEAD and DELETE have no body that servers read."""
    for operation in spec.operations:
        if operation.method in ("get", "head", "delete") and "requestBody" in operation.spot.value:
            told = f"{operation.name} has a body, which HTTP gives no meaning"
            yield Problem(operation.spot.at("requestBody"), told, key=True)


def servers(spec: Spec) -> Iterator[Problem]:
    """There is a server, and its URL can be used."""
    if spec.version.startswith("2."):
        return
    if not spec.root.get("servers"):
        yield Problem(spec.root, "names no server, which stands for /")
    for server in spec.of("server"):
        yield from _server(server)


def _server(server: Spot) -> Iterator[Problem]:
    url = server.get("url")
    if not isinstance(url, str):
        return
    if url.endswith("/") and url != "/":
        fix = {"target": server.path, "update": {"url": url.rstrip("/")}}
        yield Problem(server.at("url"), f"{url} ends in a slash, and paths begin with one", fix=fix)
    for name in _TEMPLATE.findall(url):
        if name not in (server.get("variables") or {}):
            yield Problem(server.at("url"), f"the server variable {name} is not declared")


def links(spec: Spec) -> Iterator[Problem]:
    """A link names an operation that is there."""
    known = {str(each.spot.get("operationId")) for each in spec.operations}
    for link in spec.of("link"):
        name = link.get("operationId")
        if isinstance(name, str) and name not in known:
            yield Problem(link.at("operationId"), f"there is no operation {name}")
