"""What can happen to an operation, read from the syntax tree of the function that answers it.

Those are the outcomes that it raises, reports or returns, and those of the functions that it calls in
the store and the domain modules. What the engine finds follows from the operation's parameters, body
and security. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flowise_mock import outcomes
from flowise_mock.document import Document, Operation

SOURCE = Path(__file__).parent
OUTCOMES = outcomes.kinds()
Place = tuple[str, str]
"""A module and the name of a function or method in it."""


@cache
def functions(module: str) -> dict[str, ast.AST]:
    tree = ast.parse(module_path(module).read_text())
    return {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def module_path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def imported(module: str) -> dict[str, Place]:
    """What a module imports of ours: name to (module, function), the function empty for a module."""
    found: dict[str, Place] = {}
    for node in ast.walk(ast.parse(module_path(module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flowise_mock"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = module_path(whole).exists() and alias.name not in functions(str(node.module))
                found[alias.name] = (whole, "") if is_module else (str(node.module), alias.name)
    return found


def calls(place: Place) -> Iterator[Place]:
    """The functions of ours that a function calls, or hands on."""
    module, name = place
    known = imported(module)
    for node in ast.walk(functions(module)[name]):
        if isinstance(node, ast.Name) and node.id in functions(module):
            yield module, node.id
        elif isinstance(node, ast.Name) and known.get(node.id, ("", ""))[1]:
            yield known[node.id]
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and known.get(node.value.id, ("", "x"))[1] == "":
                yield known[node.value.id][0], node.attr
            elif isinstance(node.value, ast.Attribute) and node.value.attr == "store":
                yield "flowise_mock.store", node.attr
            elif isinstance(node.value, ast.Name) and node.value.id in ("self", "call", "store"):
                yield (module if node.value.id == "self" else f"flowise_mock.{node.value.id}"), node.attr


@cache
def met(place: Place, seen: frozenset[Place] = frozenset()) -> frozenset[str]:
    """The outcomes that a function can end with."""
    module, name = place
    if place in seen or name not in functions(module):
        return frozenset()
    found = {
        node.func.id
        for node in ast.walk(functions(module)[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTCOMES
    }
    for called in set(calls(place)):
        if called[0] not in ("flowise_mock.outcomes",):
            found |= met(called, seen | {place})
    return frozenset(found)


def function_of(definition: Document) -> Place:
    """Where the function of an operation stands, whether or not it is there."""
    tag, name = str(definition["tags"][0]), snake(str(definition["operationId"]))
    if "x-function" in definition:
        tag, _, name = definition["x-function"].partition(".")
    return f"flowise_mock.handlers.{snake(tag)}", name


def snake(name: str) -> str:
    """`chatflowId` as `chatflow_id`: the name of an operation or parameter in Python."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def outcomes_of(document: Document, operation: Operation) -> set[str]:
    """The names of the outcomes that an operation of a contract can meet."""
    definition = operation.definition
    found = set(met(function_of(definition)))
    if "x-server" not in document:
        found.discard("Missing")  # no database keeps its records
    if not any(issubclass(OUTCOMES[name], outcomes.Result) for name in found - {"Page"}):
        found.add("Ok")
    if definition.get("security") and {} not in definition["security"]:
        found.add("Unauthorized")
    if definition.get("x-permissions"):
        found.add("Forbidden")
    if definition.get("parameters"):
        found.add("Invalid")
    body = definition.get("requestBody")
    if body:
        found |= {"Invalid", "Unparsable", "Unsupported", "TooLarge"} | (
            {"NoBody"} if body.get("required") else set()
        )
        if "multipart/form-data" in body["content"]:
            found.add("UnexpectedFile")
    if "x-server" in document:
        found -= {"Invalid", "Unsupported", "NoBody"}  # it takes anything
        found |= {"Broken"} | ({"UnknownCharset"} if body else set())
        found |= {"NoId"} if "{" in operation.path and "x-id" not in definition else set()
    return found
