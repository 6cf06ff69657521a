"""Overlays: each action does something, and what it makes is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.lint.run import lint
from lint.test_faults import TEXT

HEAD = "overlay: 1.0.0\ninfo: {title: a, version: '1'}\nextends: openapi.yaml\nactions:\n"
CASES = {
    "does something": ("  - {target: $.info, update: {title: b}}\n", []),
    "matches nothing": ("  - {target: $.inf, update: {title: b}}\n", [("overlay-target", 5)]),
    "a filter matches nothing": (
        "  - {target: '$.tags[?@.name == \"x\"]', remove: true}\n",
        [("overlay-target", 5)],
    ),
    "changes nothing": ("  - {target: $.info, update: {title: Flowise APIs}}\n", [("overlay-unchanged", 5)]),
    "no target": ("  - {update: {title: b}}\n", [("overlay-form", 5)]),
    "neither": ("  - {target: $.info}\n", [("overlay-form", 5)]),
    "not a path": ("  - {target: '$..[', update: {}}\n", [("overlay-form", 5)]),
    "an invalid result": (
        "  - {target: $.info, update: {title: b}}\n  - target: $.info\n    update: {version: [1]}\n",
        [("overlay-result", 6)],
    ),
    "a broken reference": ("  - {target: $.components.schemas.Error, remove: true}\n", None),
    "twice": ("  - {target: $.info, target: $.info, update: {title: b}}\n", [("no-duplicate-keys", 5)]),
}


@pytest.mark.parametrize("name", CASES)
def test_overlay(name: str, tmp_path: Path) -> None:
    actions, expected = CASES[name]
    (tmp_path / "openapi.yaml").write_text(TEXT)
    file = tmp_path / "overlay.yaml"
    file.write_text(HEAD + actions)
    reported = [(each.rule, each.line) for each in lint([file])]
    if expected is None:
        assert set(reported) == {("overlay-result", 5)}
    else:
        assert reported == expected


@pytest.mark.parametrize(
    "text",
    [
        "overlay: 2.0.0\ninfo: {title: a, version: '1'}\nactions: [{target: $, update: {a: 1}}]\n",
        "overlay: 1.0.0\ninfo: {title: a}\nactions: [{target: $, update: {a: 1}}]\n",
        "overlay: 1.0.0\ninfo: {title: a, version: '1'}\nactions: []\n",
        HEAD.replace("openapi.yaml", "none.yaml") + "  - {target: $, update: {a: 1}}\n",
        HEAD.replace("openapi.yaml", "overlay.yaml") + "  - {target: $, update: {a: 1}}\n",
        HEAD.replace("openapi.yaml", "https://example.org/a.yaml") + "  - {target: $, update: {a: 1}}\n",
    ],
)
def test_an_overlay_that_is_none(text: str, tmp_path: Path) -> None:
    file = tmp_path / "overlay.yaml"
    file.write_text(text)
    assert [each.rule for each in lint([file])] == ["overlay-form"]


def test_references_to_other_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "a.json").write_text('{\n "A": {"type": "array"},\n "B": {"$ref": "#/C"}\n}\n')
    file = tmp_path / "api.yaml"
    file.write_text(
        "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n"
        "    A: {$ref: 'schemas/a.json#/A'}\n    B: {$ref: 'schemas/a.json#/B'}\n"
    )
    reported = [
        (Path(each.file).name, each.rule, each.line) for each in lint([file]) if each.severity == "error"
    ]
    assert reported == [("a.json", "array-items", 2), ("a.json", "no-unresolved-refs", 3)]
