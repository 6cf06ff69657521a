"""The regular expressions of scripts: those of Python, with a time limit for each question."""

from __future__ import annotations

import logging
import re
import time
from contextvars import ContextVar, Token
from dataclasses import dataclass

import regex

log = logging.getLogger("flowise_mock.script")

TIMEOUT = 0.1
"""Seconds that all searches of one question may take: the server answers nobody else meanwhile."""


class BadPattern(Exception):
    """A text is not a valid regular expression; the message says why."""


class SearchTime:
    """The time for all searches that are made inside it, as a context manager; the outermost one counts.

    A search that was made is not made again.
    """

    def __init__(self, seconds: float = TIMEOUT) -> None:
        self.left = seconds
        self._made: dict[tuple[str, str], regex.Match[str] | None] = {}
        self._token: Token[SearchTime | None] | None = None

    def __enter__(self) -> None:
        if _current.get() is None:
            self._token = _current.set(self)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)
            self._token = None

    def search(self, pattern: Pattern, text: str) -> regex.Match[str] | None:
        key = (pattern.compiled.pattern, text)
        if key not in self._made:
            self._made[key] = self._search(pattern, text)
        return self._made[key]

    def _search(self, pattern: Pattern, text: str) -> regex.Match[str] | None:
        if self.left <= 0:
            return None
        started = time.perf_counter()
        try:
            return pattern.compiled.search(text, timeout=self.left)
        except TimeoutError:
            log.warning(
                "the regular expression %s found nothing in the %s s that a question has, and counts as not "
                "matched, as do all that are searched after it: write it without a repeat in a repeat",
                pattern.compiled.pattern,
                TIMEOUT,
            )
            return None
        finally:
            self.left -= time.perf_counter() - started


_current: ContextVar[SearchTime | None] = ContextVar("search_time", default=None)


@dataclass(frozen=True)
class Pattern:
    """A compiled regular expression."""

    compiled: regex.Pattern[str]

    def search(self, text: str) -> regex.Match[str] | None:
        """The first match anywhere in the text, or None if there is none or the time is used up."""
        return (_current.get() or SearchTime()).search(self, text)


def compile_pattern(text: str) -> Pattern:
    """Compile a regular expression that `re` accepts. Raises BadPattern."""
    try:
        re.compile(text)  # its messages are clearer, and scripts must not use what only regex has
        return Pattern(regex.compile(text))
    except (re.error, regex.error, RecursionError, OverflowError) as error:
        raise BadPattern(str(error)) from None
