"""The ledger: what a run made, written down before anything else happens, so that it can be deleted later."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.conform.wire import Request, Wire


class LedgerError(Exception):
    """A ledger that cannot be read; the text names it and says why."""


class Made(NamedTuple):
    """A thing that a run made, and the requests that undo it, such as `DELETE /tools/7`."""

    kind: str
    id: str
    undo: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Ledger:
    """A file of JSON lines: where the run went, then each thing made and each thing gone again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, url: str, mark: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write({"url": url, "mark": mark})

    def made(self, kind: str, id: str, undo: list[str]) -> None:
        self._write({"made": kind, "id": id, "undo": [step.replace("{id}", id) for step in undo]})

    def gone(self, id: str) -> None:
        self._write({"gone": id})

    def _write(self, line: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[dict[str, Any]]:
        """Its lines; a last one that was cut off by a crash is left out."""
        try:
            text = self.path.read_text()
        except OSError as error:
            raise LedgerError(f"{self.path}: cannot be read: {error.strerror}") from None
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def url(self) -> str:
        for line in self.lines():
            if "url" in line:
                return str(line["url"])
        raise LedgerError(f"{self.path}: is not a ledger of a run: it names no server")

    def mark(self) -> str:
        return next((str(line["mark"]) for line in self.lines() if "mark" in line), "")

    def gone_count(self) -> int:
        """How many things were deleted again."""
        return sum("gone" in line for line in self.lines())

    def left(self) -> list[Made]:
        """What was made and not deleted yet, the newest first."""
        made: dict[str, Made] = {}
        for line in self.lines():
            if "made" in line:
                made[line["id"]] = Made(line["made"], line["id"], tuple(line["undo"]))
            elif "gone" in line:
                made.pop(line["gone"], None)
        return list(made.values())[::-1]


def sweep(ledger: Ledger, wire: Wire, mark: str, lists: dict[str, str], undo: dict[str, list[str]]) -> None:
    """Write down what carries the mark of the run and is not in the ledger: made while nobody looked."""
    known = {line.get("made") and line["id"] for line in ledger.lines()}
    for kind, path in lists.items():
        held = wire.send(Request("sweep", "GET", path)).json()
        for row in held if isinstance(held, list) else []:
            told = f"{row.get('name')} {row.get('details')}" if isinstance(row, dict) else ""
            if mark in told and row.get("id") not in known:
                ledger.made(kind, str(row["id"]), undo[kind])


def clean(ledger: Ledger, wire: Wire, walks: dict[str, Any]) -> list[Made]:
    """Delete what is left; what could not be deleted.

    First what is written down: a record that breaks the list it is in has to go before lists are read.
    """
    _delete(ledger, wire)
    sweep(ledger, wire, ledger.mark(), walks["sweep"], walks["undo"])
    return _delete(ledger, wire)


def _delete(ledger: Ledger, wire: Wire) -> list[Made]:
    for made in ledger.left():
        if _undone(made, wire):
            ledger.gone(made.id)
    return ledger.left()


def _undone(made: Made, wire: Wire) -> bool:
    """Whether a thing is gone: its last request was answered 2xx, or with a word that it is not there."""
    answer = None
    for step in made.undo:
        method, path = step.split(" ", 1)
        answer = wire.send(Request("clean-up", method, path))
    if answer is None or answer.trouble:
        return False
    return answer.success or answer.status == 404 or b"not found" in answer.body
