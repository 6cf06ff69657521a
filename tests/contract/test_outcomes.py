"""Every outcome that an operation can meet is answered with a status that the document names."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from flowise_mock.contract import contracts, document, reachable
from flowise_mock.contract.reachable import functions, outcomes_of_function
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.writing import Writers
from flowise_mock.engine.answers import Answers
from flowise_mock.engine.endpoint import handler

SOURCE = Path(reachable.__file__).parent


@pytest.mark.parametrize("contract", contracts.names())
def test_every_outcome_has_a_documented_answer(contract: str) -> None:
    loaded = contracts.load(contract)
    writers = Writers(loaded, Schemas(loaded))
    undocumented = []
    for operation in document.operations(loaded):
        answers = Answers(loaded, writers, operation.definition)
        for name in sorted(reachable.outcomes_of(loaded, operation)):
            status = answers.status(name)
            if status is not None and str(status) not in operation.definition["responses"]:
                undocumented.append(f"{operation.id}: {name} is answered {status}, which is not documented")
    assert undocumented == []


def test_the_reading_finds_what_is_known() -> None:
    assert outcomes_of_function(("flowise_mock.handlers.tools", "get_tool_by_id")) == {"NotFound"}
    assert outcomes_of_function(("flowise_mock.handlers.tools", "delete_tool")) == {
        "Deletion",
        "NothingToDelete",
    }
    assert outcomes_of_function(
        ("flowise_mock.handlers.feedback", "create_chat_message_feedback_for_chatflow")
    ) == {
        "EmptyField",
        "ConflictingField",
        "MissingColumn",
        "MessageNotFound",
        "NotFound",
    }
    assert {"NotFound", "WrongKey"} <= outcomes_of_function(
        ("flowise_mock.handlers.prediction", "create_prediction")
    )


def test_an_operation_that_refuses_all_requests_promises_no_success() -> None:
    found = contracts.load("3.1.4")["paths"]["/mcp/{id}"]
    assert "200" in found["post"]["responses"]
    assert sorted(found["delete"]["responses"]) == ["405", "412", "500"]


def test_every_function_answers_an_operation_of_some_contract() -> None:
    named = {
        (f"flowise_mock.handlers.{operation.tag.replace('-', '_')}", handler(operation.definition).__name__)
        for contract in contracts.names()
        for operation in document.operations(contracts.load(contract))
    }
    found = {
        (f"flowise_mock.handlers.{path.stem}", name)
        for path in (SOURCE / "handlers").glob("*.py")
        for name, read in functions(f"flowise_mock.handlers.{path.stem}").items()
        if read.is_async and not name.startswith("_")
    }
    assert found - named == set()
    for module, _ in found:
        importlib.import_module(module)
