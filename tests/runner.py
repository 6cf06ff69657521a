"""Runs the shell steps of an action as a runner of GitHub runs them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

Action = dict[str, Any]


def steps(action: Action) -> dict[str, dict[str, Any]]:
    """The steps by name, or by the action that they use."""
    return {step.get("name", step.get("uses")): step for step in action["runs"]["steps"]}


def evaluated(text: str, known: dict[str, str]) -> str:
    """An expression of an action, as far as these use any."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: known[found[1]], text)


def run(
    action: Action, name: str, folder: Path, contexts: dict[str, str] | None = None, **given: str
) -> subprocess.CompletedProcess[str]:
    """Run a step: `bash -e -o pipefail`, its environment, the files of a runner.

    `contexts` are values such as `github.action_path`; `given` are inputs of the action.
    """
    step = steps(action)[name]
    defaults = {key: str(each.get("default", "")) for key, each in action["inputs"].items()}
    inputs = defaults | {key.replace("_", "-"): value for key, value in given.items()}
    known = {f"inputs.{name}": value for name, value in inputs.items()} | (contexts or {})
    environment = {key: evaluated(value, known) for key, value in step.get("env", {}).items()}
    runner = {
        "RUNNER_TEMP": str(folder / "temp"), "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"), "GITHUB_ACTIONS": "true",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, **runner, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def output(folder: Path) -> dict[str, str]:
    """The outputs of the steps that ran."""
    return dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
