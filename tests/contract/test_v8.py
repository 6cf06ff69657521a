"""What V8 says to texts that are no JSON, beside what Node 24 said to the same ones."""

from __future__ import annotations

import json
import re
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


@pytest.mark.parametrize("source", ['{"a": [1, "b", null]}', "[]", " 5 "])
def test_what_is_json_is_not_scanned(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow of a megabyte took 0.14 s for each time that it was saved."""
    monkeypatch.setattr(v8, "Scan", None)
    assert v8.complaint(source) is None


@pytest.mark.parametrize("source", [" " * 1_000_000, '{"a": "' + "x" * 1_000_000])
def test_long_runs_are_passed_over_in_one_step(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    end = v8._end

    def counting(pattern: re.Pattern[str], text: str, at: int) -> int:
        steps.append(at)
        return end(pattern, text, at)

    monkeypatch.setattr(v8, "_end", counting)
    assert v8.complaint(source) is not None
    assert len(steps) < 10


@pytest.mark.parametrize(
    "items", ["1,", '"a\\n",', '{"a": [1, "x"], "b": {}},', '[[], [1, "\\u00e9"]],', "\ntrue ,"]
)
def test_items_are_passed_over_in_one_step(items: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of 4 MB without its end took 1.3 s."""
    steps: list[int] = []
    value = v8.Scan.value

    def counted(scan: v8.Scan) -> None:
        steps.append(scan.at)
        value(scan)

    monkeypatch.setattr(v8.Scan, "value", counted)
    source = "[" + items * 10_000
    found = v8.complaint(source)
    assert found is not None and found.reason == "Unexpected end of JSON input"
    assert len(steps) < 50


@pytest.mark.parametrize("digit", ["1\u0663", "1.\u0663", "1e\u0663", "[\u0663]"])
def test_only_ascii_digits_are_digits(digit: str) -> None:
    assert v8.complaint(digit) is not None


def test_trim_knows_the_whitespace_of_javascript() -> None:
    """Node 24 trims these 25 characters; `strip` trims U+001E, which is a delimiter of CSV files, too."""
    assert len(set(v8.WHITESPACE)) == 25
    assert v8.trim("\ufeff\u00a0\u3000\n a b \u2028") == "a b"
    assert v8.trim("\x1c\x1e\x1f\x85a\u200b") == "\x1c\x1e\x1f\x85a\u200b"


@pytest.mark.parametrize("window", [1, 7, 30])
def test_a_text_is_looked_at_in_windows(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v8, "WINDOW", window)
    for source, said in CASES:
        found = v8.complaint(source)
        assert (found and found.reason + found.place) == said
