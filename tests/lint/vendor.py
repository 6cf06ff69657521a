"""What the vendor's documentation states, made whole: a document with its faults, and no others."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from flowise_mock.contract import contracts

HEAD = {
    "openapi": "3.0.3",
    "info": {"title": "Flowise APIs", "version": "1.0.0"},
    "servers": [{"url": "http://localhost:3000/api/v1"}],
}
_SENTENCE = "(a sentence; write your own)"
_SHAPE = '"(an example of this shape; write your own)"'
_HISTORY = '[{"role": "apiMessage", "content": "Hello"}]'
_TIMESTAMP = re.compile(
    r"'(\d{4}-\d\d-\d\dT[\d:]+\.000Z)'"
)  # the four of the chat messages' dates; other stamps were quoted


def whole() -> dict[str, Any]:
    """The facts with top keys, summaries, descriptions, and sentences where examples had some."""
    stated = json.loads((contracts.root() / "tests" / "contract" / "documented.json").read_text())
    for item in stated["paths"].values():
        for operation in item.values():
            operation |= {"summary": "What it does", "description": "What it does, at length."}
            for response in operation["responses"].values():
                response.setdefault("description", "The answer")
    for response in stated["components"]["responses"].values():
        response.setdefault("description", "The answer")
    text = json.dumps({**HEAD, **stated})
    made: dict[str, Any] = json.loads(text.replace(_SENTENCE, "A sentence.").replace(_SHAPE, _HISTORY))
    return made


def text() -> str:
    """As YAML, with the timestamps of the chat messages' dates not quoted, as they were."""
    return _TIMESTAMP.sub(r"\1", yaml.safe_dump(whole(), sort_keys=False, width=200))
