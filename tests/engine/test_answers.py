"""Outcomes become answers by the contract alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.views import compile_view
from flowise_mock.contract.writing import Writers
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.http_exchange import Answer
from flowise_mock.engine.templates import fill, template
from flowise_mock.state.outcomes import (
    Condition,
    LoaderNotFound,
    MethodNotAllowed,
    MissingId,
    MissingPart,
    NotFound,
    Ok,
    Outcome,
    SchemaViolation,
    Unauthorized,
    WrongType,
    all_outcomes,
)


def contract(**outcomes: Any) -> dict[str, Any]:
    every = {name: {"status": 200 if name == "Ok" else 500} for name in all_outcomes()}
    return {
        "x-message-template": "Error: {source} - {message}",
        "x-bodies": {"value": "{value}", "failure": {"code": "{status}", "why": "{message}", "stack": {}}},
        "x-outcomes": {
            **every,
            "*": {"body": "failure", "message": "something"},
            **outcomes,
        },
    }


def operation(**more: Any) -> dict[str, Any]:
    tool = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "n": {"type": "string", "nullable": True}},
    }
    return {
        "operationId": "getToolById",
        "responses": {
            "200": {"content": {"application/json": {"schema": tool}}},
            "404": {"content": {"application/json": {"schema": {"type": "object", "required": ["why"]}}}},
            "500": {"content": {"application/json": {"schema": {}}}},
        },
        **more,
    }


def answers(document: dict[str, Any], definition: dict[str, Any] | None = None) -> Answers:
    return Answers(
        document, Writers(document, Schemas(document)), operation() if definition is None else definition
    )


def told(answer: Answer) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


def test_a_field_may_have_a_message_of_its_own() -> None:
    entry = {
        "message": "Invalid {field}",
        "fields": {"ids": "{field} is not iterable"},
        "source": "ids.check",
    }
    made = answers(contract(WrongType={"status": 500, **entry}))
    assert told(made.render(WrongType("ids")))[1]["why"] == "Error: ids.check - ids is not iterable"
    assert told(made.render(WrongType("name")))[1]["why"] == "Error: ids.check - Invalid name"
    assert made.text(WrongType("ids")) == "ids is not iterable"
    with pytest.raises(DocumentError, match="WrongType has no word nope"):
        answers(contract(WrongType={"status": 500, "fields": {"ids": "{nope}"}}))


def test_the_root_the_operation_and_their_stars_are_merged() -> None:
    document = contract(NotFound={"status": 404, "message": "{noun} {id} is gone"})
    assert told(answers(document).render(NotFound("Tool", "7"))) == (
        404,
        {"code": 404, "why": "Tool 7 is gone", "stack": {}},
    )
    own = operation(**{"x-outcomes": {"NotFound": {"status": 500}}})
    assert told(answers(document, own).render(NotFound("Tool", "7")))[0] == 500


@pytest.mark.parametrize(
    ("words", "entry", "message"),
    [
        ({}, {}, "Tool 7 not found"),
        ({"x-service": "toolsService.get"}, {}, "Error: toolsService.get - Tool 7 not found"),
        ({"x-service": "toolsService.get"}, {"source": "none"}, "Tool 7 not found"),
        ({"x-service": "a.get"}, {"source": "b.find"}, "Error: b.find - Tool 7 not found"),
        (
            {"x-service": "a.get"},
            {"source": "a.get b.find"},
            "Error: a.get - Error: b.find - Tool 7 not found",
        ),
        (
            {"x-service": "toolsServices.get"},
            {"source": "controller"},
            "Error: toolsController.get - Tool 7 not found",
        ),
        (
            {"x-service": "a.get", "x-controller": "c.get"},
            {"source": "controller"},
            "Error: c.get - Tool 7 not found",
        ),
    ],
)
def test_a_message_names_its_source(words: dict[str, Any], entry: dict[str, Any], message: str) -> None:
    document = contract(NotFound={"status": 500, "message": "{noun} {id} not found"})
    own = operation(**words, **{"x-outcomes": {"NotFound": entry}})
    made = answers(document, own)
    assert told(made.render(NotFound("Tool", "7")))[1]["why"] == message
    assert made.text(NotFound("Tool", "7")) == "Tool 7 not found", "a stream shows it without its source"


def test_a_refusal_names_no_source_unless_the_contract_says_so() -> None:
    own = operation(**{"x-service": "toolsService.get"})
    document = contract(
        Unauthorized={"status": 500, "message": "no"}, MissingId={"status": 500, "message": "id"}
    )
    assert told(answers(document, own).render(Unauthorized("none")))[1]["why"] == "no"
    document["x-outcomes"]["MissingId"]["source"] = "controller"
    assert told(answers(document, own).render(MissingId("id")))[1]["why"] == "Error: toolsController.get - id"


def test_an_outcome_is_answered_like_the_one_it_is_a_kind_of() -> None:
    document = contract(NotFound={"status": 404, "message": "{noun} {id} not found"})
    document["x-outcomes"].pop("LoaderNotFound")
    assert answers(document).status("LoaderNotFound") == 404
    document["x-outcomes"]["LoaderNotFound"] = {"message": "no loader in {store}"}
    made = told(answers(document).render(LoaderNotFound("Loader", "7", "Handbook")))
    assert (made[0], made[1]["why"]) == (404, "no loader in Handbook")


def test_a_view_shows_what_the_schema_names() -> None:
    shown = told(answers(contract()).render(Ok({"secret": 1, "id": {"a": 1}})))
    assert shown == (200, {"id": '{"a":1}', "n": None})


def test_a_view_shows_the_first_of_a_list() -> None:
    view = compile_view(
        {}, {"type": "object", "properties": {"a": {"type": "object", "properties": {"n": {}}}}}
    )
    assert view({"a": [{"n": 1}, {"n": 2}, {"n": 3}]}) == {"a": {"n": 1}}


def test_an_answer_that_breaks_the_contract_is_a_logged_500(caplog: pytest.LogCaptureFixture) -> None:
    status, body = told(answers(contract()).render(Ok(["not an object"])))
    assert (status, body["code"]) == (500, 500)
    assert "breaks the contract" in caplog.text
    undocumented = contract(NotFound={"status": 418})
    assert told(answers(undocumented).render(NotFound("Tool", "7")))[0] == 500
    assert "status 418 is not documented" in caplog.text


def test_a_condition_may_proceed_and_nothing_else() -> None:
    proceeding = answers(contract(MissingPart="proceed"))
    assert proceeding.proceeds(MissingPart("Store", "loader"))
    assert not answers(contract()).proceeds(MissingPart("Store", "loader"))
    with pytest.raises(DocumentError, match="NotFound cannot proceed"):
        answers(contract(NotFound="proceed"))


@pytest.mark.parametrize("name", all_outcomes())
def test_an_outcome_without_an_answer_stops_the_start(name: str) -> None:
    document = contract()
    for each in all_outcomes()[name].__mro__:
        if issubclass(each, Outcome):
            document["x-outcomes"].pop(each.__name__, None)
    with pytest.raises(DocumentError, match="has no status"):
        answers(document)


def test_unknown_bodies_and_words_stop_the_start() -> None:
    with pytest.raises(DocumentError, match="no x-bodies 'nope'"):
        answers(contract(NotFound={"status": 404, "body": "nope"}))
    with pytest.raises(DocumentError, match="SchemaViolation has no word id"):
        answers(contract(SchemaViolation={"status": 400, "message": "{id}"}))


def test_headers_are_filled() -> None:
    document = contract(MethodNotAllowed={"status": 405, "headers": {"Allow": "{allow}"}})
    answer = Answers(document, Writers(document, Schemas(document))).render(
        MethodNotAllowed("PUT", "/x", "GET, POST")
    )
    assert (b"Allow", b"GET, POST") in answer.headers


def test_what_a_client_sent_is_never_a_template() -> None:
    document = contract(SchemaViolation={"status": 500, "message": "{where}: {detail}"})
    why = told(answers(document).render(SchemaViolation("body", "{id} {0} {where.__class__}")))[1]["why"]
    assert why == "body: {id} {0} {where.__class__}"


def test_templates_keep_types() -> None:
    made = template({"all": "{value}", "first": "{value[0]}", "text": "n={total}", "list": ["{total}", 1]})
    assert made({"value": [5], "total": 2}) == {"all": [5], "first": 5, "text": "n=2", "list": [2, 1]}
    assert fill("a" * 400, {}) == "a" * 400
    assert len(fill("{id}!", {"id": "x" * 10_000})) < 400


def test_views_parse_and_write_json() -> None:
    document = {"components": {"schemas": {"Tree": {
        "type": "object",
        "properties": {
            "kids": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
            "free": {"type": "object"},
            "texts": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }}}}  # fmt: skip
    view = compile_view(document, {"$ref": "#/components/schemas/Tree"})
    tree = {
        "kids": '[{"free":"{\\"a\\":1}"}]',
        "texts": {"n": 1, "s": "s", "nothing": None},
        "more": 1,
        "free": "{",
    }
    assert view(tree) == {"kids": [{"free": {"a": 1}}], "free": {}, "texts": {"n": "1", "s": "s"}}
    assert view({"kids": {"free": {}}}) == {"kids": [{"free": {}}]}


def test_every_condition_says_what_it_is() -> None:
    for kind in all_outcomes().values():
        assert kind.__doc__, kind
    assert issubclass(MissingPart, Condition)
