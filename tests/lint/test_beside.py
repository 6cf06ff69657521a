"""The documents of `beside/`: what is found in them, line by line, as `make lint-beside` compares it with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.lint.findings import Finding
from flowise_mock.lint.run import lint
from lint.beside import big, rules
from lint.beside.run import DOCUMENTS, FOLDER, RESOURCES

EXPECTED = FOLDER / "expected.txt"


def reported(findings: list[Finding], folder: Path) -> list[str]:
    """`file:line:column rule` of each, in their order."""
    return [
        f"{Path(each.file).resolve().relative_to(folder).as_posix()}:{each.line}:{each.column} {each.rule}"
        for each in findings
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_found(document: str, tmp_path: Path) -> None:
    folder = tmp_path if document == "big.json" else FOLDER
    if document == "big.json":
        (tmp_path / document).write_text(big.document(RESOURCES))
    names = {"shop": ("shop/",)}.get(document.partition("/")[0], (document,))
    expected = [line for line in EXPECTED.read_text().splitlines() if line.startswith(names)]
    assert expected
    assert reported(lint([folder / document]), folder.resolve()) == expected


def test_differences_are_explained_of_rules_that_are_there() -> None:
    likes = rules.SPECTRAL | rules.REDOCLY
    known = {name for ours in likes.values() for name in ours.split()}
    alone = {name for name, ours in likes.items() if not ours}
    assert {rule for _, rule in rules.WHY} <= known | alone | {"markdown"}
