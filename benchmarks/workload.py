"""What the benchmarks send: the same requests to every server."""

from __future__ import annotations

from typing import Any

API = "/api/v1"
KEY = "flowise-mock"
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
FLOW_NAME = "Support chat"
TOOL = "cfd531e0-82fc-11e9-bc42-526af7764f64"
TOOLS = 50
"""The number of tools in the lists."""
QUESTION = "How do I get a refund for the running shoes that I bought last week?"


def tool_body(number: int) -> dict[str, Any]:
    return {
        "name": f"tool {number}",
        "description": "A tool that a benchmark made",
        "color": "#112233",
        "iconSrc": "https://example.com/icons/tool.png",
        "schema": "[]",
        "func": "return new Date().toISOString()",
    }
