"""XLSX files: their rows, as SheetJS shows them."""

from __future__ import annotations

import datetime
import io
import time
from collections.abc import Iterator
from typing import Any

from flowise_mock.contract import v8
from flowise_mock.formats.archive import check_archive
from flowise_mock.formats.opened import MAX_SECONDS, LoadFailure, Opened


def open_xlsx(data: bytes) -> Opened:
    from openpyxl import load_workbook

    check_archive(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        found = [row for sheet in book.worksheets for row in _rows(sheet)]
        texts = [_text(cells) for _, _, cells in found]
    except Exception:
        raise LoadFailure("Unsupported file") from None
    return Opened(texts, {}, rows=tuple(_metadata(*row) for row in found))


def _rows(sheet: Any) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The name of the sheet, the number and the cells of each row; the first row has the names."""
    until = time.monotonic() + MAX_SECONDS
    filled = []
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        if any(cell is not None for cell in row):
            filled.append((number, row))
        if time.monotonic() > until:  # a cell far away has empty rows before it
            raise LoadFailure("the file takes too long to read")
    if not filled:
        return
    top, names = filled[0][0], _names(filled[0][1])
    for number, row in filled[1:]:
        cells = {name: _value(cell) for name, cell in zip(names, row, strict=False) if cell is not None}
        if cells:
            yield sheet.title, number - top, cells


def _names(row: tuple[Any, ...]) -> list[str]:
    """The names of the columns; a missing one, or one that is there already, gets a number."""
    names: dict[str, int] = {}
    for cell in row:
        name = plain = "__EMPTY" if cell is None else v8.text(_value(cell))
        count = names.get(plain, 0)
        while name in names:
            count += 1
            name = f"{plain}_{count}"
        names |= {name: 0, plain: count}
    return list(names)


def _value(cell: Any) -> Any:
    """A cell as JSON: a date is the number of days since the end of 1899."""
    if isinstance(cell, int) and abs(cell) > 2**53:
        return float(cell)
    if isinstance(cell, datetime.datetime):
        span = cell - datetime.datetime(1899, 12, 30)
    elif isinstance(cell, datetime.time):
        span = datetime.timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second)
    elif isinstance(cell, datetime.timedelta):
        span = cell
    else:
        return cell
    days = span / datetime.timedelta(days=1)
    return int(days) if days == int(days) else days


def _text(cells: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {v8.text(value)}" for name, value in cells.items()) + "\n"


def _metadata(sheet: str, number: int, cells: dict[str, Any]) -> dict[str, Any]:
    return {"worksheet": sheet, "rowNum": number, "source": "blob", "blobType": "", **cells}
