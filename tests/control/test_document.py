"""The document of the control API: clean, complete, and kept by the server under Schemathesis."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import httpx
import pytest

from conftest import Running
from control import page
from control.conftest import Namespace
from docs.test_readme import curl
from engine.schemathesis_run import run
from flowise_mock.contract.document import operations
from flowise_mock.contract.names import snake
from flowise_mock.control import app
from flowise_mock.lint.run import lint

EXAMPLES = {"default": 8, "slow": 100}


def test_lint_finds_nothing() -> None:
    assert [str(each) for each in lint([app.DOCUMENT]) if each.severity != "info"] == []


def test_the_page_lists_the_operations() -> None:
    assert page.page() == page.PAGE.read_text(), "run make docs"


def test_the_examples_of_the_page(ns: Namespace) -> None:
    commands = [line[2:] for line in page.PAGE.read_text().splitlines() if line.startswith("$ ")]
    assert len(commands) == 4
    for command in commands:
        here = command.replace("http://127.0.0.1:3000", f"{ns.server.url}/ns/{ns.name}")
        assert "statusCode" not in curl(ns.control, here)


def test_every_operation_has_a_handler() -> None:
    for operation in operations(app.load()):
        module = import_module(f"{app.HANDLERS}.{operation.definition['tags'][0]}")
        assert callable(getattr(module, snake(operation.id))), operation.id


def test_every_handler_has_an_operation() -> None:
    names = {snake(operation.id) for operation in operations(app.load())}
    folder = Path(import_module(app.HANDLERS).__path__[0])
    for file in folder.glob("[a-z]*.py"):
        module = import_module(f"{app.HANDLERS}.{file.stem}")
        handlers = {
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and getattr(value, "__module__", "") == module.__name__
            and getattr(value, "__code__", None) is not None
        }
        assert handlers <= names


def test_the_document_and_its_page_are_served(default: Running) -> None:
    served = httpx.get(f"{default.url}/__mock__/openapi.json").json()
    assert served["paths"].keys() == app.load()["paths"].keys()
    assert "x-outcomes" not in str(served)
    page = httpx.get(f"{default.url}/__mock__/docs")
    assert page.status_code == 200
    assert "/__mock__/openapi.json" in httpx.get(f"{default.url}/__mock__/docs/start.js").text
    assert httpx.get(f"{default.url}/__mock__/docs/swagger-ui.css").status_code == 200


@pytest.mark.server
@pytest.mark.parametrize("run_of", ["default", pytest.param("slow", marks=pytest.mark.slow)])
def test_schemathesis_finds_nothing(default: Running, run_of: str) -> None:
    """All phases, all checks, no exclusion."""
    done = run(
        f"{default.url}/__mock__", "none", EXAMPLES[run_of], 1,
        hooks="schemathesis_timeout", folder=Path(__file__).parent,
    )  # fmt: skip
    assert done.status == 0, done.output
    default.reset()
