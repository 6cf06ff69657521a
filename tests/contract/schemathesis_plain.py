"""As schemathesis_hooks, with `streaming` held to false: a real server never answers an error to a stream."""

from __future__ import annotations

from typing import Any

import schemathesis

__import__("schemathesis_hooks")  # its mend counts here too


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """The body without the wish for a stream, whatever the operation."""
    if isinstance(body, dict) and "streaming" in body:
        return {**body, "streaming": False}
    return body
