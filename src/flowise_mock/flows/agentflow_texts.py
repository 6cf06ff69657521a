"""Texts of agentflows: forms, entries of inputs, and the variables in what the editor wrote."""

from __future__ import annotations

import html
import re
from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.flows.graph import Graph
from flowise_mock.flows.turn import text
from flowise_mock.state.table import Record


def form_text(form: Any) -> str:
    """A form as lines of `key: value`, as Flowise sends it to a model."""
    if not isinstance(form, dict):
        return ""
    return "\n".join(f"{key}: {_value(value)}" for key, value in form.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_value(each) for each in value)
    return value if isinstance(value, str) else jsontext.dumps(value)


def entries(value: Any) -> list[Record]:
    return [each for each in jsontext.sequence(value) if isinstance(each, dict)]


_VARIABLE = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def fill_template(graph: Graph, value: Any) -> str:
    """Fill in the `{{ variables }}` of a text of the editor, and remove its HTML. Unknown ones stay."""
    plain = re.sub(r"</p>\s*<p>", "\n\n", text(value))
    plain = v8.trim(html.unescape(re.sub(r"<[^<>]*>", "", re.sub(r"<br\s*/?>", "\n", plain))))
    return _VARIABLE.sub(lambda match: _variable(graph, str(match[1]), str(match[0])), plain)


def _variable(graph: Graph, name: str, unknown: str) -> str:
    head, _, rest = name.partition(".")
    if head == "question":
        return graph.turn.question
    if head == "$webhook" and graph.turn.webhook is not None:
        found = _at(graph.turn.webhook, rest)
        return unknown if found is None else _value(found)
    if head == "$form" and rest in graph.form:
        return _value(graph.form[rest])
    if head == "$flow":
        known: dict[str, str] = {
            "sessionId": graph.turn.session_id,
            "chatId": graph.turn.chat_id,
            "chatflowId": graph.turn.flow["id"],
        }
        known |= {f"state.{key}": text(value) for key, value in graph.state.items()}
        return known.get(rest, unknown)
    content = graph.output(head)
    return unknown if content is None else content


def _at(value: Any, path: str) -> Any:
    """The value at a path of keys and numbers, such as `body.items.0`; None if there is none."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key, value.get(key.lower()))
        elif isinstance(value, list) and jsontext.is_index(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
