"""Each import of the source has a declared dependency, and each dependency an import."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import flowise_mock

SOURCE = Path(flowise_mock.__file__).parent
PROJECT = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())["project"]


def declared() -> set[str]:
    """The names of the distributions that the project depends on, those of its extras among them."""
    extras = PROJECT["optional-dependencies"]
    lines = [
        *PROJECT["dependencies"],
        *(line for name, each in extras.items() if name != "dev" for line in each),
    ]
    return {_normal(re.split(r"[\[<>=;~! ]", line)[0]) for line in lines} - {PROJECT["name"]}


def imported() -> set[str]:
    """The names of the distributions whose packages the source imports."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).split(".")[0])
    owners = packages_distributions()
    third_party = found - sys.stdlib_module_names - {"flowise_mock"}
    return {_normal(owners[name][0]) for name in third_party}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_each_import_has_a_declared_dependency() -> None:
    carried = {"swagger-ui-bundle": "connexion"}  # by connexion's extra swagger-ui
    assert {carried.get(name, name) for name in imported()} - declared() == set()


def test_each_dependency_has_an_import() -> None:
    chosen = {"uvloop": "uvicorn"}  # by uvicorn, if it is there
    assert declared() - imported() == set(chosen)
