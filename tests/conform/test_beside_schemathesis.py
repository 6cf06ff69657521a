"""The comparison with plain Schemathesis: each pair is the same, has another name, or needs a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conform.beside_schemathesis import page, plain

RUN: dict[str, Any] = {
    "server": "3.1.4", "contract": "documented", "expired": [], "known": [],
    "operations": {
        "createTool": {"method": "POST", "path": "/tools"}, "getToolById": {"method": "GET", "path": "/tools/{id}"},
        "deleteTool": {"method": "DELETE", "path": "/tools/{id}"}, "createLead": {"method": "POST", "path": "/leads"},
    },
    "new": [
        {"operation": "createTool", "check": "negative_data_rejection", "what": "200 for invalid data", "note": False},
        {"operation": "getToolById", "check": "unknown_is_refused", "what": "500 instead of 404", "note": False},
        {"operation": "getToolById", "check": "unsupported_method", "what": "200 for an undocumented method", "note": False},
    ],
    "notes": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "check", "status", "mode", "row"),
    [
        ("createTool", "negative_data_rejection", 200, "negative", "| same |  |"),
        ("createTool", "response_schema_conformance", 200, "negative", "| other name | negative_data_rejection: "),
        ("createTool", "response_schema_conformance", 200, "positive", "| not reported |  |"),
        ("getToolById", "not_a_server_error", 500, "positive", "| other name | unknown_is_refused: 500 instead of 404 |"),
        ("deleteTool", "unsupported_method", 200, "negative", "| other name | under getToolById"),
        ("createLead", "not_a_server_error", 500, "negative", "| not reported | no operation deletes what it makes"),
    ],
)  # fmt: skip
def test_a_pair(operation: str, check: str, status: int, mode: str, row: str, tmp_path: Path) -> None:
    known = RUN["operations"][operation]
    recorder = {
        "label": f"{known['method']} {known['path']}",
        "cases": {"1": {"value": {**known, "meta": {"generation": {"mode": mode}}}}},
        "checks": {"1": [{"name": check, "status": "failure"}, {"name": "other", "status": "success"}]},
        "interactions": {"1": {"response": {"status_code": status}}},
    }
    events = tmp_path / "events.ndjson"
    events.write_text(
        "\n".join(map(json.dumps, [{"Started": {}}, {"ScenarioFinished": {"recorder": recorder}}]))
    )
    text = "\n".join(page(RUN, plain(RUN, [events])))
    assert f"| {operation} | {check} | {status} {row}" in text
