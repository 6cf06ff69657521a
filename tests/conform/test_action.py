"""The action and the example workflows: their shell steps run here as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from flask import Flask

from conform.right import KEY, Served, World, build, contract
from conform.test_broken import answer, status
from runner import output, run, steps

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
WORKFLOWS = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
START: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "actions" / "start" / "action.yml").read_text())
INSTALL = "Install flowise-mock as this action's ref has it"


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


def judged(repository: Path, app: Flask, **given: str) -> subprocess.CompletedProcess[str]:
    with Served(app) as served:
        more = {"arguments": ARGUMENTS, "api_key": KEY, "document": "api.json", **given}
        return run(ACTION, "Judge", repository, {}, url=served.url, **more)


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
    done = run(ACTION, "Judge", repository, url="http://127.0.0.1:9", arguments=ARGUMENTS)
    assert done.returncode == 2
    assert output(repository) == {"verdict": "unusable"}
    assert "no server" in done.stderr


def test_a_comment(repository: Path) -> None:
    """The last comment is edited; if there is none, one is made; without permission the job goes on."""
    calls = repository / "calls"
    (repository / "bin").mkdir()
    gh = repository / "bin" / "gh"
    step = "Comment the summary"
    github = {"github.event.pull_request.number": "7", "github.repository": "me/mine"}
    for fails_on, number in (("nothing", 1), ("--edit-last", 2), ("comment", 2)):
        gh.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ncase "$*" in *{fails_on}*) exit 1;; esac\n')
        gh.chmod(0o755)
        done = run(ACTION, step, repository, github, token="t")
        assert done.returncode == 0
        assert len(calls.read_text().splitlines()) == number
        assert ("::warning::" in done.stdout) == (fails_on == "comment")
        calls.unlink()


def test_the_action_installs_its_own_checkout() -> None:
    step = steps(ACTION)[INSTALL]
    assert step["env"] == {"ACTION": "${{ github.action_path }}"}
    assert '--constraint "$ACTION/requirements.txt" "$ACTION[conform]"' in step["run"]


@pytest.mark.slow
def test_the_install_step(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    done = run(ACTION, INSTALL, tmp_path, {"github.action_path": str(ROOT)})
    assert done.returncode == 0, done.stderr
    command = [
        str(tmp_path / "temp" / "flowise-mock" / "bin" / "flowise-mock"),
        "conform",
        "http://127.0.0.1:9",
    ]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 2
    assert "no server" in judged.stderr


@pytest.mark.slow
def test_the_install_step_of_the_action_that_starts_a_mock(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    path = ROOT / ".github" / "actions" / "start"
    known = {"github.action_path": str(path), "steps.python.outputs.python-path": sys.executable}
    done = run(START, INSTALL, tmp_path, known)
    assert done.returncode == 0, done.stderr
    command = [str(tmp_path / "temp" / "flowise-mock-start" / "bin" / "flowise-mock"), "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(
        "flowise-mock"
    )


ACTIONS = {"flowise-mock/flowise-mock": ACTION, "flowise-mock/flowise-mock/.github/actions/start": START}


def test_each_input_and_output_in_the_examples_is_one_of_the_action() -> None:
    used = 0
    for file in WORKFLOWS:
        (job,) = yaml.safe_load(file.read_text())["jobs"].values()
        for step in job["steps"]:
            action = ACTIONS.get(step.get("uses", "").partition("@")[0])
            if action:
                used += 1
                assert set(step["with"]) <= set(action["inputs"])
                named = re.findall(rf"steps\.{step.get('id')}\.outputs\.([\w-]+)", file.read_text())
                assert set(named) <= set(action["outputs"])
    assert used == 4


def test_a_mock_for_a_job(repository: Path) -> None:
    """The action starts it, and it goes on after the step."""
    (repository / "temp" / "flowise-mock").rename(repository / "temp" / "flowise-mock-start")
    (repository / "answers.yaml").write_text("rules: [{answer: From the repository}]\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    done = run(START, "Start", repository, port=port, contract="3.1.4", script="answers.yaml")
    assert done.returncode == 0, done.stdout
    made = output(repository)
    headers = {"Authorization": f"Bearer {START['outputs']['api-key']['value']}"}
    try:
        path = f"/api/v1/prediction/{FLOW}"
        ask = httpx.post(made["url"] + path, json={"question": "Hi"}, headers=headers)
        assert ask.json()["text"] == "From the repository"
    finally:
        os.kill(int(made["pid"]), signal.SIGTERM)


def test_a_mock_that_does_not_start(repository: Path) -> None:
    (repository / "temp" / "flowise-mock").rename(repository / "temp" / "flowise-mock-start")
    done = run(START, "Start", repository, script="missing.yaml")
    assert done.returncode == 1
    assert "missing.yaml" in done.stdout
    assert "::error::flowise-mock did not start" in done.stdout


@pytest.mark.parametrize(
    "file",
    [ROOT / "action.yml", ROOT / ".github/actions/start/action.yml", *WORKFLOWS],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_shell_steps_are_shell(file: Path) -> None:
    held = yaml.safe_load(file.read_text())
    jobs = held.get("jobs", {}).values()
    steps = held["runs"]["steps"] if "runs" in held else [step for job in jobs for step in job["steps"]]
    for step in (step for step in steps if "run" in step):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        done = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
