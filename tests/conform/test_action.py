"""The action and the example workflows: their shell steps run here as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from conform.right import KEY, Served, World, build, contract
from conform.test_broken import answer, status

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
STEPS: dict[str, dict[str, Any]] = {
    step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]
}


def evaluated(text: str, inputs: dict[str, str], github: dict[str, str]) -> str:
    """An expression of an action, as far as these use any."""
    known = {f"inputs.{name}": value for name, value in inputs.items()}
    known |= {f"github.{name}": value for name, value in github.items()}
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: known[found[1]], text)


def run(
    name: str, folder: Path, github: dict[str, str] | None = None, **given: str
) -> subprocess.CompletedProcess[str]:
    """Run a shell step: `bash -e -o pipefail`, its environment, the files of a runner."""
    step = STEPS[name]
    defaults = {key: str(each.get("default", "")) for key, each in ACTION["inputs"].items()}
    inputs = defaults | {key.replace("_", "-"): value for key, value in given.items()}
    environment = {key: evaluated(value, inputs, github or {}) for key, value in step.get("env", {}).items()}
    runner = {
        "RUNNER_TEMP": str(folder / "temp"), "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"), "GITHUB_ACTIONS": "true",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, **runner, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository on a runner that has installed the action."""
    installed = tmp_path / "temp" / "flowise-mock" / "bin"
    installed.mkdir(parents=True)
    (installed / "flowise-mock").write_text(f'#!/bin/sh\nexec {sys.executable} -m flowise_mock "$@"\n')
    (installed / "flowise-mock").chmod(0o755)
    (tmp_path / "api.json").write_text(json.dumps(contract(), indent=1))
    return tmp_path


ARGUMENTS = "--phases 'walks,probes'"


def output(folder: Path) -> dict[str, str]:
    lines = (folder / "output").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def judged(repository: Path, app: Flask, **given: str) -> subprocess.CompletedProcess[str]:
    with Served(app) as served:
        more = {"arguments": ARGUMENTS, "api_key": KEY, "document": "api.json", **given}
        return run("Judge", repository, {}, url=served.url, **more)


def test_a_server_that_conforms(repository: Path) -> None:
    done = judged(repository, build(World()))
    assert done.returncode == 0, done.stderr
    assert output(repository) == {"verdict": "conforms", "report": "true"}
    assert "conforms (22 of 22 operations)" in (repository / "summary").read_text()


def test_a_server_that_deviates(repository: Path) -> None:
    """Each location of the SARIF is a line of a file in the repository."""
    app = build(World())
    answer("createTool", status(201))(World(), app)
    done = judged(repository, app)
    assert done.returncode == 1
    assert output(repository)["verdict"] == "deviates"
    assert "::error file=api.json,line=" in done.stdout
    log = json.loads((repository / "conform-report" / "report.sarif").read_text())
    places = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
    assert places
    for place in places:
        lines = (repository / place["artifactLocation"]["uri"]).read_text().splitlines()
        assert 1 <= place["region"]["startLine"] <= len(lines)
    assert (repository / "conform-report" / "report.html").exists()


def test_a_server_that_is_not_there(repository: Path) -> None:
    done = run("Judge", repository, url="http://127.0.0.1:9", arguments=ARGUMENTS)
    assert done.returncode == 2
    assert output(repository) == {"verdict": "unusable"}
    assert "no server" in done.stderr


def test_a_comment(repository: Path) -> None:
    """The last comment is edited; if there is none, one is made; without permission the job goes on."""
    calls = repository / "calls"
    (repository / "bin").mkdir()
    gh = repository / "bin" / "gh"
    step = "Comment the summary"
    github = {"event.pull_request.number": "7", "repository": "me/mine"}
    for fails_on, number in (("nothing", 1), ("--edit-last", 2), ("comment", 2)):
        gh.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ncase "$*" in *{fails_on}*) exit 1;; esac\n')
        gh.chmod(0o755)
        done = run(step, repository, github, token="t")
        assert done.returncode == 0
        assert len(calls.read_text().splitlines()) == number
        assert ("::warning::" in done.stdout) == (fails_on == "comment")
        calls.unlink()


def test_the_action_installs_its_own_checkout() -> None:
    step = STEPS["Install flowise-mock as this action's ref has it"]
    assert step["env"] == {"ACTION": "${{ github.action_path }}"}
    assert '--constraint "$ACTION/requirements.txt" "$ACTION[conform]"' in step["run"]


@pytest.mark.slow
def test_the_install_step(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    step = "Install flowise-mock as this action's ref has it"
    done = run(step, tmp_path, {"action_path": str(ROOT)})
    assert done.returncode == 0, done.stderr
    command = [str(tmp_path / "temp" / "flowise-mock" / "bin" / "flowise-mock"), "conform", "--help"]
    assert (
        "judge a server" in subprocess.run(command, capture_output=True, text=True, check=True).stdout.lower()
    )


def test_each_input_of_the_examples_is_one_of_the_action() -> None:
    judging = [file for file in WORKFLOWS if file.name.startswith("conform-")]
    assert len(judging) == 2
    for file in judging:
        (job,) = yaml.safe_load(file.read_text())["jobs"].values()
        used = [step for step in job["steps"] if step.get("uses", "").startswith("flowise-mock/")]
        assert [set(step["with"]) <= set(ACTION["inputs"]) for step in used] == [True]


@pytest.mark.parametrize("file", [ROOT / "action.yml", *WORKFLOWS], ids=lambda file: file.name)
def test_shell_steps_are_shell(file: Path) -> None:
    held = yaml.safe_load(file.read_text())
    jobs = held.get("jobs", {}).values()
    steps = held["runs"]["steps"] if "runs" in held else [step for job in jobs for step in job["steps"]]
    for step in (step for step in steps if "run" in step):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        done = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
