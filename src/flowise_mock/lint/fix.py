"""What can be mended safely, as an OpenAPI Overlay: the document itself is never written."""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flowise_mock.contract.overlay import apply
from flowise_mock.lint.findings import Finding


def overlay(findings: list[Finding], file: Path, at: Path | None = None) -> dict[str, Any]:
    """The overlay for a file: what adds first, then what removes, from the end, so that indexes hold."""
    actions = list(_actions(findings))
    extends = os.path.relpath(file, at.parent if at else Path())
    return {
        "overlay": "1.0.0",
        "info": {"title": f"Mends of {file.name}", "version": "1.0.0"},
        "extends": Path(extends).as_posix(),
        "actions": [
            *(each for each in actions if "remove" not in each),
            *reversed([each for each in actions if "remove" in each]),
        ],
    }


def _actions(findings: list[Finding]) -> Iterator[dict[str, Any]]:
    seen: list[Any] = []
    for each in findings:
        if each.fix and dict(each.fix) not in seen:
            seen.append(dict(each.fix))
            told = f"{each.rule}: {each.message}"
            yield {"target": each.fix["target"], "description": told, **each.fix}


def written(made: dict[str, Any]) -> str:
    """An overlay as YAML."""
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)


def mended(value: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """A document with an overlay laid over it."""
    result = copy.deepcopy(value)
    for action in made["actions"]:
        apply(result, action)
    return result


def difference(value: dict[str, Any], made: dict[str, Any], name: str) -> Iterator[str]:
    """What the overlay changes, as a unified diff of the document in one form."""
    before, after = (
        yaml.safe_dump(each, sort_keys=False, allow_unicode=True, width=100).splitlines()
        for each in (value, mended(value, made))
    )
    yield from difflib.unified_diff(before, after, name, f"{name} mended", lineterm="")
