"""XLSX files: their rows."""

from __future__ import annotations

import io
from typing import Any

from flowise_mock.formats.archive import check_archive
from flowise_mock.formats.opened import LoadFailure, Opened


def open_xlsx(data: bytes) -> Opened:
    from openpyxl import load_workbook

    check_archive(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = [row for sheet in book.worksheets for row in _rows(sheet.iter_rows(values_only=True))]
    except Exception:
        raise LoadFailure("Unsupported file") from None
    return Opened(rows, {})


def _rows(rows: Any) -> list[str]:
    """Each row of a sheet as lines of its columns; the first row has their names."""
    table = [list(row) for row in rows]
    names = [str(name) for name in table[0]] if table else []
    return [
        "\n".join(
            f"{name}: {'' if value is None else value}" for name, value in zip(names, row, strict=False)
        )
        for row in table[1:]
    ]
