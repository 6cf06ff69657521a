"""The names in Python for tags, operations and parameters of the document."""

from __future__ import annotations

import re

from flowise_mock.contract.document import Document

HANDLERS = "flowise_mock.handlers"
"""The package with a module for each tag of the API."""
FunctionRef = tuple[str, str]
"""A module and the name of a function or method in it."""


def function_of(definition: Document, package: str = HANDLERS) -> FunctionRef:
    """The module and the name of an operation's function, whether or not it exists."""
    tag, name = str(definition["tags"][0]), snake(str(definition["operationId"]))
    if "x-handler" in definition:
        tag, _, name = definition["x-handler"].partition(".")
    return f"{package}.{snake(tag)}", name


def snake(name: str) -> str:
    """`chatflowId` as `chatflow_id`: the name of an operation or parameter in Python."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
