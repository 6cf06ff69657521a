"""The regular expressions of scripts: Python's, but one that tries without end gives up."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import regex

log = logging.getLogger("flowise_mock.script")

LONGEST = 0.1
"""Seconds after which an expression has not found anything: nobody else is answered meanwhile."""


class BadPattern(Exception):
    """A text that is no regular expression; the text says why."""


@dataclass(frozen=True)
class Pattern:
    """A regular expression, found anywhere in a text."""

    compiled: regex.Pattern[str]

    def search(self, text: str) -> regex.Match[str] | None:
        """What it finds first, if anything, and in time."""
        try:
            return self.compiled.search(text, timeout=LONGEST)
        except TimeoutError:
            log.warning(
                "the regular expression %s found nothing in %s s and counts as not matched: "
                "write it without a repeat in a repeat",
                self.compiled.pattern,
                LONGEST,
            )
            return None


def pattern(text: str) -> Pattern:
    """The expression in a text, which must be one of Python's own. Raises BadPattern."""
    try:
        re.compile(text)  # its words are clearer, and scripts are not to lean on what regex has beyond it
        return Pattern(regex.compile(text))
    except (re.error, regex.error, RecursionError, OverflowError) as error:
        raise BadPattern(str(error)) from None
