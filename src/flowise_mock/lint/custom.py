"""Rules of a project: a Python file, or the entry point of an installed package, with a tuple RULES."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from flowise_mock.lint.findings import SEVERITIES
from flowise_mock.lint.rules import BY_NAME, Rule

GROUP = "flowise_mock.lint"


class RulesError(Exception):
    """Rules cannot be used; the message says why."""


def from_file(path: Path) -> tuple[Rule, ...]:
    """The rules of a Python file. It is executed. Raises RulesError."""
    found = spec_from_file_location(f"lint_rules_{path.stem}", path)
    if found is None or found.loader is None or not path.is_file():
        raise RulesError("is not a Python file that exists")
    module = module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise RulesError(f"cannot be executed: {type(error).__name__}: {error}") from None
    return _checked(getattr(module, "RULES", None))


def installed(name: str) -> tuple[Rule, ...]:
    """The rules of an installed package, by the name of its entry point. Raises RulesError."""
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    if found is None:
        raise RulesError(f"is neither a .toml or .py file nor an installed entry point of the group {GROUP}")
    try:
        loaded = found.load()
    except Exception as error:
        raise RulesError(f"cannot be loaded: {type(error).__name__}: {error}") from None
    return _checked(getattr(loaded, "RULES", loaded))


def _checked(rules: Any) -> tuple[Rule, ...]:
    if not isinstance(rules, list | tuple) or not all(isinstance(each, Rule) for each in rules):
        raise RulesError("has no RULES, a tuple of flowise_mock.lint.Rule")
    for each in rules:
        if each.name in BY_NAME:
            raise RulesError(f"{each.name} is the name of a built-in rule; choose another")
        if each.severity not in SEVERITIES or not callable(each.find):
            raise RulesError(
                f"{each.name} needs a severity ({', '.join(SEVERITIES)}) and a generator function"
            )
    return tuple(rules)
