"""The report that people read: one page that needs no network, with a matrix, filters, search and differences."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from flowise_mock.conform.checks import CHECKS

Run = dict[str, Any]


def page(run: Run) -> str:
    """The page; the run is in it as data, so that nothing else has to be fetched."""
    template = Path(__file__).with_name("report.html").read_text()
    data = json.dumps({**run, "checks": CHECKS}, ensure_ascii=False).replace("<", "\\u003c")
    server = f"Flowise {run['server']}" if run["server"] else run["url"]
    title = f"{server} {run['verdict']}: contract {run['contract']}"
    return template.replace("@TITLE@", escape(title)).replace("@DATA@", data)
