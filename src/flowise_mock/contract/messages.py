"""Messages of failures: the contract's template, and the function of the server that they name.

`x-message-template` of the root has the placeholders `{source}` and `{message}`. The source of a failure is
the operation's `x-service`, unless the entry of `x-outcomes` has another `source`: `controller`, `none`, or
the names of functions, the outermost first. A `Refusal` names none by default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from flowise_mock.contract.document import Document
from flowise_mock.state.outcomes import Failure, Outcome, Refusal


def template(document: Document, definition: Document, entry: Document, kind: type[Outcome]) -> str:
    """The text around the message of an outcome, with the placeholder `{message}`."""
    text = "{message}"
    for source in reversed(_sources(definition, entry, kind)):
        text = (
            str(document.get("x-message-template", text))
            .replace("{message}", text)
            .replace("{source}", source)
        )
    return text


def _sources(definition: Document, entry: Document, kind: type[Outcome]) -> Sequence[str]:
    is_of_service = issubclass(kind, Failure) and not issubclass(kind, Refusal)
    source = entry.get("source", "service" if is_of_service else "none")
    known = {"none": "", "service": definition.get("x-service", ""), "controller": controller(definition)}
    return str(known.get(source, source)).split()


def controller(definition: Document) -> str:
    """The controller of an operation: its `x-controller`, by default named like its service."""
    named = re.sub(r"Services?\.", "Controller.", definition.get("x-service", ""))
    return str(definition.get("x-controller", named))
