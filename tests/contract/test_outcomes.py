"""Every outcome that an operation can meet is answered with a status that the document names.

Which outcomes those are is read from the syntax tree: what a handler raises, reports or returns, and
what the functions it calls in the store and the domain modules do. What the engine finds follows from
the operation's parameters, body and security.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flowise_mock import document, outcomes
from flowise_mock.document import Document, Operation
from flowise_mock.engine.answers import Answers, kinds
from flowise_mock.engine.endpoint import handler
from flowise_mock.schemas import Schemas

SOURCE = Path(document.__file__).parent
OUTCOMES = set(kinds())
RESULTS = {name for name, kind in kinds().items() if issubclass(kind, outcomes.Result)}
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


def expected(contract: Document, operation: Operation) -> set[str]:
    definition = operation.definition
    function = handler(definition)
    found = set(met((function.__module__, function.__name__)))
    if not found & RESULTS:
        found.add("Ok")
    if definition.get("security") and {} not in definition["security"]:
        found.add("Unauthorized")
    if definition.get("parameters"):
        found |= {"Invalid"}
    body = definition.get("requestBody")
    if body:
        found |= {"Invalid", "Unparsable", "Unsupported", "TooLarge"} | (
            {"NoBody"} if body.get("required") else set()
        )
    return found


@pytest.mark.parametrize("contract", document.contracts())
def test_every_outcome_has_a_documented_answer(contract: str) -> None:
    loaded = document.load(contract)
    schemas = Schemas(loaded)
    undocumented = []
    for operation in document.operations(loaded):
        answers = Answers(loaded, schemas, operation.definition)
        for name in sorted(expected(loaded, operation)):
            status = answers.status(name)
            if status is not None and str(status) not in operation.definition["responses"]:
                undocumented.append(f"{operation.id}: {name} is answered {status}, which is not documented")
    assert undocumented == []


def test_the_reading_finds_what_is_known() -> None:
    assert met(("flowise_mock.handlers.tools", "get_tool_by_id")) == {"NotFound"}
    assert met(("flowise_mock.handlers.tools", "delete_tool")) == {"Deleted", "NothingDeleted"}
    assert met(("flowise_mock.handlers.feedback", "create_chat_message_feedback_for_chatflow")) == {
        "NotFound",
        "Inconsistent",
    }
    assert {"NotFound", "WrongKey"} <= met(("flowise_mock.handlers.prediction", "create_prediction"))


def test_every_function_answers_an_operation_of_some_contract() -> None:
    named = {
        (f"flowise_mock.handlers.{operation.tag.replace('-', '_')}", handler(operation.definition).__name__)
        for contract in document.contracts()
        for operation in document.operations(document.load(contract))
    }
    found = {
        (f"flowise_mock.handlers.{path.stem}", name)
        for path in (SOURCE / "handlers").glob("*.py")
        for name, node in functions(f"flowise_mock.handlers.{path.stem}").items()
        if isinstance(node, ast.AsyncFunctionDef) and not name.startswith("_")
    }
    assert found - named == set()
    for module, _ in found:
        importlib.import_module(module)
