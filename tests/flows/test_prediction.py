"""Parts of predictions: conditions, texts of the editor, forms, flows that can stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowise_mock.flows import models
from flowise_mock.flows.agentflow_nodes import _holds
from flowise_mock.flows.agentflow_texts import fill_template, form_text
from flowise_mock.flows.behaviour import Agentflows, FlowBehaviour
from flowise_mock.flows.call import Call
from flowise_mock.flows.dispatch import streamable
from flowise_mock.flows.flow_data import nodes
from flowise_mock.flows.graph import Graph
from flowise_mock.flows.turn import Turn
from flowise_mock.state.outcomes import Outcome
from flowise_mock.state.store import Store


def call(agentflows: Agentflows = Agentflows.RUN) -> Call:
    return Call(Store(()), ignore, behaviour=FlowBehaviour(agentflows=agentflows))


def ignore(condition: Outcome) -> None:
    """A contract that ignores every condition."""


@pytest.mark.parametrize(
    ("type", "one", "operation", "other", "holds"),
    [
        ("string", "a refund", "contains", "refund", True),
        ("string", "a refund", "notContains", "refund", False),
        ("string", "hello", "equal", "hello", True),
        ("string", "hello", "notEqual", "hello", False),
        ("string", "hello", "startsWith", "he", True),
        ("string", "hello", "endsWith", "lo", True),
        ("string", "", "isEmpty", "", True),
        ("string", "x", "notEmpty", "", True),
        ("string", "x", "regex", "x", False),
        ("number", "10", "larger", "9", True),
        ("number", "9", "largerEqual", "9", True),
        ("number", "8", "smaller", "9", True),
        ("number", "10", "smallerEqual", "9", False),
        ("number", "many", "larger", "9", False),
        ("number", "9", "equal", "9", True),
    ],
)
def test_conditions(type: str, one: str, operation: str, other: str, holds: bool) -> None:
    assert _holds({"type": type, "value1": one, "operation": operation, "value2": other}) is holds


def graph(**form: Any) -> Graph:
    turn = Turn({"id": "flow"}, {}, "why?", "chat", "session", None, None)
    executed = [{"nodeId": "llm_0", "status": "FINISHED", "data": {"output": {"content": "because"}}}]
    return Graph(turn, {}, [], executed=executed, state={"count": "1"}, form=form)


@pytest.mark.parametrize(
    ("template", "text"),
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
def test_texts_of_the_editor(template: str | None, text: str) -> None:
    assert fill_template(graph(name="Ada", amount=3), template) == text


def test_a_question_is_not_a_template() -> None:
    run = graph()
    run.turn.question = "{{ llm_0 }} <b>bold</b>"
    assert fill_template(run, "<p>{{ question }}</p>") == "{{ llm_0 }} <b>bold</b>"


def test_forms_are_sent_line_by_line() -> None:
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
def test_which_flows_can_stream(flow: dict[str, Any], can: bool) -> None:
    assert streamable(call(), flow) is can


def test_a_version_that_knows_no_agentflows_takes_them_for_chatflows() -> None:
    node = {"data": {"category": "Chat Models", "inputs": {"streaming": False}}}
    flow = {"type": "AGENTFLOW", "flowData": json.dumps({"nodes": [node]})}
    assert not streamable(call(Agentflows.UNKNOWN), flow)
    assert streamable(call(), flow)


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


def test_the_models() -> None:
    assert "".join(models.echo({"name": "Shop"}, " two  blanks ")) == "Shop echoes:  two  blanks "
    assert list(models.echo({}, "")) == [
        "a",
        " flow",
        " without",
        " a",
        " name",
        " was",
        " asked",
        " nothing.",
    ]
    assert models.recorded({}, "first\n" + "x" * 80)[-1] == "x" * 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two words", ["two", " words"]),
        ("  a \n", ["  a", " \n"]),
        ("   ", ["   "]),
        ("", []),
        ("x", ["x"]),
        ("Shop: a b\u00a0c\nd  ", ["Shop:", " a", " b", "\u00a0c", "\nd", "  "]),
    ],
)
def test_tokens_are_found_one_by_one(text: str, expected: list[str]) -> None:
    tokens = models.Tokens(text)
    assert (list(tokens), len(tokens), bool(tokens)) == (expected, len(expected), bool(expected))
    assert models.joined(tokens) == "".join(tokens) == text
    assert (tokens[:1], tokens[-1:]) == (expected[:1], expected[-1:])
    if expected:
        assert tokens[0] == expected[0]
        found = iter(tokens)
        assert next(found) == expected[0]
