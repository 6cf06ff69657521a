"""Each fault of the table is found at its line, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.contract import contracts
from flowise_mock.lint.findings import Finding
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings, load
from lint.faults import FAULTS, SCHEMAS, Fault

TEXT = (contracts.root() / "openapi.yaml").read_text()
OURS = load(folder=contracts.root())
OWN_FIELD = {"flowise-clients", "flowise-recorded"}
"""Rules on what clients and recordings know of Flowise, which our document does not."""
FAST = frozenset({*OWN_FIELD, "spec-validator"})
"""What most tests do without."""


def test_our_document_and_its_overlays_are_clean() -> None:
    files = [contracts.root() / "openapi.yaml", *sorted((contracts.root() / "overlays").glob("*.yaml"))]
    assert {each.rule for each in lint(files, OURS)} == OWN_FIELD


def faulty(fault: Fault) -> tuple[str, int]:
    """The document with the fault, and the line where it is to be found."""
    assert fault.old in TEXT, "the document has changed: choose another place for this fault"
    start = TEXT.index(fault.old)
    text = TEXT[:start] + fault.new + TEXT[start + len(fault.old) :]
    where = text.find(fault.at, start)
    if where < 0 or (fault.at and where > start + len(fault.new)):  # above: what holds the place
        where = text.rfind(fault.at, 0, start)
    line = text.count("\n", 0, where) + 1 if fault.at else 1
    return (_used(text) if fault.old == SCHEMAS and fault.rule != "no-unused-components" else text), line


def _used(text: str) -> str:
    """A use of the schema, behind it, so that its lines stay."""
    holder = (
        "    ChatMessage:\n      type: object\n      description: One message of a chat.\n      properties:\n"
    )
    assert holder in text
    return text.replace(holder, f"{holder}        faulty: {{$ref: '#/components/schemas/Faulty'}}\n")


def found(tmp_path: Path, text: str) -> list[Finding]:
    file = tmp_path / "openapi.yaml"
    file.write_text(text)
    settings = Settings(OURS.severities, OURS.ignores, skip=FAST)
    return lint([file], settings)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_at_its_line_and_alone(name: str, tmp_path: Path) -> None:
    text, line = faulty(FAULTS[name])
    reported = [(each.rule, each.line) for each in found(tmp_path, text)]
    assert reported == [(FAULTS[name].rule, line)]


def test_there_are_many() -> None:
    assert len(FAULTS) >= 40
