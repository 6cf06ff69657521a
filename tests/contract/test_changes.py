"""What changes between two contracts, and how severe each change is."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from contract import versions_page
from flowise_mock.cli import main
from flowise_mock.contract import contracts
from flowise_mock.contract.changes import EVERY, Severity, changes
from flowise_mock.contract.document import operations

READER, WRITER, HARMLESS = Severity.READER, Severity.WRITER, Severity.HARMLESS
SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "size": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
}


def document() -> dict[str, Any]:
    """A document with one operation, whose request and answer have the same schema."""
    content = {"application/json": {"schema": deepcopy(SCHEMA)}}
    operation = {
        "security": [],
        "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
        "requestBody": {"content": deepcopy(content)},
        "responses": {"200": {"content": deepcopy(content)}},
    }
    return {"paths": {"/tools": {"post": operation}}}


def changed(second: dict[str, Any], first: dict[str, Any] | None = None) -> list[tuple[Severity, str]]:
    return [(each.severity, each.text) for _, found in changes(first or document(), second) for each in found]


ANSWER = ("responses", "200", "content", "application/json", "schema")
BODY = ("requestBody", "content", "application/json", "schema")


def edited(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The document with another value at a place of its operation; None removes it."""
    second = document()
    node = second["paths"]["/tools"]["post"]
    for step in place[:-1]:
        node = node[step]
    if value is None:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return second


@pytest.mark.parametrize(
    ("place", "value", "answer", "request_"),
    [
        (("properties", "size"), None, (READER, "size is gone"), (WRITER, "size is gone")),
        (("properties", "new"), {}, (HARMLESS, "new is new"), (HARMLESS, "new is new")),
        (("required",), [], (READER, "id is optional now"), (HARMLESS, "id is optional now")),
        (("required",), ["id", "size"], (HARMLESS, "size is required now"), (WRITER, "size is required now")),
        (
            ("properties", "size", "type"), "string",
            (READER, "size: integer → string"), (WRITER, "size: integer → string"),
        ),
        (
            ("properties", "size", "type"), "number",
            (READER, "size: integer → number"), (HARMLESS, "size: integer → number"),
        ),
        (
            ("properties", "size", "nullable"), True,
            (READER, "size: integer → integer or null"), (HARMLESS, "size: integer → integer or null"),
        ),
        (
            ("properties", "id", "format"), "uuid",
            (HARMLESS, "id: string → string (uuid)"), (WRITER, "id: string → string (uuid)"),
        ),
        (
            ("properties", "kind", "enum"), ["a"],
            (HARMLESS, 'kind: "a" or "b" → "a"'), (WRITER, 'kind: "a" or "b" → "a"'),
        ),
    ],
)  # fmt: skip
def test_what_breaks_readers_may_be_harmless_for_writers(
    place: tuple[str, ...], value: Any, answer: tuple[Severity, str], request_: tuple[Severity, str]
) -> None:
    for prefix, where, expected in ((ANSWER, "200", answer), (BODY, "body", request_)):
        severity, text = expected
        found = changed(edited((*prefix, *place), value))
        assert found == [(severity, f"{where} application/json.{text}")]


def test_keys_permissions_statuses_and_operations() -> None:
    assert changed(edited(("security",), [{"bearerAuth": []}])) == [(WRITER, "key: not required → required")]
    assert changed(edited(("x-permissions",), ["tools:create"])) == [
        (WRITER, "permission: none → tools:create")
    ]
    assert changed(document(), edited(("x-permissions",), ["tools:create"])) == [
        (HARMLESS, "permission: tools:create → none")
    ]
    assert changed(edited(("parameters",), [])) == [(WRITER, "query page is gone")]
    assert changed(edited(("responses", "204"), {})) == [(READER, "status 204 is new")]
    empty: dict[str, Any] = {"paths": {}}
    assert changed(empty) == [(WRITER, "the operation is gone")]
    assert changed(document(), empty) == [(HARMLESS, "the operation is new")]
    assert changed(document()) == []


def test_outcomes_that_versions_answer_in_another_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", "3.0.5", "3.1.4", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    operations = data["operations"]
    assert {"severity": "reader", "text": "NotFound: 500 → 404"} in operations["GET /chatflows/{id}"]
    assert {"severity": "writer", "text": "Ok: 200 → 404"} in operations["GET /leads/{id}"]
    assert {"severity": "writer", "text": "key: not required → required"} in operations[
        "POST /vector/upsert/{id}"
    ]
    assert {"severity": "writer", "text": "ids of Tool: mutable → generated"} in operations[EVERY]
    assert data["breaks"]["reader"] > 5


def test_the_command_compares_any_two_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", "3.1.4", "3.1.4"]) == 0
    assert capsys.readouterr().out == "nothing changes from 3.1.4 to 3.1.4\n"
    assert main(["changes", "3.0.5", "3.1.4", "--exit-zero"]) == 0
    output = capsys.readouterr().out
    assert "GET /tools\n  breaks writers: permission: none → tools:view\n" in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("9.9.9", "there is no contract for Flowise 9.9.9, nor for an older 9.x; choose one of 2.2.8"),
        ("new", "choose one of documented, clients, "),
    ],
)
def test_an_unknown_contract_is_an_error(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["changes", "3.1.4", name])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_table_of_versions_is_up_to_date() -> None:
    page = "\n".join(versions_page.lines()) + "\n"
    assert Path(versions_page.PAGE).read_text() == page, "run `make docs`"


@pytest.mark.parametrize("version", contracts.versions())
def test_a_real_server_was_judged_by_the_whole_contract(version: str) -> None:
    """Who adds an operation to a version judges a real server again."""
    count = len(list(operations(contracts.load(version))))
    assert versions_page.JUDGED[version][0] == f"{count} of {count}"
