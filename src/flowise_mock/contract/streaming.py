"""Whether a request is for a stream of events; nothing else decides this.

Real servers check this twice, and differently. The prediction streams for `true` and the text `true`. The
error handler, which leaves the errors of streams unanswered (`x-server`: `stream-errors: unanswered`),
accepts any value that JavaScript counts as true, except the text `false`.
"""

from __future__ import annotations

from typing import Any


def is_requested(body: Any) -> bool:
    """Whether a prediction with this body is delivered as events."""
    return (
        isinstance(body, dict)
        and "streaming" in body
        and (body.get("streaming") is True or body["streaming"] == "true")
    )


def may_be_requested(body: Any) -> bool:
    """Whether the error handler of a real server treats this body as a request for events."""
    streaming = body.get("streaming") if isinstance(body, dict) else None
    return bool(streaming) and streaming != "false"
