"""Pages of the reference that the source gives: commands, the Python API, the words of scripts.

`make docs` writes them; test_reference.py compares them.
"""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flowise_mock import cli, testing
from flowise_mock.scripts import reading
from flowise_mock.testing import fixtures
from flowise_mock.testing.clock import Clock

DOCS = Path(__file__).parents[2] / "docs"
WIDTH = 76
"""Characters of a line that a page shows without scrolling."""


def commands() -> str:
    """The help of each command."""
    (found,) = (each for each in cli.parser()._actions if isinstance(each, argparse._SubParsersAction))
    with patch.dict(os.environ, COLUMNS=str(WIDTH)):
        parts = [f"## {name}\n```text\n{each.format_help()}```\n" for name, each in found.choices.items()]
    return "# The command\nThe output of `flowise-mock COMMAND --help`.\n\n" + "\n".join(parts)


def python() -> str:
    """The names that `flowise_mock.testing` exports, and the fixtures, with their docstrings."""
    parts = [_documented(name, getattr(testing, name)) for name in testing.__all__]
    named = [(name, each) for name, each in vars(fixtures).items() if hasattr(each, "_fixture_function")]
    shown = [f"## Fixture {name}\n{inspect.getdoc(each._fixture_function)}\n" for name, each in named]
    head = "# flowise_mock.testing\n[Test with pytest](testing.md) shows how these are used.\n\n"
    return head + "\n".join([*parts, _documented("Clock", Clock), *shown])


def _documented(name: str, found: Any) -> str:
    if not inspect.isclass(found):
        return f"## {name}\n{_signature(name, found)}{_doc(found)}"
    init = found.__init__ if "__init__" in vars(found) else found
    head = f"## {name}\n"
    if not issubclass(found, Exception):
        head += _signature(name, init)
    return head + _doc(found) + "".join(_members(found))


def _members(found: type) -> Iterator[str]:
    for name, each in vars(found).items():
        if name.startswith("_") or not (
            inspect.isfunction(each) or isinstance(each, (classmethod, property))
        ):
            continue
        doc = _doc(each)
        if isinstance(each, property):
            yield f"\n### {name}\n{doc}"
        else:
            function = each.__func__ if isinstance(each, classmethod) else each
            yield f"\n### {name}\n{_signature(name, function)}{doc}"


def _signature(name: str, function: Any) -> str:
    """A call as the source has it, without `self`; a line for each parameter if it is long."""
    found = inspect.signature(function)
    shown = list(
        _parameters([each for each in found.parameters.values() if each.name not in ("self", "cls")])
    )
    returns = f" -> {found.return_annotation}" if name[0].islower() else ""
    line = f"{name}({', '.join(shown)}){returns}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){returns}"
    return f"```text\n{line}\n```\n"


def _parameters(found: list[inspect.Parameter]) -> Iterator[str]:
    """The parameters as written, with `/` after the positional ones and `*` before those by keyword."""
    kinds = [each.kind for each in found]
    for number, each in enumerate(found):
        if each.kind is each.KEYWORD_ONLY and not {each.KEYWORD_ONLY, each.VAR_POSITIONAL} & {
            *kinds[:number]
        }:
            yield "*"
        stars = "*" if each.kind is each.VAR_POSITIONAL else "**" if each.kind is each.VAR_KEYWORD else ""
        default = "" if each.default is each.empty else f" = {each.default!r}"
        yield f"{stars}{each.name}: {each.annotation}{default}"
        if each.kind is each.POSITIONAL_ONLY and each.POSITIONAL_ONLY not in kinds[number + 1 :]:
            yield "/"


def _doc(found: Any) -> str:
    text = inspect.getdoc(found) or ""
    return text.replace("\n    ", "\n        ") + "\n"


def scripts() -> str:
    """The words of scripts, by the part of a script that they belong to."""
    schema = reading.schema()
    parts = {"script": schema, **schema["$defs"]}
    head = (
        "# Words of scripts\nFrom the JSON Schema that `flowise-mock script --schema` prints. "
        "[Script the answers](scripts.md) shows how they are used.\n\n"
    )
    shown = (_part(name, each, parts) for name, each in parts.items() if "properties" in each)
    return head + "\n".join(shown)


def _part(name: str, part: dict[str, Any], parts: dict[str, Any]) -> str:
    rows = "".join(_rows(part["properties"], parts, ""))
    return (
        f"## {name}\n{part.get('description', '')}\n\n| word | value | what it says |\n|---|---|---|\n{rows}"
    )


def _rows(properties: dict[str, Any], parts: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, each in properties.items():
        part = each.get("$ref", "any").rpartition("/")[2]
        kind = each.get("type", part)
        kind = " or ".join(kind) if isinstance(kind, list) else kind
        if "enum" in each:
            kind = ", ".join(f"`{value}`" for value in each["enum"])
        description = str(each.get("description") or parts.get(part, {}).get("description", "")).replace(
            "|", "\\|"
        )
        yield f"| `{prefix}{name}` | {kind} | {description} |\n"
        yield from _rows(each.get("properties", {}), parts, f"{prefix}{name}.")


PAGES = {
    "reference-commands.md": commands,
    "reference-testing.md": python,
    "reference-scripts.md": scripts,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
