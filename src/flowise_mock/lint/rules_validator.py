"""openapi-spec-validator as a second opinion: errors that only it reports are warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowise_mock.contract.positions import escaped
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.spec import Spec

MAX_SIZE = 1_000_000
"""Characters of a document; larger ones would take longer than all other rules together."""
MISTAKES: tuple[tuple[str, str, str], ...] = (
    ("3.1", r"Unevaluated properties are not allowed \('server' was unexpected", "its schema of 3.1 calls the server of a link `body`"),
    ("3.1", r"Unevaluated properties are not allowed \('(summary|description|get|put|post|delete|options|head|patch|trace|parameters|servers)' ", "its schema of 3.1 refuses fields beside the $ref of a path item"),
    ("3.2", r"'(nodeType|defaultMapping)' was unexpected", "it holds schemas of 3.2 to the vocabulary of 3.1"),
    ("3.", r"is not a \"(uri|uri-reference|media-range)\"", "a relative URL, a URL with variables and a list of media types are allowed"),
    ("", r"is not valid under any of the schemas listed in the 'oneOf' keyword", "it names the outermost object; `struct` names the fault"),
    ("3.1", r"is not of types? .*(default|null)", "a default need not fit its schema since 3.1"),
    ("", r"is not of type \"string\"", "it resolves 1.10 and dates as our reader gives them; `struct` has these"),
)  # fmt: skip
"""Its known mistakes: the versions, a pattern of its message, the reason why it is not reported."""


def second_opinion(spec: Spec) -> Iterator[Problem]:
    """What openapi-spec-validator refuses and no other rule explains; documents up to 1 MB."""
    if len(spec.source.text) > MAX_SIZE or not _is_alone(spec):
        return
    for path, message in _errors(spec):
        if not any(spec.line.startswith(line) and re.search(known, message) for line, known, _ in MISTAKES):
            pointer = "".join(f"/{escaped(str(part))}" for part in path)
            spot = spec.source.spot(pointer) or spec.root
            yield Problem(spot, f"openapi-spec-validator: {message[:160]}")


def _is_alone(spec: Spec) -> bool:
    """Whether all references stay in the document: the validator would read files and URLs by itself."""
    return all(each.target is not None and each.target.source is spec.source for each in spec.references)


def _errors(spec: Spec) -> Iterator[tuple[list[Any], str]]:
    import openapi_spec_validator as package

    classes = {
        "2.0": package.OpenAPIV2SpecValidator, "3.0": package.OpenAPIV30SpecValidator,
        "3.1": package.OpenAPIV31SpecValidator, "3.2": package.OpenAPIV32SpecValidator,
    }  # fmt: skip
    try:
        for error in classes[spec.line](spec.source.value).iter_errors():
            yield list(error.absolute_path), error.message.split("\n")[0]
    except (Exception, RecursionError):  # the errors until here are as good as any
        return
