"""Several runs in one table: operation by server, for Markdown and as a page."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

Run = dict[str, Any]


class MatrixError(Exception):
    """A file that is no report of a run; the text names it."""


def read(path: Path) -> Run:
    """The JSON report of a run. Raises MatrixError."""
    try:
        run = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise MatrixError(f"{path}: is not a report of `conform --report json=FILE`: {error}") from None
    if not isinstance(run, dict) or not {"operations", "new", "known", "verdict"} <= run.keys():
        raise MatrixError(f"{path}: is not a report of `conform --report json=FILE`")
    return run


def titles(runs: list[Run]) -> list[str]:
    """What each run is called: its server, and its contract where the servers do not differ."""
    servers = [f"Flowise {run['server']}" if run["server"] else run["url"] for run in runs]
    if len(set(servers)) == len(servers):
        return servers
    return [f"{server} ({run['contract']})" for server, run in zip(servers, runs, strict=True)]


def operations(runs: list[Run]) -> list[str]:
    """All operations, in the order of the first run that has them."""
    return list(dict.fromkeys(id for run in runs for id in run["operations"]))


def cell(run: Run, operation: str) -> str:
    """How an operation did in a run: `ok`, how many deviations, `-` where it is not in the contract."""
    if operation not in run["operations"]:
        return "-"
    number = len(deviations(run, operation))
    if number:
        return str(number)
    return "ok" if any(run["successes"].get(operation, {}).values()) else "?"


def deviations(run: Run, operation: str) -> list[dict[str, Any]]:
    return [each for each in [*run["new"], *run["expired"], *run["known"]] if each["operation"] == operation]


def rows(runs: list[Run]) -> list[list[str]]:
    return [[operation, *(cell(run, operation) for run in runs)] for operation in operations(runs)]


def foot(runs: list[Run]) -> list[list[str]]:
    total = [str(sum(len(deviations(run, id)) for id in run["operations"])) for run in runs]
    return [
        ["deviations", *total],
        ["verdict", *(run["verdict"] for run in runs)],
        ["contract", *(run["contract"] for run in runs)],
    ]


LEGEND = "A number counts deviations; `ok` is none; `?` was never answered 2xx; `-` is not in the contract."


def markdown(runs: list[Run]) -> str:
    head = ["operation", *titles(runs)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(runs)]
    lines += ["| " + " | ".join(f"**{each}**" for each in row) + " |" for row in foot(runs)]
    return "\n".join([*lines, "", LEGEND, ""])


def html(runs: list[Run]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in ["operation", *titles(runs)])
    body = "".join(_row(runs, row[0]) for row in rows(runs))
    last = "".join(
        "<tr>" + "".join(f"<th>{escape(each)}</th>" for each in row) + "</tr>" for row in foot(runs)
    )
    return PAGE.replace("@HEAD@", head).replace("@BODY@", body).replace("@FOOT@", last)


def _row(runs: list[Run], operation: str) -> str:
    cells = []
    for run in runs:
        text = cell(run, operation)
        kind = "bad" if text.isdigit() else {"ok": "ok", "?": "doubt"}.get(text, "")
        why = "\n".join(f"{each['check']}: {each['what']}" for each in deviations(run, operation))
        cells.append(f'<td class="{kind}" title="{escape(why)}">{escape(text)}</td>')
    return f"<tr><th>{escape(operation)}</th>{''.join(cells)}</tr>"


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Operations by server</title><style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1100px;padding:1.5rem}
table{border-collapse:collapse;width:100%}th,td{padding:.3rem .7rem;border-bottom:1px solid light-dark(#d8dce2,#3a3f47);text-align:left}
td{text-align:center}thead th{position:sticky;top:0;background:light-dark(#f4f6f8,#1d2025)}
.ok{color:light-dark(#1d6b3a,#79d29b)}.bad{color:light-dark(#b3261e,#ff8a80);font-weight:600}.doubt{color:light-dark(#8a6100,#e6c069)}
</style></head><body><h1>Operations by server</h1><p>A number counts deviations (point at it for what they are);
ok is none; ? was never answered 2xx; - is not in the contract.</p>
<table><thead><tr>@HEAD@</tr></thead><tbody>@BODY@</tbody><tfoot>@FOOT@</tfoot></table></body></html>
"""
