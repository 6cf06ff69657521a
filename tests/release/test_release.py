"""The changelog, and what a tag needs to be released."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release_check import RELEASE, ReleaseError, notes

ROOT = Path(__file__).parents[2]
PACKAGE = '__version__ = "0.2.0"\n'
LOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2027-01-31
### Added
- A thing.

## [0.1.0] - 2026-12-01
### Added
- All.
"""


def test_the_notes_of_a_release() -> None:
    assert notes("v0.2.0", PACKAGE, LOG) == "### Added\n- A thing."
    assert notes("v0.1.0", PACKAGE.replace("0.2", "0.1"), LOG) == "### Added\n- All."


@pytest.mark.parametrize(
    ("tag", "log", "reason"),
    [
        ("v0.3.0", LOG, "tag v0.2.0"),
        ("0.2.0", LOG, "tag v0.2.0"),
        ("v0.2.0", LOG.replace(" - 2027-01-31", ""), "no date"),
        ("v0.2.0", LOG.replace("0.2.0", "0.1.9"), "rename"),
    ],
)
def test_what_cannot_be_released(tag: str, log: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=re.escape(reason)):
        notes(tag, PACKAGE, log)


def test_the_form_of_the_changelog() -> None:
    """As Keep a Changelog has it: the newest release first, and each change below a known heading."""
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
    assert len(RELEASE.findall(text)) == len(headings)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert not re.search(r"^## .*\n+- ", text, re.MULTILINE), "a change without a heading"
