"""The report that people read: one page that needs no network, with causes, records, operations and scripts."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from flowise_mock.conform.checks import CHECKS
from flowise_mock.conform.reports import script, terminal

Run = dict[str, Any]


def page(run: Run) -> str:
    """The page; the run is in it as data, so that nothing else has to be fetched."""
    template = Path(__file__).with_name("page.html").read_text()
    shown = {
        **run,
        "checks": CHECKS,
        "script_head": script.head("@TITLE@", run["url"]),
        "summary": terminal.summary(run["records"]),
    }
    data = json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c")
    server = f"Flowise {run['server']}" if run["server"] else run["url"]
    title = f"{server} {run['verdict']}: contract {run['contract']}"
    return template.replace("@TITLE@", escape(title), 1).replace("@DATA@", data, 1)
