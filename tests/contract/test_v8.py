"""What V8 says to texts that are no JSON, beside what Node 24 said to the same ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowise_mock.contract import v8

CASES = [json.loads(line) for line in (Path(__file__).parent / "v8-node24.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("source", "said"), CASES, ids=[repr(case[0])[:30] for case in CASES])
def test_it_complains_as_node_does(source: str, said: str | None) -> None:
    found = v8.complaint(source)
    assert (found and found.reason + found.place) == said


def test_node_20_names_no_place() -> None:
    found = v8.complaint("{")
    assert found == ("Expected property name or '}' in JSON at position 1", " (line 1 column 2)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.0, "1"),
        (1.5, "1.5"),
        ([1, None, "a"], "1,,a"),
        ({}, "[object Object]"),
    ],
)
def test_values_become_texts_as_in_javascript(value: Any, text: str) -> None:
    assert v8.text(value) == text


def test_express_takes_objects_and_arrays_alone() -> None:
    assert v8.strict_complaint('"str"') == ('Unexpected token \'"\', ""str"" is not valid JSON', "")
    assert v8.strict_complaint("[]") is None
    assert v8.strict_complaint("") == ("Unexpected end of JSON input", "")
