"""The outcomes that an operation can have, read from the syntax tree of its handler.

These are the outcomes that it raises, reports or returns, and those of the functions that it calls in
the store and the domain modules. The refusals of the engine follow from the operation's parameters, body
and security. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from flowise_mock.contract.document import Document, Operation
from flowise_mock.contract.names import FunctionRef, function_of
from flowise_mock.state import outcomes

SOURCE = Path(__file__).parents[1]
OUTCOMES_MODULE = outcomes.__name__
OUTCOMES = outcomes.all_outcomes()
OBJECTS = {"store": "flowise_mock.state.store", "call": "flowise_mock.flows.call"}
"""Names of variables that hold the same kind of object everywhere, and the modules of their classes."""


class Function(NamedTuple):
    """What the source of a function says: its own outcomes, what it calls, whether it may return."""

    outcomes: frozenset[str]
    calls: frozenset[FunctionRef]
    returns: bool
    is_async: bool


@cache
def functions(module: str) -> dict[str, Function]:
    """The functions of a module, by name. The syntax tree itself is large, and is not kept."""
    nodes = list(ast.walk(ast.parse(module_path(module).read_text())))
    found = {node.name: node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    known = _imported(nodes)
    return {
        name: Function(
            frozenset(_outcomes(node)),
            frozenset(_calls(module, node, found.keys(), known)),
            node.returns is None or ast.unparse(node.returns) != "NoReturn",
            isinstance(node, ast.AsyncFunctionDef),
        )
        for name, node in found.items()
    }


def module_path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(nodes: list[ast.AST]) -> dict[str, FunctionRef]:
    """The imports of this package: name to (module, function), the function empty for a module."""
    found: dict[str, FunctionRef] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flowise_mock"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = module_path(name).exists()
                found[alias.name] = (name, "") if is_module else (str(node.module), alias.name)
    return found


def _outcomes(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTCOMES:
            yield node.func.id


def _calls(
    module: str, function: ast.AST, own: Collection[str], known: Mapping[str, FunctionRef]
) -> Iterator[FunctionRef]:
    """The functions of this package that a function calls or passes on."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in own:
            yield module, node.id
        elif isinstance(node, ast.Name) and known.get(node.id, ("", ""))[1]:
            yield known[node.id]
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and known.get(node.value.id, ("", "x"))[1] == "":
                yield known[node.value.id][0], node.attr
            elif isinstance(node.value, ast.Attribute) and node.value.attr == "store":
                yield OBJECTS["store"], node.attr
            elif isinstance(node.value, ast.Name) and node.value.id == "self":
                yield module, node.attr
            elif isinstance(node.value, ast.Name) and node.value.id in OBJECTS:
                yield OBJECTS[node.value.id], node.attr


def outcomes_of_function(function: FunctionRef) -> set[str]:
    """The outcomes that a function can end with: its own, and those of all that it reaches."""
    found: set[str] = set()
    reached, waiting = {function}, [function]
    while waiting:
        module, name = waiting.pop()
        read = functions(module).get(name)
        if read is not None:
            found |= read.outcomes
            further = {each for each in read.calls if each[0] != OUTCOMES_MODULE} - reached
            reached |= further
            waiting += further
    return found


def _returns(function: FunctionRef) -> bool:
    """Whether a function is said to return: one that is annotated with NoReturn refuses every request."""
    module, name = function
    read = functions(module).get(name)
    return read is None or read.returns


def outcomes_of(document: Document, operation: Operation) -> set[str]:
    """The names of the outcomes that an operation of a contract can have."""
    definition = operation.definition
    function = function_of(definition)
    found = outcomes_of_function(function)
    if "x-server" not in document:
        found.discard("MissingColumn")  # there is no database that requires columns
    if _returns(function) and not any(
        issubclass(OUTCOMES[name], outcomes.Result) for name in found - {"Page"}
    ):
        found.add("Ok")
    if definition.get("security") and {} not in definition["security"]:
        found.add("Unauthorized")
    if definition.get("x-permissions"):
        found.add("Forbidden")
    if definition.get("parameters"):
        found.add("SchemaViolation")
    body = definition.get("requestBody")
    if body:
        found |= {"SchemaViolation", "UnreadableContent", "UnsupportedMediaType", "ContentTooLarge"} | (
            {"MissingBody"} if body.get("required") else set()
        )
        if "multipart/form-data" in body["content"]:
            found.add("UnexpectedFile")
    if "x-server" in document:
        found -= {
            "SchemaViolation",
            "UnsupportedMediaType",
            "MissingBody",
        }  # a real server does not check the schema
        found |= {"InternalError"} | ({"UnsupportedCharset"} if body else set())
        found |= {"MissingId"} if "{" in operation.path and "x-last-segment" not in definition else set()
    return found
