"""The regular expressions of scripts: those of Python, with a time limit for each search."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import regex

log = logging.getLogger("flowise_mock.script")

TIMEOUT = 0.1
"""Seconds after which a search gives up: the server answers nobody else meanwhile."""


class BadPattern(Exception):
    """A text is not a valid regular expression; the message says why."""


@dataclass(frozen=True)
class Pattern:
    """A compiled regular expression."""

    compiled: regex.Pattern[str]

    def search(self, text: str) -> regex.Match[str] | None:
        """The first match anywhere in the text, or None if there is none or the search takes too long."""
        try:
            return self.compiled.search(text, timeout=TIMEOUT)
        except TimeoutError:
            log.warning(
                "the regular expression %s found nothing in %s s and counts as not matched: "
                "write it without a repeat in a repeat",
                self.compiled.pattern,
                TIMEOUT,
            )
            return None


def compile_pattern(text: str) -> Pattern:
    """Compile a regular expression that `re` accepts. Raises BadPattern."""
    try:
        re.compile(text)  # its messages are clearer, and scripts must not use what only regex has
        return Pattern(regex.compile(text))
    except (re.error, regex.error, RecursionError, OverflowError) as error:
        raise BadPattern(str(error)) from None
