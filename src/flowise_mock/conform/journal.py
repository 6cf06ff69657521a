"""The requests that set up what others need, so that a deviation can be repeated on a server without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowise_mock.conform import curl
from flowise_mock.conform.client import Request

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[\w-]{16,}", re.IGNORECASE)
MOST = 40
"""Steps of one script: a walk has fewer."""


@dataclass(frozen=True)
class Step:
    """A request that other requests build on, and where its response has the values that they use."""

    request: Request
    saves: Mapping[str, str] = field(default_factory=dict)
    """The path in the response, by the value that was there."""
    scope: str = ""
    """The walk that it is a part of: only there what it changed matters to later requests."""


class Journal:
    """The steps of a run in their order, and which of them made a value."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.kinds: dict[str, str] = {}
        """The kind of each record that was made, by its ID."""
        self._origins: dict[str, int] = {}

    def add(self, step: Step) -> None:
        for value in step.saves:
            if _ID.fullmatch(value):
                self._origins.setdefault(value, len(self.steps))
        self.steps.append(step)

    def needed(self, request: Request, scope: str = "") -> list[int]:
        """The steps that have to be taken before a request, in order."""
        found: set[int] = set()
        self._follow(request, found)
        if scope and not found:  # a list shows what the walk made so far
            found = {index for index, step in enumerate(self.steps) if step.scope == scope}
            for index in list(found):
                self._follow(self.steps[index].request, found)
        values = {value for value, index in self._origins.items() if index in found}
        for index, step in enumerate(self.steps):
            if scope and step.scope == scope and step.request.writes and values & self._values(step.request):
                found.add(index)
                self._follow(step.request, found)
        return sorted(found)[-MOST:]

    def _follow(self, request: Request, found: set[int]) -> None:
        for value in self._values(request):
            index = self._origins[value]
            if index not in found:
                found.add(index)
                self._follow(self.steps[index].request, found)

    def _values(self, request: Request) -> set[str]:
        """The values of earlier responses that a request uses."""
        text = f"{request.url} {request.text.decode(errors='replace')}"
        return {value for value in _ID.findall(text) if value in self._origins}

    def is_origin(self, value: str, index: int) -> bool:
        """Whether a step was the first whose response gave a value."""
        return self._origins.get(value) == index

    # --- as commands of a shell ---

    def quote(self, text: str) -> str:
        """A word of a shell, with variables for the values of earlier responses."""
        quoted = curl.quote(text)
        for value in sorted(set(_ID.findall(text)) & self._origins.keys(), key=len, reverse=True):
            quoted = quoted.replace(value, f"'\"${self.variable(value)}\"'")
        return quoted

    def variable(self, value: str) -> str:
        """The name of a variable, such as `TOOL_12`."""
        index = self._origins[value]
        path = self.steps[index].saves[value]
        name = self.kinds.get(value) or re.sub(r"\W", "_", path).strip("_")
        return f"{name.upper()}_{index}"

    def command(self, request: Request) -> str:
        """A curl command that uses `$URL` and variables."""
        return curl.command("$URL", request, self.quote)

    def line(self, index: int) -> str:
        """A step as a line of a script: it saves what later lines use."""
        step = self.steps[index]
        command = curl.command("$URL", step.request, self.quote, "-s")
        saved = {value: path for value, path in step.saves.items() if self._origins.get(value) == index}
        if not saved:
            return f"{command} >/dev/null"
        names = " ".join(dict.fromkeys(self.variable(value) for value in saved))
        paths = " ".join(dict.fromkeys(saved.values()))
        if len(saved) == 1:
            return f"{names}=$({command} | value {paths})"
        return f'read -r {names} <<<"$({command} | value {paths})"'
