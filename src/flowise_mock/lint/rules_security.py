"""Rules on security: the schemes, the requirements, and the 401 that follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowise_mock.lint.findings import Problem
from flowise_mock.lint.rules_operations import MANY
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec

_REFUSAL = re.compile(r"401|403|4XX|default")
"""Statuses that document the answer to a missing or wrong key."""


def _schemes(spec: Spec) -> dict[str, Spot]:
    return {spot.name: spot for spot in spec.of("scheme")}


def _lists(spec: Spec) -> Iterator[Spot]:
    for holder in [spec.root, *spec.of("operation")]:
        if isinstance(holder.get("security"), list):
            yield holder.at("security")


def _requirements(spec: Spec) -> Iterator[tuple[Spot, str]]:
    for listed in _lists(spec):
        for index, requirement in enumerate(listed.value):
            for name in requirement if isinstance(requirement, dict) else ():
                yield listed.at(index).at(name), name


def defined(spec: Spec) -> Iterator[Problem]:
    """A security requirement names a security scheme of the document."""
    known = set(_schemes(spec)) | _named(spec)
    for spot, name in _requirements(spec):
        if name not in known and not (spec.line >= "3.2" and re.search(r"[/#.:]", name)):
            yield Problem(spot, f"there is no security scheme {name}", key=True)


def _named(spec: Spec) -> set[str]:
    """The schemes of the components, those with a `$ref` too."""
    components = spec.root.get("components")
    held = components.get("securitySchemes") if isinstance(components, dict) else None
    return set(held) if isinstance(held, dict) else set()


def used(spec: Spec) -> Iterator[Problem]:
    """A security scheme is required somewhere."""
    required = {name for _, name in _requirements(spec)}
    for name, spot in _schemes(spec).items():
        if name not in required:
            yield Problem(spot, f"the security scheme {name} is not used")


def scopes(spec: Spec) -> Iterator[Problem]:
    """Scopes are those that an OAuth 2 scheme declares; other schemes had none before 3.1."""
    schemes = _schemes(spec)
    for spot, name in _requirements(spec):
        scheme = schemes.get(name)
        if not scheme or not isinstance(spot.value, list):
            continue
        known = _scopes(scheme)
        for index, scope in enumerate(spot.value):
            if known is not None and scope not in known:
                yield Problem(spot.at(index), f"{name} has no scope {scope}")
        if (
            spot.value
            and known is None
            and not spec.modern
            and scheme.get("type") in ("http", "apiKey", "basic")
        ):
            yield Problem(spot, f"{name} is not an OAuth 2 scheme, and has no scopes")


def _scopes(scheme: Spot) -> set[str] | None:
    if scheme.get("type") != "oauth2":
        return None
    flows: Any = scheme.get("flows") or {"": scheme.value}
    held = [flow.get("scopes") for flow in flows.values() if isinstance(flow, dict)]
    return {name for scopes in held if isinstance(scopes, dict) for name in scopes}


def unauthorized(spec: Spec) -> Iterator[Problem]:
    """An operation that requires a key documents 401 or 403, and one that documents 401 requires a key."""
    held = [each for each in spec.operations if isinstance(each.spot.get("responses"), dict)]
    closed = [each for each in held if _requires(spec, each)]
    lacking = [each for each in closed if not _refuses(each)]
    if len(lacking) == len(closed) > MANY:
        message = f"none of {len(closed)} operations that require a key documents 401 or 403"
        yield Problem(spec.root.at("paths"), message, key=True)
        lacking = []
    for operation in lacking:
        message = f"{operation.name} requires a key, and documents neither 401 nor 403"
        yield Problem(operation.spot.at("responses"), message)
    for operation in held if spec.kinds.get("scheme") else ():
        if "401" in operation.spot.value["responses"] and not _is_guarded(spec, operation):
            message = f"{operation.name} documents 401, and requires no key"
            yield Problem(operation.spot.at("responses").at("401"), message, key=True)


def _refuses(operation: Operation) -> bool:
    return any(_REFUSAL.fullmatch(str(status)) for status in operation.spot.value["responses"])


def _is_guarded(spec: Spec, operation: Operation) -> bool:
    return any(_security(spec, operation)) or _takes_credentials(spec, operation)


def _security(spec: Spec, operation: Operation) -> list[Any]:
    own = operation.spot.get("security")
    listed = own if own is not None else spec.root.get("security")
    return listed if isinstance(listed, list) else []


def _requires(spec: Spec, operation: Operation) -> bool:
    listed = _security(spec, operation)
    return bool(listed) and {} not in listed


def _takes_credentials(spec: Spec, operation: Operation) -> bool:
    """Whether an operation has credentials among its parameters or its body, as a login has."""
    names = [str(what.get("name")).lower() for _, what in spec.parameters(operation)]
    return operation.method == "post" or any(
        re.search("auth|token|key|secret|password", name) for name in names
    )


def stated(spec: Spec) -> Iterator[Problem]:
    """In a document with security schemes each operation says whether it requires one."""
    if not spec.kinds.get("scheme") or "security" in spec.root.value:
        return
    for operation in spec.operations:
        if "security" not in operation.spot.value:
            yield Problem(operation.spot, f"{operation.name} does not say whether it requires a key")
