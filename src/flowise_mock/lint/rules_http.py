"""Rules on what HTTP has a syntax for: media types, header names, methods, URLs of servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowise_mock.contract.document import METHODS
from flowise_mock.lint.findings import Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_MEDIA = re.compile(r"[\w*!#$&^.+-]+/[\w*!#$&^.+-]+(\s*;.*)?", re.ASCII)
_TOKEN = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")


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
