"""The layers of ARCHITECTURE.md, held against the imports of the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import flowise_mock

SOURCE = Path(flowise_mock.__file__).parent
ARCHITECTURE = SOURCE.parents[1] / "ARCHITECTURE.md"
LAZY = {"schemathesis", "openapi_spec_validator", "flask"}
"""Packages that are slow to import: they are imported inside the functions that need them."""
FILES = sorted(SOURCE.rglob("*.py"))
Place = tuple[int, int]
"""The row and the column of a layer in the list; column 0 is the server, column 1 the tools."""


def name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name(path): ast.parse(path.read_text()) for path in FILES}


def layers(text: str) -> dict[str, Place]:
    """The layers of the block that is marked `layers`, each with its place."""
    block = text.split("```layers\n")[1].split("```")[0]
    found: dict[str, Place] = {}
    for row, line in enumerate(block.splitlines()):
        columns = [line[:20], line[20:]]
        found |= {each: (row, number) for number, column in enumerate(columns) for each in column.split()}
    return found


LAYERS = layers(ARCHITECTURE.read_text())


def may_import(importer: str, imported: str, listed: dict[str, Place]) -> bool:
    """Whether one layer may import another: one further down, in its own column or below both columns."""
    if importer == imported:
        return True
    (row, column), (other, other_column) = listed[importer], listed[imported]
    last_tool = max(row for row, column in listed.values() if column == 1)
    return other > row and (row == 0 or column == other_column or other > last_tool)


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(imported: Iterable[str]) -> Iterator[str]:
    """The modules of this package among imported names, without the package's name."""
    for each in imported:
        if each.startswith("flowise_mock."):
            dotted = each.removeprefix("flowise_mock.")
            module = dotted if dotted in MODULES else dotted.rpartition(".")[0]
            if module:  # else a name of the package itself, such as __version__
                yield module


def layer(module: str) -> str:
    return module.split(".")[0]


def upward(module: str, tree: ast.AST, listed: dict[str, Place]) -> list[str]:
    return [each for each in ours(imports(tree)) if not may_import(layer(module), layer(each), listed)]


def circle(modules: dict[str, ast.Module]) -> list[str]:
    """A circle of modules that import each other; empty if there is none."""
    graph = {module: set(ours(imports(tree))) - {module} for module, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def third_party(tree: ast.AST) -> set[str]:
    return {each.split(".")[0] for each in imports(tree)} - sys.stdlib_module_names - {"flowise_mock"}


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"", "__main__"}))
def test_imports_run_downward(module: str) -> None:
    assert upward(module, MODULES[module], LAYERS) == []


def test_no_import_cycle() -> None:
    assert circle(MODULES) == []


def test_every_package_is_a_layer() -> None:
    there = {layer(module) for module in MODULES} - {"", "__main__"}
    assert set(LAYERS) == there


@pytest.mark.parametrize("package", ["state", "knowledge", "flows", "handlers"])
def test_the_domain_uses_no_package_but_ours(package: str) -> None:
    """No HTTP, no JSON library, nothing: what these layers need is given to them."""
    found = {module: third_party(tree) for module, tree in MODULES.items() if layer(module) == package}
    assert {module: names for module, names in found.items() if names} == {}


def test_the_judge_knows_a_url_and_a_document() -> None:
    found = {
        each for module, tree in MODULES.items() if layer(module) == "conform" for each in ours(imports(tree))
    }
    assert {layer(each) for each in found} <= {"conform", "contract", "reports"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_slow_packages_are_imported_where_they_are_needed(module: str) -> None:
    at_import = [node for node in MODULES[module].body if not isinstance(node, ast.FunctionDef)]
    assert third_party(ast.Module(at_import, [])) & LAZY == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(MODULES[module]), f"{module} begins without a docstring"


# --- no state at module level ----------------------------------------------------------------------

MUTATORS = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault",
    "sort", "update",
}  # fmt: skip


def changed_globals(tree: ast.Module) -> set[str]:
    """The names at module level that a function of the module changes, in any way that Python has."""
    named = {
        each.id
        for statement in tree.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        for each in ast.walk(statement)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    changed: set[str] = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            own = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
            own |= {
                each.id
                for each in ast.walk(function)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
            own -= {
                name for each in ast.walk(function) if isinstance(each, ast.Global) for name in each.names
            }
            changed |= {each for each in _changed(function) if each in named - own}
    return changed


def _changed(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            yield from node.names
        targets: list[ast.AST] = []
        if isinstance(node, (ast.Assign, ast.Delete)):
            targets = list(node.targets)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func] if node.func.attr in MUTATORS else []
        for target in targets:
            while isinstance(target, (ast.Subscript, ast.Attribute)):
                target = target.value
                if isinstance(target, ast.Name):
                    yield target.id


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_state_at_module_level(module: str) -> None:
    """A name at module level is a function, a class, a type or a constant that nothing changes."""
    assert changed_globals(MODULES[module]) == set()


# --- the checks themselves -------------------------------------------------------------------------


def test_the_rules_can_fail() -> None:
    listed = layers("```layers\ncli plugin\nengine\nhandlers            judge\ncontract\nstate\n```")
    assert may_import("cli", "judge", listed)
    assert may_import("engine", "state", listed)
    assert may_import("judge", "contract", listed)
    assert not may_import("engine", "judge", listed)
    assert not may_import("judge", "handlers", listed)
    assert not may_import("state", "contract", listed)
    assert not may_import("cli", "plugin", listed)
    source = ast.parse("def f():\n    from flowise_mock.engine.app import create_app")
    assert upward("state.store", source, LAYERS) == ["engine.app"]
    one, other = (ast.parse(f"import flowise_mock.state.{each}") for each in ("store", "clock"))
    assert circle({"state.clock": one, "state.store": other})


@pytest.mark.parametrize(
    "body",
    [
        "HELD[key] = 1",
        "HELD.setdefault(key, 1)",
        "HELD.update({key: 1})",
        "del HELD[key]",
        "global HELD\n    HELD = {}",
        "HELD[key].inner.append(1)",
        "HELD[key] += 1",
    ],
)
def test_a_dict_that_a_function_writes_is_state(body: str) -> None:
    assert changed_globals(ast.parse(f"HELD = {{}}\ndef f(key):\n    {body}\n")) == {"HELD"}


@pytest.mark.parametrize("body", ["return HELD[key]", "HELD = {}\n    HELD[key] = 1", "key.append(HELD)"])
def test_a_dict_that_a_function_reads_is_none(body: str) -> None:
    assert changed_globals(ast.parse(f"HELD = {{}}\ndef f(key):\n    {body}\n")) == set()
