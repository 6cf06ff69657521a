"""Runs the judge against a server of the tests."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from conform.right import KEY, PATHS, contract
from flowise_mock.conform import contract as contracts
from flowise_mock.conform import options as settings
from flowise_mock.conform import run as runs
from flowise_mock.conform.contract import Contract

FAST = ("walks", "probes")


def judge(
    url: str, folder: Path, *, phases: tuple[str, ...] = FAST, paths: tuple[str, ...] = PATHS, **more: Any
) -> runs.Run:
    """A run against the cut-down contract."""
    options = settings.Options(
        url=url, contract=cut_down(paths), key=KEY, phases=phases, ledger=folder / "ledger.jsonl"
    )
    options.seconds = 2.0
    for name, value in more.items():
        setattr(options, name, value)
    return runs.run(options)


@cache
def cut_down(paths: tuple[str, ...]) -> Contract:
    """The contract of some paths, read once from a file of its own, which reports name."""
    folder = Path(tempfile.mkdtemp(prefix="contract-"))
    file = folder / "contract.json"
    file.write_text(json.dumps(contract(paths)))
    return contracts.load("documented", file=file)


def found(run: runs.Run) -> set[tuple[str, str]]:
    return {(each["operation"], each["check"]) for each in run["new"]}


def causes(run: runs.Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run["causes"]
    return found


def summary(run: runs.Run) -> str:
    return "\n".join(
        f"{e['operation']} {e['check']}: {e['what']} | {e['expected']} | {e['got'][:200]}" for e in run["new"]
    )
