"""Checks that a tag can be released: `python tests/release_check.py v0.1.0`.

The tag is the version of the package, and the changelog has a dated part for it, which is printed. Exits 1 with
the reason if not. It needs only the standard library.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RELEASE = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)


class ReleaseError(Exception):
    """The tag cannot be released; the text says what to change."""


def notes(tag: str, package: str, changelog: str) -> str:
    """The part of the changelog for a tag. Raises ReleaseError."""
    found = re.search(r'^__version__ = "(.+)"$', package, re.MULTILINE)
    version = found[1] if found else "missing"
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, and __version__ is {version}: tag v{version}, or change it")
    headings = list(RELEASE.finditer(changelog))
    ends = [*(each.start() for each in headings[1:]), len(changelog)]
    for heading, end in zip(headings, ends, strict=True):
        if heading[1] == version:
            if heading[2] is None:
                raise ReleaseError(
                    f"CHANGELOG.md has no date for {version}: write `## [{version}] - YYYY-MM-DD`"
                )
            return changelog[heading.end() : end].strip()
    raise ReleaseError(f"CHANGELOG.md has no `## [{version}] - YYYY-MM-DD`: rename `## [Unreleased]`")


def main(tag: str) -> int:
    package = (ROOT / "src" / "flowise_mock" / "__init__.py").read_text()
    try:
        print(notes(tag, package, (ROOT / "CHANGELOG.md").read_text()))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
