"""Small documents by the text of the standard: those that must pass, and those that must fail and where.

The first line of each says which. A document that passes has no error, and nothing of the rules that it
names, which it comes close to. One that fails has the findings that are listed, as rule@line, and no error
besides.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.lint.rules import RULES
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings

FOLDER = Path(__file__).parent / "corpus"
DOCUMENTS = sorted(path.name for path in FOLDER.glob("v*.yaml"))
ELSEWHERE = {"spec-validator", "schema-description"}
"""Rules with tests of their own: what another validator alone refuses, and one that is off."""


def head(name: str) -> tuple[str, list[str]]:
    """Whether a document must pass or fail, and what its first line names."""
    verdict, _, rest = (FOLDER / name).read_text().splitlines()[0].removeprefix("# ").partition(": ")
    return verdict, rest.split()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document(name: str) -> None:
    verdict, named = head(name)
    found = lint([FOLDER / name], Settings())
    errors = {f"{each.rule}@{each.line}" for each in found if each.severity == "error"}
    if verdict == "pass":
        assert errors == set()
        assert {each.rule for each in found} & set(named) == set()
    else:
        assert errors <= set(named)
        assert set(named) <= {f"{each.rule}@{each.line}" for each in found}
    assert [each for each in found if each.rule == "internal"] == []


def test_there_are_sixty_and_each_rule_has_both() -> None:
    heads = [head(name) for name in DOCUMENTS]
    assert len(heads) >= 60
    assert {name[:3] for name in DOCUMENTS} == {"v20", "v30", "v31", "v32"}
    rules = {rule.name for rule in RULES if rule.find} - ELSEWHERE
    for verdict in ("pass", "fail"):
        named = {each.partition("@")[0] for kind, listed in heads if kind == verdict for each in listed}
        assert rules - named == set(), verdict
