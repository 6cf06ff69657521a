"""Schemathesis waits no longer than it must for the stream of journal entries; nothing is excluded."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let the stream end at once if its timeout is valid and longer; the default is a second."""
    if case.operation.path != "/journal/events":
        return
    timeout = (case.query or {}).get("timeout", 1)
    try:
        if 0.01 < float(timeout) <= 600:
            case.query = {**(case.query or {}), "timeout": 0.01}
    except (TypeError, ValueError):
        pass
