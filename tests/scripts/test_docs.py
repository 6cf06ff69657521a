"""What docs/scripts.md shows: the bundled scripts, and what a server answers by them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import Running
from docs.test_readme import filled, plain
from flowise_mock.contract import contracts
from flowise_mock.scripts import reading, templates
from flowise_mock.scripts.question import WORDS
from flowise_mock.server import build
from flowise_mock.server.build import Options
from scripts.scripted import SUPPORT, Bot

pytestmark = pytest.mark.server

DOCS = contracts.root() / "docs" / "scripts.md"


def test_the_docs_print_what_the_server_answers() -> None:
    scripts = [reading.found("support-bot"), reading.found("refund-desk")]
    running = Running(build.build(Options(scripts=scripts, token_delay=0)))
    try:
        text = DOCS.read_text()
        assert plain(filled(text, running.url)) == plain(text)
    finally:
        running.stop()


@pytest.mark.parametrize("name", ["support-bot", "refund-desk"])
def test_the_docs_show_the_bundled_scripts(name: str) -> None:
    assert set(reading.bundled()) == {"support-bot", "refund-desk"}
    assert f"```yaml\n{reading.found(name).read_text()}```" in DOCS.read_text()


def test_everything_that_a_script_can_have_is_in_the_docs() -> None:
    named = set(re.findall(r"`(\w+)[`:]", DOCS.read_text()))
    parts = reading.schema()["$defs"]
    for part in ("rule", "match", "answer", "timing"):
        assert set(parts[part]["properties"]) - named == set()
    assert {*WORDS, "groups"} - named == set()
    assert set(templates._filters()) - named == set()


def test_the_script_in_the_readme_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (contracts.root() / "README.md").read_text(), re.DOTALL)
    bot = Bot(tmp_path, block)
    assert bot.ask(SUPPORT, question="a refund", chatId="c")["text"] == "Within 30 days, dear customer."
    assert bot.ask(SUPPORT, question="a refund", chatId="c")["text"] == "I said within 30 days."
