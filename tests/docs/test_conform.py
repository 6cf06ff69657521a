"""The page of the judge lists its checks and its options as the program has them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from flowise_mock.cli import conform
from flowise_mock.conform.checks import CHECKS

OPTION = r"--[a-z][a-z-]+"
PAGE = (Path(__file__).parents[2] / "docs" / "conform.md").read_text()


def test_the_page_lists_the_checks() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.partition("## The checks")[2], re.MULTILINE)
    assert dict(rows) == CHECKS


def test_the_page_names_only_options_that_there_are() -> None:
    parser = argparse.ArgumentParser()
    conform.add(parser.add_subparsers())
    known = set(re.findall(OPTION, parser._subparsers._group_actions[0].choices["conform"].format_help()))  # type: ignore[union-attr, index]
    matrix, schemathesis, pytest = (
        {"--md", "--html"},
        {"--include-tag", "--exclude-checks"},
        {"--flowise-url", "--flowise-contract"},
    )
    assert set(re.findall(OPTION, PAGE)) <= known | matrix | schemathesis | pytest
