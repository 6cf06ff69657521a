"""Pieces of predictions: conditions, texts of the editor, forms, what can stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowise_mock.flows import model_echo, model_recorded
from flowise_mock.flows.agentflow_nodes import _holds, form_text, resolved
from flowise_mock.flows.dispatch import streamable
from flowise_mock.flows.flow_data import nodes
from flowise_mock.flows.graph import Graph
from flowise_mock.flows.turn import Turn


@pytest.mark.parametrize(
    ("kind", "one", "operation", "other", "holds"),
    [
        ("string", "a refund", "contains", "refund", True),
        ("string", "a refund", "notContains", "refund", False),
        ("string", "hello", "equal", "hello", True),
        ("string", "hello", "notEqual", "hello", False),
        ("string", "hello", "startsWith", "he", True),
        ("string", "hello", "endsWith", "lo", True),
        ("string", "", "isEmpty", "", True),
        ("string", "x", "notEmpty", "", True),
        ("string", "x", "unheard", "x", False),
        ("number", "10", "larger", "9", True),
        ("number", "9", "largerEqual", "9", True),
        ("number", "8", "smaller", "9", True),
        ("number", "10", "smallerEqual", "9", False),
        ("number", "many", "larger", "9", False),
        ("number", "9", "equal", "9", True),
    ],
)
def test_conditions(kind: str, one: str, operation: str, other: str, holds: bool) -> None:
    assert _holds({"type": kind, "value1": one, "operation": operation, "value2": other}) is holds


def graph(**form: Any) -> Graph:
    turn = Turn({"id": "flow"}, {}, "why?", "chat", "session", None, None)
    executed = [{"nodeId": "llm_0", "status": "FINISHED", "data": {"output": {"content": "because"}}}]
    return Graph(turn, {}, [], executed=executed, state={"count": "1"}, form=form)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("<p>Hello &amp; welcome</p>", "Hello & welcome"),
        ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"),
        ('<p><span class="variable">{{ question }}</span> </p>', "why?"),
        ("{{llm_0}} - {{ $form.name }}, {{ $form.amount }}", "because - Ada, 3"),
        ("{{ $flow.state.count }} {{ $flow.sessionId }}", "1 session"),
        ("{{ $form.nope }} {{ nope }} {{ $flow.nope }}", "{{ $form.nope }} {{ nope }} {{ $flow.nope }}"),
        (None, ""),
    ],
)
def test_texts_of_the_editor(written: str | None, plain: str) -> None:
    assert resolved(graph(name="Ada", amount=3), written) == plain


def test_what_was_said_is_no_template() -> None:
    odd = graph()
    odd.turn.question = "{{ llm_0 }} <b>bold</b>"
    assert resolved(odd, "<p>{{ question }}</p>") == "{{ llm_0 }} <b>bold</b>"


def test_forms_are_told_line_by_line() -> None:
    assert form_text({"name": "Ada", "amount": 3, "urgent": True, "sizes": [1, "2"]}) == (
        "name: Ada\namount: 3\nurgent: true\nsizes: 1,2"
    )
    assert form_text("name: Ada") == ""


@pytest.mark.parametrize(
    ("flow", "can"),
    [
        ({}, True),
        ({"flowData": "not JSON"}, True),
        ({"flowData": json.dumps({"nodes": [{"data": {"name": "x", "category": "Output Parsers"}}]})}, False),
        ({"flowData": json.dumps({"nodes": [{"data": {"name": "customFunction"}}]})}, False),
        (
            {
                "flowData": json.dumps(
                    {"nodes": [{"data": {"category": "Chat Models", "inputs": {"streaming": False}}}]}
                )
            },
            False,
        ),
        ({"chatbotConfig": '{"postProcessing": {"enabled": true}}'}, False),
        (
            {"type": "AGENTFLOW", "flowData": json.dumps({"nodes": [{"data": {"name": "customFunction"}}]})},
            True,
        ),
        ({"type": "MULTIAGENT"}, True),
    ],
)
def test_what_can_stream(flow: dict[str, Any], can: bool) -> None:
    assert streamable(flow) is can


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        '{"nodes": 5}',
        '{"nodes": [null, 1, {"data": "x"}, {"id": 7, "data": {"inputs": []}}]}',
    ],
)
def test_flow_data_of_any_shape_can_be_read(data: str) -> None:
    for node in nodes({"flowData": data}):
        assert (node.name, node.inputs) == ("", {})


def test_the_answerers() -> None:
    assert "".join(model_echo.say({"name": "Shop"}, " two  blanks ")) == "Shop echoes:  two  blanks "
    assert model_echo.say({}, "") == ["a", " flow", " without", " a", " name", " was", " asked", " nothing."]
    assert model_recorded.say({}, "first\n" + "x" * 80)[-1] == "x" * 50
