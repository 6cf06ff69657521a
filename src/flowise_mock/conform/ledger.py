"""The ledger: what a run made, written down before anything else happens, so that it can be deleted later."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.conform.client import Request


class LedgerError(Exception):
    """A ledger that cannot be read; the text names it and says why."""


class Made(NamedTuple):
    """A record that a run made."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Ledger:
    """A file of JSON lines: the server, what was there before, then each record made and each deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[dict[str, Any]] = []
        self._position = 0

    def open(self, url: str, mark: str, before: Mapping[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write({"url": url, "mark": mark, "before": dict(before)})

    def made(self, kind: str, id: str) -> None:
        self._write({"made": kind, "id": id})

    def sent(self, values: Iterable[str]) -> None:
        """Keep values that this run alone sent, to make a record whose ID no response gave."""
        self._write({"sent": sorted(values)})

    def step(self, request: Request, saves: Mapping[str, str]) -> None:
        """Keep a request that made a record, for the scripts that repeat a deviation."""
        self._write({"step": [request.method, request.path, request.json], "saves": dict(saves)})

    def softened(self, case: str) -> None:
        """Keep which generated case was changed so that it may be valid now."""
        self._write({"softened": case})

    def gone(self, id: str) -> None:
        self._write({"gone": id})

    def _write(self, line: dict[str, Any]) -> None:
        """Append a line. The operating system has it then, whatever becomes of this process."""
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """Its lines, without a last one that a crash cut off. Each is read once, as the file only grows."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                text = file.read()
        except OSError as error:
            raise LedgerError(f"{self.path}: cannot be read: {error.strerror}") from None
        complete = text[: text.rfind(b"\n") + 1]
        self._position += len(complete)
        self._lines += _parsed(complete)
        return self._lines

    def _head(self) -> dict[str, Any]:
        for line in self.lines():
            if "url" in line:
                return line
        raise LedgerError(f"{self.path}: is not a ledger of a run: it names no server")

    def url(self) -> str:
        return str(self._head()["url"])

    def mark(self) -> str:
        return str(self._head()["mark"])

    def before(self) -> dict[str, str]:
        """The kind of each record that was there before the run, by its ID."""
        return dict(self._head().get("before", {}))

    def sent_values(self) -> set[str]:
        return {value for line in self.lines() for value in line.get("sent", [])}

    def softened_cases(self) -> set[str]:
        return {line["softened"] for line in self.lines() if "softened" in line}

    def steps(self) -> list[tuple[Request, dict[str, str]]]:
        found = [line for line in self.lines() if "step" in line]
        return [(_request(*line["step"]), line["saves"]) for line in found]

    def all(self) -> list[Made]:
        """Each record that was made, the newest first."""
        made = {line["id"]: Made(line["made"], line["id"]) for line in self.lines() if "made" in line}
        return list(made.values())[::-1]

    def left(self) -> list[Made]:
        """Each record that was made and not deleted, the newest first."""
        gone = {line["gone"] for line in self.lines() if "gone" in line}
        return [each for each in self.all() if each.id not in gone]


def _parsed(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def _request(method: str, path: str, body: Any) -> Request:
    return Request("set-up", method, path, json=body)
