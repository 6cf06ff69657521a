"""Rules on paths, operations and their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.document import METHODS
from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.findings import Edit, Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import GRAMMAR, Operation, Spec

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_MEDIA = re.compile(r"[\w*!#$&^.+-]+/[\w*!#$&^.+-]+(\s*;.*)?", re.ASCII)
MANY = 10
"""Operations from which on a lack that all of them share is one finding."""
_TOKEN = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")


def _paths(spec: Spec) -> list[Spot]:
    paths = spec.root.get("paths")
    named = [path for path in paths if path.startswith("/")] if isinstance(paths, dict) else []
    return [spec.root.at("paths").at(path) for path in named]


def _shape(path: str) -> str:
    return _TEMPLATE.sub("{}", path)


def identical_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that differ only in the names of their parameters."""
    first: dict[str, Spot] = {}
    for path in _paths(spec):
        twin = first.setdefault(_shape(path.name), path)
        if twin is not path:
            line = twin.source.place(twin.pointer, key=True).line
            yield Problem(path, f"is the same path as {twin.name} on line {line}", key=True)


def ambiguous_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that one request can match, and neither has more fixed segments."""
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
    """The segment that separates most paths."""
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
    """A path with a query, or with braces that name no parameter; a slash at the end, a fragment, an empty segment."""
    paths = spec.root.get("paths")
    named = [path for path in paths if path.startswith("/")] if isinstance(paths, dict) else []
    slashes = sum(path.endswith("/") for path in named) * 2 > len(named)  # then it is the style of the API
    for path in named:
        wrong = _wrong_path(path)
        odd = "" if wrong else _odd_path(path, slashes)
        if wrong or odd:
            spot = spec.root.at("paths").at(path)
            yield Problem(spot, f"{path} {wrong or odd}", key=True, severity="" if wrong else "warning")


def _wrong_path(path: str) -> str:
    if "?" in path:
        return "has a query; declare its parameters with `in: query`"
    rest = _TEMPLATE.sub("", path)
    if "{" in rest or "}" in rest or "{}" in path:
        return "has braces that do not name a parameter"
    names = _TEMPLATE.findall(path)
    return "names a parameter twice" if len(set(names)) < len(names) else ""


def _odd_path(path: str, slashes: bool) -> str:
    if "#" in path:
        return "has a fragment, which no client sends"
    if "//" in path:
        return "has an empty segment"
    if path.endswith("/") and path != "/" and not slashes:
        return "ends in a slash, unlike most paths here; clients easily miss it"
    return ""


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


def operation_id(spec: Spec) -> Iterator[Problem]:
    """Every operation has an operationId."""
    for operation in spec.operations:
        if "operationId" not in operation.spot.value:
            fix = edit(operation.spot, operationId=_id_for(spec, operation))
            yield Problem(operation.spot, f"{operation.name} has no operationId", fix=fix)


def _id_for(spec: Spec, operation: Operation) -> str:
    words = [word for part in operation.path.split("/") for word in re.findall(r"[A-Za-z0-9]+", part)]
    name = operation.method + "".join(word[:1].upper() + word[1:] for word in words)
    taken = {str(each.spot.get("operationId")) for each in spec.operations}
    while name in taken:
        name += "_"
    return name


def operation_id_unique(spec: Spec) -> Iterator[Problem]:
    """No two operations have the same operationId, be they in paths, webhooks or callbacks."""
    first: dict[str, Operation] = {}
    for operation in (*spec.operations, *spec.webhooks, *spec.callbacks):
        name = operation.spot.get("operationId")
        if isinstance(name, str):
            twin = first.setdefault(name, operation)
            if twin is not operation and twin.spot.id != operation.spot.id:
                message = f"{name} is the operationId of {twin.name} too"
                yield Problem(operation.spot.at("operationId"), message)


def operation_id_name(spec: Spec) -> Iterator[Problem]:
    """An operationId can be the name of a function; reported once if most are another kind of name."""
    named = [each.spot.at("operationId") for each in spec.operations if "operationId" in each.spot.value]
    odd = [each for each in named if isinstance(each.value, str) and not _NAME.fullmatch(each.value)]
    if len(odd) * 2 > len(named) > MANY:
        message = (
            f"{len(odd)} of {len(named)} operationIds cannot be names of functions, such as {odd[0].value!r}"
        )
        yield Problem(odd[0], message)
        return
    for spot in odd:
        yield Problem(spot, f"{spot.value!r} cannot be the name of a function")


def success(spec: Spec) -> Iterator[Problem]:
    """Every operation documents a success."""
    for operation, responses in _responses(spec):
        if not any(re.match(r"[123][\dX]{2}|default", str(code)) for code in responses.value):
            yield Problem(responses, f"{operation.name} documents no success")


def client_errors(spec: Spec) -> Iterator[Problem]:
    """Every operation that takes input or a key documents an error of the client; reported once if none does."""
    wanted = [(each, responses) for each, responses in _responses(spec) if _takes(spec, each)]
    lacking = [
        (each, responses)
        for each, responses in wanted
        if not any(re.match(r"4[\dX]{2}|default", str(code)) for code in responses.value)
    ]
    if len(lacking) == len(wanted) > MANY:
        message = f"none of {len(wanted)} operations that take input or a key documents a 4xx"
        yield Problem(spec.root.at("paths"), message, key=True)
        return
    for operation, responses in lacking:
        yield Problem(responses, f"{operation.name} takes input or a key, and documents no 4xx")


def _takes(spec: Spec, operation: Operation) -> bool:
    secured = operation.spot.get("security") or (
        "security" not in operation.spot.value and spec.root.get("security")
    )
    takes = bool(secured) or "{" in operation.path or "requestBody" in operation.spot.value
    return takes or any(spec.parameters(operation))


def _responses(spec: Spec) -> Iterator[tuple[Operation, Spot]]:
    for operation in spec.operations:
        if isinstance(operation.spot.get("responses"), dict):
            yield operation, operation.spot.at("responses")


def response_content(spec: Spec) -> Iterator[Problem]:
    """A successful response has `content`, which may be empty."""
    if spec.version.startswith("2."):
        return
    for operation, responses in _responses(spec):
        for code in responses.value:
            found = spec.resolve(responses.at(code)) if re.match(r"2\d\d", code) else None
            if (
                found
                and code not in ("204", "205")
                and operation.method != "head"
                and "content" not in found.value
            ):
                yield Problem(responses.at(code), f"{operation.name}: {code} has no content")


def empty_responses(spec: Spec) -> Iterator[Problem]:
    """204, 205 and 304 have no body."""
    for operation, responses in _responses(spec):
        for code in {"204", "205", "304"} & responses.value.keys():
            found = spec.resolve(responses.at(code))
            if found and found.get("content"):
                yield Problem(responses.at(code), f"{operation.name}: a {code} cannot have a body")


def media_types(spec: Spec) -> Iterator[Problem]:
    """The key of a content is a media type."""
    for kind in ("body", "response", "parameter", "header"):
        for holder in spec.of(kind):
            for name in _contents(holder):
                if not _MEDIA.fullmatch(name):
                    yield Problem(holder.at("content").at(name), f"{name!r} is not a media type", key=True)


def _contents(holder: Spot) -> list[str]:
    content = holder.get("content")
    return [name for name in content if not name.startswith("x-")] if isinstance(content, dict) else []


def header_names(spec: Spec) -> Iterator[Problem]:
    """The name of a header is a token of HTTP."""
    for parameter in spec.of("parameter"):
        name = parameter.get("name")
        if parameter.get("in") == "header" and isinstance(name, str) and not _TOKEN.fullmatch(name):
            yield Problem(parameter.at("name"), f"{name!r} is not a header name")
    for holder in spec.of("response", "encoding"):
        headers = holder.get("headers")
        for name in headers if isinstance(headers, dict) else ():
            if not _TOKEN.fullmatch(name):
                yield Problem(holder.at("headers").at(name), f"{name!r} is not a header name", key=True)


def query_strings(spec: Spec) -> Iterator[Problem]:
    """A `querystring` parameter is the whole query: alone, and with `content`."""
    for operation in (*spec.operations, *spec.webhooks, *spec.callbacks, *_component_operations(spec)):
        yield from _query_string(list(spec.parameters(operation)))
    with_operations = {each.item.id for each in (*spec.operations, *spec.webhooks, *spec.callbacks)}
    for path in spec.of("path"):
        if path.id not in with_operations:
            yield from _query_string(
                list(spec.parameters(Operation(path.name, "", Spot(path.source, "", {}), path)))
            )


def _component_operations(spec: Spec) -> Iterator[Operation]:
    known = {each.spot.id for each in (*spec.operations, *spec.webhooks, *spec.callbacks)}
    for path in spec.of("path"):
        for method, held in path.value.items():
            if isinstance(held, dict) and method in GRAMMAR["path"] and path.at(method).id not in known:
                yield Operation(path.name, method, path.at(method), path)


def _query_string(listed: list[tuple[Spot, Spot]]) -> Iterator[Problem]:
    whole = [where for where, what in listed if what.get("in") == "querystring"]
    for where in whole[1:]:
        yield Problem(where, "is a second querystring parameter; the query can be described once")
    if whole and any(what.get("in") == "query" for _, what in listed):
        yield Problem(whole[0], "is the whole query, and cannot be beside a query parameter")


def additional_operations(spec: Spec) -> Iterator[Problem]:
    """Methods with a field of their own are not in `additionalOperations`."""
    for path in spec.of("path"):
        more = path.get("additionalOperations")
        for method in more if isinstance(more, dict) else ():
            spot = path.at("additionalOperations").at(method)
            if method.lower() in (*METHODS, "query"):
                yield Problem(spot, f"{method} has a field of its own: {method.lower()}", key=True)
            elif not _TOKEN.fullmatch(method):
                yield Problem(spot, f"{method!r} is not a method of HTTP", key=True)


def bodies(spec: Spec) -> Iterator[Problem]:
    """GET, HEAD and DELETE have no body that servers read."""
    for operation in spec.operations:
        if operation.method in ("get", "head", "delete") and "requestBody" in operation.spot.value:
            message = f"{operation.name} has a body, which HTTP gives no meaning"
            yield Problem(operation.spot.at("requestBody"), message, key=True)


def servers(spec: Spec) -> Iterator[Problem]:
    """There is a server, its URL does not end in a slash, and its variables are used."""
    if spec.line == "2.0":
        return
    if not spec.root.get("servers") and spec.operations:
        yield Problem(spec.root, "names no server, so that its URL is /")
    for server in spec.of("server"):
        url = server.get("url")
        if isinstance(url, str) and url.endswith("/") and url != "/" and not url.endswith("}/"):
            message = f"{url} ends in a slash, and paths begin with one"
            yield Problem(server.at("url"), message, fix=edit(server, url=url.rstrip("/")))


def server_variables(spec: Spec) -> Iterator[Problem]:
    """The variables of a server are declared, and a default is one of the enum."""
    for server in spec.of("server") if spec.line != "2.0" else ():
        variables = server.get("variables")
        for name in _TEMPLATE.findall(str(server.get("url"))):
            if not isinstance(variables, dict) or name not in variables:
                yield Problem(server.at("url"), f"the server variable {name} is not declared")
        for name in variables if isinstance(variables, dict) else ():
            yield from _variable(spec, server.at("variables").at(name))


def _variable(spec: Spec, variable: Spot) -> Iterator[Problem]:
    values, default = variable.get("enum"), variable.get("default")
    if isinstance(values, list) and not values and not spec.modern:
        yield Problem(variable.at("enum"), "is empty, so that no value is possible", severity="warning")
    if isinstance(values, list) and values and isinstance(default, str) and default not in values:
        severity = "" if spec.modern else "warning"
        yield Problem(variable.at("default"), f"{default} is not in the enum", severity=severity)


def links(spec: Spec) -> Iterator[Problem]:
    """A link names an operation of the document."""
    operations = (*spec.operations, *spec.webhooks, *spec.callbacks, *_component_operations(spec))
    known = {str(each.spot.get("operationId")) for each in operations}
    for link in spec.of("link"):
        name, reference = link.get("operationId"), link.get("operationRef")
        if isinstance(name, str) and name not in known:
            yield Problem(link.at("operationId"), f"there is no operation {name}")
        if isinstance(name, str) and isinstance(reference, str):
            yield Problem(
                link.at("operationRef"), "operationRef and operationId exclude each other", key=True
            )
        elif isinstance(reference, str) and reference.startswith("#") and not _leads(spec, link, reference):
            yield Problem(link.at("operationRef"), f"{reference} names nothing that exists")


def _leads(spec: Spec, link: Spot, reference: str) -> bool:
    try:
        return isinstance(spec.files.target(link, reference).value, dict)
    except ReadingError:
        return False
