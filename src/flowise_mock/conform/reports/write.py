"""Writes the reports of a run, each to its file or to the terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flowise_mock.conform.contract import Contract
from flowise_mock.conform.reports import terminal

Run = dict[str, Any]


def write(run: Run, wanted: list[tuple[str, str]], contract: Contract, verbose: bool = False) -> None:
    """Each report; the terminal's is always shown, and GitHub's in GitHub Actions."""
    print(terminal.text(run, verbose))  # noqa: T201 - the report of the command
    for name, file in wanted:
        if name in MAKERS:
            text = MAKERS[name](run, contract, Path(file).parent if file else None)
            if file:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                Path(file).write_text(text)
            else:
                print(text)  # noqa: T201 - a report without a file goes to the terminal
    if os.environ.get("GITHUB_ACTIONS") == "true" and not any(name == "github" for name, _ in wanted):
        print(_github(run, contract, None))  # noqa: T201 - GitHub reads annotations from the output


def _json(run: Run, contract: Contract, folder: Path | None) -> str:
    return json.dumps(run, indent=1, ensure_ascii=False) + "\n"


def _html(run: Run, contract: Contract, folder: Path | None) -> str:
    from flowise_mock.conform.reports import html

    return html.page(run)


def _junit(run: Run, contract: Contract, folder: Path | None) -> str:
    from flowise_mock.conform.reports import junit

    return junit.text(run)


def _sarif(run: Run, contract: Contract, folder: Path | None) -> str:
    """SARIF needs lines of files: if the repository has none, the contract is written beside it."""
    from flowise_mock.conform.reports import sarif
    from flowise_mock.conform.reports.locations import Locations

    return sarif.text(run, Locations(run, contract, folder))


def _markdown(run: Run, contract: Contract, folder: Path | None) -> str:
    from flowise_mock.conform.reports import markdown

    return markdown.text(run)


def _github(run: Run, contract: Contract, folder: Path | None) -> str:
    from flowise_mock.conform.reports import github
    from flowise_mock.conform.reports.locations import Locations

    return github.text(run, Locations(run, contract))


MAKERS = {
    "json": _json, "html": _html, "junit": _junit, "sarif": _sarif, "md": _markdown, "github": _github,
}  # fmt: skip
