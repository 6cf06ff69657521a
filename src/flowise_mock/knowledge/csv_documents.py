"""CSV files: a text per row, or the values of one column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import pairwise

from flowise_mock.contract import v8
from flowise_mock.formats.opened import LoadFailure

DELIMITERS = (",", "\t", "|", ";", "\x1e", "\x1f")
"""The delimiters that the loader of CSV files tries, in this order."""
SAMPLE = 10
"""The number of rows by which it decides."""


def texts(text: str, column: str = "", guesses: bool = True) -> Iterable[str]:
    """The texts of a file, made one by one: with all columns they are much larger than the file.

    `guesses` chooses the delimiter by the first rows. Raises LoadFailure.
    """
    text = v8.trim(text)
    rows = _rows(text, _delimiter(text) if guesses else ",")
    names = rows[0] if rows else []
    if not column:
        missing = "undefined" if guesses else ""
        return (
            "\n".join(_line(name, row, place, missing) for place, name in enumerate(names))
            for row in rows[1:]
        )
    if column not in names:
        raise LoadFailure(f"Column {column} not found in CSV file.")
    place = names.index(column)
    for number, row in enumerate(rows[1:]):
        if place >= len(row):
            raise LoadFailure(f"Expected string, at position {number} got undefined")
    return [row[place] for row in rows[1:]]


def _line(name: str, row: list[str], place: int, missing: str) -> str:
    return f"{v8.trim(name) or '_0'}: {v8.trim(row[place]) if place < len(row) else missing}"


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The rows of a text; an empty line is a row with one empty value."""
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    lines = io.StringIO(text, newline="")
    try:
        return [row or [""] for row in csv.reader(lines, delimiter=delimiter)] if text else []
    except csv.Error as error:
        raise LoadFailure(f"the CSV file cannot be read: {error}") from None


def _delimiter(text: str) -> str:
    """The delimiter that gives the first rows the same number of values, and more than one."""
    best, least = ",", None
    for delimiter in DELIMITERS:
        sample = [row for row in _rows(text, delimiter)[:SAMPLE] if row != [""]]
        counts = [len(row) for row in sample]
        changes = sum(abs(one - other) for one, other in pairwise(counts))
        average = sum(counts) / len(counts) if counts else 0
        if average > 1.99 and (least is None or changes < least):
            best, least = delimiter, changes
    return best
