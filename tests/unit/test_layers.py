"""The imports that must never be, read from the syntax tree."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowise_mock

SOURCE = Path(flowise_mock.__file__).parent
HEAVY = {"schemathesis", "openapi_spec_validator", "flask"}
FILES = sorted(SOURCE.rglob("*.py"))


def name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(imported: str, *packages: str) -> bool:
    return any(f"{imported}.".startswith(f"{package}.") for package in packages)


def forbidden(module: str, imported: str) -> bool:
    ours = [f"flowise_mock.{each}" for each in ("cli", "pytest_plugin")]
    if within(imported, *ours) and module != "__main__":
        return True
    if module in ("store", "outcomes", "moments"):
        first = imported.split(".")[0]
        own = within(imported, "flowise_mock.outcomes", "flowise_mock.moments") and module == "store"
        return not (first in sys.stdlib_module_names or own)
    if module.startswith("handlers."):
        return within(
            imported, "connexion", "starlette", "uvicorn", "flowise_mock.engine", "flowise_mock.conform",
            "flowise_mock.lint", "flowise_mock.handlers",
        )  # fmt: skip
    if module.startswith("scripts."):
        return within(imported, "flowise_mock.prediction", "flowise_mock.handlers", "flowise_mock.call")
    if module.startswith(("conform.", "lint.")):
        parts = ("engine", "handlers", "store", "call", "server", "prediction", "seed", "outcomes")
        return within(imported, *(f"flowise_mock.{part}" for part in parts))
    return False


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_forbidden_import(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [each for each in imports(tree) if forbidden(name(path), each)] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_heavy_packages_are_imported_where_they_are_needed(path: Path) -> None:
    tree = ast.parse(path.read_text())
    at_import = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
    assert [each for each in imports(at_import) if each.split(".")[0] in HEAVY] == []


def test_the_rules_can_fail() -> None:
    assert forbidden("store", "orjson")
    assert forbidden("handlers.tools", "starlette.responses")
    assert forbidden("handlers.tools", "flowise_mock.handlers.leads.create_lead")
    assert forbidden("conform.run", "flowise_mock.store.Store")
    assert forbidden("conform.hooks", "flowise_mock.prediction.echo.say")
    assert forbidden("engine.app", "flowise_mock.cli.main")
    assert forbidden("scripts.script", "flowise_mock.prediction.turn.Turn")
    assert not forbidden("scripts.fitting", "flowise_mock.engine.views.compile_view")
    assert not forbidden("store", "flowise_mock.outcomes.NotFound")
    assert not forbidden("handlers.tools", "flowise_mock.call.Call")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} begins without a sentence"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_state_at_module_level(path: Path) -> None:
    """A name at module level is a function, a class, a type or a constant that nothing changes."""
    tree = ast.parse(path.read_text())
    globals_changed = [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
    assert globals_changed == []
