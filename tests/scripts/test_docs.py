"""docs/scripts.md shows the bundled scripts, their real answers, and every key and variable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import Running
from docs.test_readme import plain, with_outputs
from flowise_mock.contract import contracts
from flowise_mock.scripts import reading, templates
from flowise_mock.scripts.question import VARIABLES
from flowise_mock.server import build
from flowise_mock.server.build import Options
from scripts.scripted import SUPPORT, Bot

pytestmark = pytest.mark.server

DOCS = contracts.root() / "docs" / "scripts.md"


def test_the_docs_have_the_real_outputs() -> None:
    scripts = [reading.find_script("support-bot"), reading.find_script("refund-desk")]
    running = Running(build.build(Options(scripts=scripts, token_delay=0)))
    try:
        text = DOCS.read_text()
        assert plain(with_outputs(text, running.url)) == plain(text)
    finally:
        running.stop()


@pytest.mark.parametrize("name", ["support-bot", "refund-desk"])
def test_the_docs_show_the_bundled_scripts(name: str) -> None:
    assert set(reading.bundled_scripts()) == {"support-bot", "refund-desk"}
    assert f"```yaml\n{reading.find_script(name).read_text()}```" in DOCS.read_text()


def test_the_docs_name_all_keys_variables_and_filters() -> None:
    named = set(re.findall(r"`(\w+)[`:]", DOCS.read_text()))
    parts = reading.schema()["$defs"]
    for part in ("rule", "match", "answer", "timing"):
        assert set(parts[part]["properties"]) - named == set()
    assert {*VARIABLES, "groups"} - named == set()
    assert set(templates._filters()) - named == set()


def test_the_script_in_the_readme_works(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (contracts.root() / "README.md").read_text(), re.DOTALL)
    bot = Bot(tmp_path, block)
    assert bot.predict(SUPPORT, question="a refund", chatId="c")["text"] == "Within 30 days, dear customer."
    assert bot.predict(SUPPORT, question="a refund", chatId="c")["text"] == "I said within 30 days."
