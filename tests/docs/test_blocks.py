"""Every block of code in the documentation is run by a test, or says above it why it is not.

`<!-- not run: REASON -->` in the line above a block is the reason; a browser does not show it. `text` is a figure
or an output, and no code.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import yaml

from conftest import Running
from docs.reference import PAGES
from flowise_mock import cli
from flowise_mock.conform import baseline
from flowise_mock.lint import settings
from flowise_mock.lint.run import lint

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<above>.*)\n```(?P<language>\w*).*\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
RUN = {
    "README.md": {
        "python": "docs.test_readme.test_the_example_of_the_readme",
        "console": "docs.test_readme.test_the_page_has_the_real_outputs",
        "yaml": "docs.test_blocks.test_the_rules",
    },
    "docs/changes.md": {"console": "docs.test_blocks.test_what_breaks"},
    "docs/ci.md": {"console": "docs.test_blocks.test_the_commands_of_ci"},
    "docs/conform.md": {"yaml": "docs.test_blocks.test_the_baseline"},
    "docs/control.md": {"console": "docs.test_readme.test_the_page_has_the_real_outputs"},
    "docs/faults.md": {"yaml": "docs.test_blocks.test_the_rules"},
    "docs/lint.md": {
        "toml": "docs.test_blocks.test_the_settings_and_the_rule_of_the_linter",
        "python": "docs.test_blocks.test_the_settings_and_the_rule_of_the_linter",
    },
    "docs/overlays.md": {"yaml": "contract.test_vocabulary.test_every_example_is_right"},
    "docs/scripts.md": {
        "yaml": "docs.test_blocks.test_the_rules",
        "console": "scripts.test_docs.test_the_docs_have_the_real_outputs",
    },
    "docs/seeds.md": {
        "python": "docs.test_site.test_the_example_of_seeds",
        "console": "docs.test_blocks.test_a_state_is_saved",
    },
    "docs/serving.md": {
        "console": "docs.test_readme.test_the_page_has_the_real_outputs",
        "python": "docs.test_readme.test_the_python_of_the_page_runs",
    },
    "docs/testing.md": {
        "python": "docs.test_testing.test_the_examples_pass",
        "ini": "docs.test_testing.test_the_examples_pass",
        "console": "docs.test_testing.test_the_commands",
    },
    "docs/testing-node.md": {
        "js": "clients.test_node.test_the_examples_of_the_page",
        "sh": "clients.test_node.test_the_examples_of_the_page",
    },
    "docs/tutorial.md": {
        "python": "docs.test_site.test_the_tutorial",
        "console": "docs.test_site.test_what_the_tutorial_says_of_a_failure",
    },
}
"""The test that runs the blocks of a language on a page."""


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str
    reason: str
    """Why it is not run; empty if it is."""


def blocks() -> list[Block]:
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        ROOT / "deploy/README.md",
        ROOT / "clients/node/README.md",
    ]
    return [block for page in sorted(pages) if page.name not in PAGES for block in blocks_of(page)]


def blocks_of(page: Path) -> list[Block]:
    text, name = page.read_text(), str(page.relative_to(ROOT))
    return [
        Block(
            name, text.count("\n", 0, found.start("language")) + 1, found["language"], found["text"],
            "".join(re.findall(r"^<!-- not run: (.+) -->$", found["above"])),
        )
        for found in FENCE.finditer(text)
    ]  # fmt: skip


def texts(page: str, language: str) -> list[str]:
    return [
        each.text for each in blocks() if each.page == page and each.language == language and not each.reason
    ]


def test_every_block_is_run_or_says_why_not() -> None:
    found = [each for each in blocks() if each.language not in ("text", "layers") and not each.reason]
    assert len(found) > 60
    unknown = [f"{each.page}:{each.line}" for each in found if each.language not in RUN.get(each.page, {})]
    assert unknown == []


def test_the_tests_that_are_named_are_there() -> None:
    for page, languages in RUN.items():
        for language, name in languages.items():
            module, _, test = name.rpartition(".")
            assert callable(getattr(import_module(module), test)), name
            assert texts(page, language), f"{page} has no block of {language}"


def commands() -> list[str]:
    """The lines of all blocks that call flowise-mock, without what a shell does with the output."""
    joined = (each.text.replace("\\\n", " ") for each in blocks())
    lines = (line.removeprefix("$ ") for text in joined for line in text.splitlines())
    found = (re.search(r"(?:^|\| )(flowise-mock [^#&>]*)", line) for line in lines)
    return [re.split(r" {3,}", each[1])[0] for each in found if each]


def test_every_command_is_one_that_the_program_takes() -> None:
    found = commands()
    assert len(found) > 25
    for command in found:
        cli.parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("page", ["README.md", "docs/faults.md", "docs/scripts.md"])
def test_the_rules(page: str, tmp_path: Path) -> None:
    for text in texts(page, "yaml"):
        file = tmp_path / "rules.yaml"
        whole = text if "rules:" in text else f"{text}rules: [answer: Hello]\n"
        file.write_text(whole)
        assert cli.main(["script", str(file)]) == 0


def test_the_baseline(tmp_path: Path) -> None:
    (text,) = texts("docs/conform.md", "yaml")
    file = tmp_path / "known.yaml"
    file.write_text(text)
    assert len(baseline.load(file, "documented")) == len(yaml.safe_load(text)["known"])


def test_the_settings_and_the_rule_of_the_linter(tmp_path: Path) -> None:
    (toml,) = texts("docs/lint.md", "toml")
    (rules,) = texts("docs/lint.md", "python")
    (tmp_path / ".flowise-mock.toml").write_text(toml)
    (tmp_path / "base.toml").write_text("[lint]\n")
    (tmp_path / "rules.py").write_text(rules)
    document = tmp_path / "openapi.yaml"
    document.write_text("openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {/getUser: {}}\n")
    found = lint([document], settings.load(folder=tmp_path))
    assert [each.message for each in found if each.rule == "no-verbs"] == ["/getUser is a verb"]


def test_a_state_is_saved(tmp_path: Path, fresh_default: Running) -> None:
    (text,) = texts("docs/seeds.md", "console")
    lines = [line.removeprefix("$ ") for line in text.replace(URL, fresh_default.url).splitlines()]
    for line in lines:
        done = subprocess.run(["sh", "-ec", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "error" not in done.stdout
    assert (tmp_path / "state.json").stat().st_size > 1000


@pytest.mark.parametrize("options", [[], ["--used", "app.har"]])
def test_what_breaks(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.har").write_text(json.dumps(HAR))
    assert any(each.split()[1:] == ["changes", "3.0.5", "3.1.4", *options] for each in commands())
    assert cli.main(["changes", "3.0.5", "3.1.4", *options]) == 1


def test_the_commands_of_ci(tmp_path: Path, fresh_default: Running) -> None:
    """Except the start of the server; no upgrade breaks what was requested."""
    httpx.get(f"{fresh_default.url}/api/v1/ping")
    lines = [line.removeprefix("$ ") for text in texts("docs/ci.md", "console") for line in text.splitlines()]
    assert lines.pop(0) == "flowise-mock serve --port 3000 &"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = "\n".join(lines).replace(URL, fresh_default.url)
    subprocess.run(["sh", "-euc", program], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    assert json.loads((tmp_path / "app.har").read_text())["log"]["entries"] != []


def test_the_page_shows_what_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output of `changes --used` in docs/changes.md; each answer is cut there."""
    file = tmp_path / "app.har"
    file.write_text(json.dumps(HAR))
    cli.main(["changes", "3.0.5", "3.1.4", "--used", str(file)])
    printed = capsys.readouterr().out
    page = (ROOT / "docs" / "changes.md").read_text()
    (shown,) = re.findall(r"```text\n(GET /leads.*?)```", page, re.DOTALL)
    for line in shown.splitlines():
        assert re.sub(r" *# request \d+", "", line.partition(" ...")[0]).strip() in printed, printed


URL = "http://127.0.0.1:3000"
LEADS = f"{URL}/api/v1/leads/d290f1ee-6c54-4b01-90e6-d701748f0851"
KEY_HEADER = {"name": "Authorization", "value": "Bearer flowise-mock"}
HAR = {
    "log": {
        "version": "1.2",
        "creator": {"name": "a browser", "version": "1"},
        "entries": [
            {
                "request": {"method": "GET", "url": LEADS, "headers": [KEY_HEADER], "queryString": []},
                "response": {
                    "status": 200,
                    "headers": [],
                    "content": {"size": 2, "mimeType": "application/json", "text": "[]"},
                },
            }
        ],
    }
}
