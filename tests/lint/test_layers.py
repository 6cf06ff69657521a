"""A document with overlays: each finding is at the file and line where its place was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowise_mock import cli
from flowise_mock.contract import contracts
from flowise_mock.lint import rules_validator
from flowise_mock.lint.run import lint, lint_layers
from flowise_mock.lint.settings import Settings

BASE = """openapi: 3.0.3
info: {title: a, version: '1'}
paths:
  /a:
    get:
      operationId: a
      tags: [x]
      parameters:
        - {name: gone, in: query, schema: {type: string}}
        - {name: kept, in: query, schema: {type: strin}}
      responses: {'200': {description: ok}}
"""
ONE = """overlay: 1.0.0
info: {title: one, version: '1'}
actions:
  - target: $.paths['/a'].get.parameters[0]
    remove: true
  - target: $.paths['/a'].get
    update:
      parameters:
        - {name: more, in: query, schema: {type: numbr}}
  - target: $.paths
    update:
      /b: {get: {operationId: a, responses: {'200': {}}}}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "a.yaml").write_text(BASE)
    (tmp_path / "one.yaml").write_text(ONE)
    return [tmp_path / "a.yaml", tmp_path / "one.yaml"]


def test_where_a_finding_comes_from(files: list[Path]) -> None:
    found = lint_layers(files, Settings())
    errors = [(Path(each.file).name, each.rule, each.line) for each in found if each.severity == "error"]
    assert errors == [
        ("a.yaml", "struct", 10),
        ("one.yaml", "struct", 9),
        ("one.yaml", "operation-operationId-unique", 12),
        ("one.yaml", "struct", 12),
    ]
    assert all(each.source for each in found)


def test_an_overlay_that_cannot_be_applied(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    files[1].write_text(ONE.replace("parameters[0]", "nothing[0]"))
    assert cli.main(["lint", str(files[0]), "--overlay", str(files[1])]) == 2
    assert "one.yaml" in capsys.readouterr().err


def test_a_contract(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(contracts.root())
    assert cli.main(["lint", "--contract", "3.1.4", "--format", "json", "--fail-on", "error"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {each["file"] for each in found} >= {"openapi.yaml", "overlays/clients.yaml"}
    assert cli.main(["lint", "--contract", "none"]) == 2


def test_a_second_opinion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What openapi-spec-validator alone refuses is a warning; what is reported anyway, or known, is not."""
    file = tmp_path / "a.yaml"
    file.write_text(BASE)
    errors = [
        (["info", "title"], "is too short"),
        (["paths", "/a", "get", "parameters", 1], "is not valid"),
        (["info"], "Unevaluated properties are not allowed ('nodeType' was unexpected)"),
    ]
    monkeypatch.setattr(rules_validator, "_errors", lambda spec: iter(errors))
    found = [each for each in lint([file]) if each.rule == "spec-validator"]
    assert [(each.severity, each.pointer) for each in found] == [
        ("warning", "/info"),
        ("warning", "/info/title"),
    ]
    file.write_text(BASE.replace("3.0.3", "3.2.0"))
    assert [each.pointer for each in lint([file]) if each.rule == "spec-validator"] == ["/info/title"]
    monkeypatch.setattr(rules_validator, "MAX_SIZE", 10)
    assert [each for each in lint([file]) if each.rule == "spec-validator"] == []


def test_the_validator_itself_is_called(tmp_path: Path) -> None:
    from flowise_mock.lint.source import load
    from flowise_mock.lint.spec import Spec

    file = tmp_path / "a.yaml"
    for version in ("3.0.3", "3.1.0", "3.2.0"):
        file.write_text(BASE.replace("3.0.3", version))
        assert list(rules_validator._errors(Spec(load(file)))), version
