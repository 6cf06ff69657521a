"""Measures how resilient three clients are. `make client-resilience` writes the table into docs/testing.md."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowise import Flowise, PredictionData

from flowise_mock.testing import FlowiseMock, Report, check_resilience
from testing.test_resilience import FLOW, careful

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "testing.md"
HANG = 3.0
HEAD = re.compile(r"(\| finding \|.*\n\|---.*\n)(?:\|.*\n|TABLE\n)*")


def pypi(mock: FlowiseMock) -> Any:
    data = PredictionData(chatflowId=FLOW, question="hi", streaming=True)
    return list(Flowise(mock.url, mock.api_key).create_prediction(data))


def npm(mock: FlowiseMock) -> None:
    command = ["node", "resilience.mjs", mock.url, mock.api_key]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True, timeout=HANG * 3)


CLIENTS: tuple[Callable[[FlowiseMock], Any], ...] = (pypi, npm, careful)
WORDS = {True: "yes", False: "**no**", None: "-"}


def rows(reports: list[Report]) -> str:
    """A row for each finding."""
    lines = []
    for finding in reports[0].findings:
        cells = " | ".join(WORDS[report[finding.name].passed] for report in reports)
        lines.append(f"| `{finding.name}` | {finding.question} | {cells} |\n")
    return "".join(lines)


def measured() -> str:
    """The page with the table as it is now."""
    table = rows([check_resilience(client, hang=HANG) for client in CLIENTS])
    return HEAD.sub(lambda head: head[1] + table, DOCS.read_text())


if __name__ == "__main__":
    page = measured()
    DOCS.write_text(page)
    sys.stdout.writelines(found[0] for found in HEAD.finditer(page))
