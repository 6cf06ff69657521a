"""Rules on operations, their ids, responses, bodies and links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.findings import Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec

_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
MANY = 10
"""Operations from which on a lack that all of them share is one finding."""


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
    for operation in spec.all_operations:
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
    """An operation that takes input or a key documents a 4xx; reported once if none does."""
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


def bodies(spec: Spec) -> Iterator[Problem]:
    """GET, HEAD and DELETE have no body that servers read."""
    for operation in spec.operations:
        if operation.method in ("get", "head", "delete") and "requestBody" in operation.spot.value:
            message = f"{operation.name} has a body, which HTTP gives no meaning"
            yield Problem(operation.spot.at("requestBody"), message, key=True)


def links(spec: Spec) -> Iterator[Problem]:
    """A link names an operation of the document."""
    known = {str(each.spot.get("operationId")) for each in spec.all_operations}
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
