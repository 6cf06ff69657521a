"""--fix: the overlay, laid over the document, takes the errors away and changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowise_mock import cli
from flowise_mock.contract import document, overlay
from flowise_mock.contract.changes import changes
from flowise_mock.lint import fix
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings
from flowise_mock.lint.source import load
from lint import vendor
from lint.faults import FAULTS
from lint.test_faults import FAST, OURS, faulty

FIXABLE = (
    "timestamp", "no", "1.10", "response without description", "path parameter not declared",
    "path parameter not in the path", "path parameter optional", "no operationId", "server with a slash",
    "array without items", "enum twice", "enum against type", "nullable enum", "unknown tag",
)  # fmt: skip
"""The faults that can be fixed without knowing what is meant."""
SHOWN = {
    "enum twice": [
        'query chatType: "INTERNAL" or "INTERNAL" or "EXTERNAL" → "INTERNAL" or "EXTERNAL"',
    ],
    "enum against type": ['query chatType: "INTERNAL" or 7 or "EXTERNAL" → "INTERNAL" or "7" or "EXTERNAL"'],
    "nullable enum": ['200 application/json[].faulty: "a" or null → "a" or null or null'],
}
"""What `flowise-mock changes` shows between a document and the fixed one: enums, and nothing of the rest."""


def errors(file: Path) -> list[tuple[str, str]]:
    """What is found in a file, as our settings have it."""
    return [
        (each.rule, each.pointer) for each in lint([file], Settings(OURS.severities, OURS.ignores, skip=FAST))
    ]


@pytest.mark.parametrize("name", FIXABLE)
def test_a_fix_removes_the_fault_and_nothing_else(name: str, tmp_path: Path) -> None:
    file, overlay = tmp_path / "openapi.yaml", tmp_path / "overlay.yaml"
    file.write_text(faulty(FAULTS[name])[0])
    before = file.read_text()
    cli.main(["lint", str(file), "--fix", str(overlay), "--skip", "spec-validator"])
    assert file.read_text() == before
    made = yaml.safe_load(overlay.read_text())
    assert all(isinstance(target, dict | list) for target in targets(load(file).value, made))
    assert made["extends"] == "openapi.yaml"
    assert [each.rule for each in lint([overlay], Settings(skip=FAST))] in (
        [],
        ["overlay-unchanged"],
    )  # a text that we read as text
    fixed = tmp_path / "fixed" / "openapi.yaml"
    fixed.parent.mkdir()
    fixed.write_text(json.dumps(fix.fixed(load(file).value, made)))
    new = {"operation-4xx-response", "parameter-description", "tag-description"}  # what is added says little
    assert {rule for rule, _ in errors(fixed)} <= new
    assert changed(load(file).value, load(fixed).value, made) == []
    shown = [each.text for _, found in changes(load(file).value, load(fixed).value) for each in found]
    assert shown == SHOWN.get(name, [])


def targets(value: Any, made: dict[str, Any]) -> list[Any]:
    """What the targets of an overlay select: Overlay 1.0 allows objects and arrays."""
    found = []
    for action in made["actions"]:
        for steps in overlay.locations(value, action["target"]):
            node = value
            for step in steps:
                node = node[step]
            found.append(node)
    return found


def changed(before: Any, after: Any, made: dict[str, Any]) -> list[str]:
    """The places that differ, without those that the actions name."""
    for action in made["actions"]:
        steps = next(overlay.locations(before, action["target"]), [None])
        for node in (before, after) if steps != [None] else ():
            for step in steps[:-1]:
                node = node[step]
            if steps and isinstance(node, dict):
                node.pop(steps[-1], None)
            else:
                node.clear()
    return [] if before == after else ["elsewhere"]


def test_faults_that_cannot_be_mended_safely_are_left(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    for name in set(FAULTS) - set(FIXABLE):
        file.write_text(faulty(FAULTS[name])[0])
        assert [
            each.rule
            for each in lint([file], Settings(skip=FAST))
            if each.fix and each.rule == FAULTS[name].rule
        ] == [], name


ERRORS = {
    ("path-parameters-defined", "/paths/~1upsert-history~1{id}/patch"),
    ("no-identical-paths", "/paths/~1document-store~1chunks~1{storeId}~1{loaderId}~1{chunkId}"),
    ("array-items", "/components/schemas/ApiKey/properties/chatFlows"),
    ("array-items", "/components/schemas/Action/properties/mapping/properties/toolCalls"),
    ("array-items", "/components/schemas/Action/properties/elements"),
}
UNUSED = {
    "/components/schemas/ApiKey",
    "/components/schemas/Credential",
    "/components/responses/UnauthorizedError",
}


@pytest.fixture
def stated(tmp_path: Path) -> Path:
    file = tmp_path / "vendor.json"
    file.write_text(json.dumps(vendor.whole(), indent=1))
    return file


def test_the_faults_of_the_vendors_document(stated: Path) -> None:
    found = lint([stated])
    assert {(each.rule, each.pointer) for each in found if each.severity == "error"} == ERRORS
    assert {each.pointer for each in found if each.rule == "no-unused-components"} == UNUSED
    without = [each.pointer for each in found if each.rule == "security-401"]
    assert (
        len(without) == sum("security" in each.definition for each in document.operations(vendor.whole())) - 1
    )


def test_fixing_the_vendors_document(stated: Path, tmp_path: Path) -> None:
    """All errors go but those that need a decision; nothing else changes."""
    overlay = tmp_path / "overlay.yaml"
    assert cli.main(["lint", str(stated), "--fix", str(overlay)]) == 1
    result = fix.fixed(vendor.whole(), yaml.safe_load(overlay.read_text()))
    fixed = tmp_path / "fixed.json"
    fixed.write_text(json.dumps(result))
    left = {(each.rule, each.pointer) for each in lint([fixed]) if each.severity == "error"}
    assert left == {each for each in ERRORS if each[0] == "no-identical-paths"}
    expected = vendor.whole()
    expected["components"]["schemas"]["ApiKey"]["properties"]["chatFlows"]["items"] = {}
    action = expected["components"]["schemas"]["Action"]["properties"]
    action["mapping"]["properties"]["toolCalls"]["items"] = action["elements"]["items"] = {}
    missing = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    expected["paths"]["/upsert-history/{id}"]["patch"].setdefault("parameters", []).append(missing)
    assert result == expected


def test_the_difference_is_shown(stated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["lint", str(stated), "--diff"])
    lines = capsys.readouterr().out.splitlines()
    assert "+        items: {}" in lines or "+          items: {}" in lines
    assert all(line[:1] in "+- @" for line in lines)


def test_the_document_itself_is_never_written(stated: Path) -> None:
    assert cli.main(["lint", str(stated), "--fix", str(stated)]) == 2


PATHS = "/paths/~1chatmessage~1{id}"
STAMPS = {
    ("yaml-implicit-type", f"{PATHS}/{method}/parameters/{number}/schema/example")
    for method, first in (("get", 6), ("delete", 5))
    for number in (first, first + 1)
}


def test_its_faults_as_they_stand_in_yaml(tmp_path: Path) -> None:
    """Table in docs/lint.md: each fault of the document that a reader of it alone can see, and no other error."""
    file = tmp_path / "vendor.yaml"
    file.write_text(vendor.text())
    found = lint([file], Settings(skip=FAST))
    assert {(each.rule, each.pointer) for each in found if each.severity == "error"} == ERRORS
    assert {(each.rule, each.pointer) for each in found if each.rule == "yaml-implicit-type"} == STAMPS
    counts = {rule: sum(each.rule == rule for each in found) for rule in ("security-401", "tag-description")}
    assert counts == {"security-401": 44, "tag-description": 13}
    overlay = tmp_path / "overlay.yaml"
    cli.main(["lint", str(file), "--fix", str(overlay), "--skip", "spec-validator"])
    result = fix.fixed(load(file).value, yaml.safe_load(overlay.read_text()))
    assert list(changes(load(file).value, result)) == []
