"""The table of operations in docs/control.md. `make docs` writes it; test_document.py compares it."""

from __future__ import annotations

import re
from pathlib import Path

from flowise_mock.contract.document import operations
from flowise_mock.control import app

PAGE = Path(__file__).parents[2] / "docs" / "control.md"
_TABLE = re.compile(r"(## Operations\n)(?:OPERATIONS\n|(?:\|.*\n)*)")


def page() -> str:
    """The page with the operations of the document."""
    rows = [
        f"| `{each.method.upper()} {each.path}` | `{each.id}` | {each.definition['summary']} |\n"
        for each in operations(app.load())
    ]
    table = "| operation | id | what it does |\n|---|---|---|\n" + "".join(rows)
    return _TABLE.sub(lambda found: found[1] + table, PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(page())
