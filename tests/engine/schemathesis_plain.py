"""As schemathesis_hooks, with `streaming` held to false: a real server never answers an error to a stream."""

from __future__ import annotations

from typing import Any

import schemathesis

__import__("schemathesis_hooks")  # its mend counts here too


@schemathesis.hook
def before_call(context: Any, case: Any, **kwargs: Any) -> None:
    """No case of any phase keeps the wish for a stream, whatever the operation."""
    if isinstance(case.body, dict) and "streaming" in case.body:
        case.body = {**case.body, "streaming": False}
