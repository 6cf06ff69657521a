"""Positions: what YAML 1.2 and JSON hold, and at which line and column."""

from __future__ import annotations

from typing import Any

import pytest

from flowise_mock.contract import positions_json, positions_yaml
from flowise_mock.contract.positions import DEFAULT_LIMITS, Positions, ReadingError

LONG = "k" * 3000


def places(read: Positions) -> dict[str, tuple[int, int]]:
    return {pointer: tuple(read.place(pointer)) for pointer in [*read.keys, *read.values]}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "pointer", "line", "column"),
    [
        (f'{{"{LONG}": {{"a": 1}}}}', f"/{LONG}/a", 1, 3012),
        ('{"a"\n : \n 7}', "/a", 3, 2),
        ('{\n\t"a": {"b": [1,\n\t\t2]}}', "/a/b/1", 3, 3),
        ('{"\\u0061/~": "\\ud83d\\ude00", "b": 2}', "/b", 1, 35),
        ('{"a":1,\r\n"b":2,\r"c":3}', "/c", 3, 5),
        ('["\u2028", 2]', "/1", 1, 7),
        ('{"a": {}, "b": []}', "/b", 1, 11),
        ("7", "", 1, 1),
    ],
)
def test_json(text: str, pointer: str, line: int, column: int) -> None:
    assert positions_json.read(text).place(pointer) == (line, column)


def test_json_values() -> None:
    read = positions_json.read('{"a/b": [1.5, "x\\ud800", null], "a/b": {"c~": true}}')
    assert read.value == {"a/b": {"c~": True}}
    assert [(each.pointer, each.place, each.first) for each in read.duplicates] == [
        ("/a~1b", (1, 33), (1, 2))
    ]
    assert positions_json.read('["\\ud800", "\\\\ud800"]').value == ["\ufffd", "\\ud800"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": 1,}',
        "[" * (DEFAULT_LIMITS.depth + 1) + "]" * (DEFAULT_LIMITS.depth + 1),
        "[" * 200_000,
    ],
)
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(ReadingError):
        positions_json.read(text)


@pytest.mark.parametrize(
    ("text", "value", "traps"),
    [
        ("no", "no", 1), ("On", "On", 1), ("2020-01-01", "2020-01-01", 1), ("1:30", "1:30", 1), ("1_000", "1_000", 1),
        ("0123", 123, 1), ("0o17", 15, 0), ("0x1F", 31, 0), ("1e3", 1000.0, 0), ("1.10", 1.1, 0), (".5", 0.5, 0),
        ("true", True, 0), ("~", None, 0), ("", None, 0), ("'no'", "no", 0), ("!!str 7", "7", 0), ("!!int '7'", 7, 0),
        (".inf", ".inf", 1), (".NaN", ".NaN", 1), ("!x 7", "7", 1), ("yes no", "yes no", 0), ("+7", 7, 0),
        ("!!set {b, c}", {"b": None, "c": None}, 1), ("!x [7]", [7], 1), ("!!map {}", {}, 0), ("!!seq []", [], 0),
    ],
)  # fmt: skip
def test_yaml_scalars(text: str, value: Any, traps: int) -> None:
    read = positions_yaml.read(f"a: {text}")
    assert (read.value["a"], type(read.value["a"])) == (value, type(value))
    assert len(read.traps) == traps


def test_a_chain_of_anchors_is_no_deeper_than_the_limit() -> None:
    """Each anchor holds the one before it: the text is flat, and the value is deep."""
    lines = ["- &a0 []", *(f"- &a{n} [*a{n - 1}]" for n in range(1, 300))]
    depth = DEFAULT_LIMITS.depth
    assert len(positions_yaml.read("\n".join(lines[: depth - 1])).value) == depth - 1
    with pytest.raises(ReadingError, match=f"nested more than {depth} deep once its aliases are followed"):
        positions_yaml.read("\n".join(lines[:depth]))


def test_a_number_keeps_its_text() -> None:
    assert positions_yaml.read("a: 1.10\nb: 1.1\nc: 0123").texts == {"/a": "1.10", "/c": "0123"}


ANCHORS = "x: &x\n  a: {b: 1}\ny: *x\nz:\n  <<: *x\n  c: 2\nw: {<<: [*x, {d: 1}], a: 3}\nv: &v [*x]\nu: *v\n"


@pytest.mark.parametrize(
    ("pointer", "anchor"),
    [
        ("/y/a/b", "/x/a/b"), ("/z/a/b", "/x/a/b"), ("/z/c", "/z/c"), ("/w/a", "/w/a"), ("/w/d", "/w/<</1/d"),
        ("/u/0/a", "/x/a"), ("/v/0", "/x"), ("/x/a", "/x/a"),
    ],
)  # fmt: skip
def test_an_alias_leads_to_its_anchor(pointer: str, anchor: str) -> None:
    read = positions_yaml.read(ANCHORS)
    assert read.anchor(pointer) == anchor
    assert read.place(pointer) == read.place(anchor)
    assert read.value["z"] == {"a": {"b": 1}, "c": 2}
    assert read.value["w"] == {"a": 3, "d": 1}


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert positions_yaml.read('"<<": {a: 1}\n').value == {"<<": {"a": 1}}
    assert positions_yaml.read("<<: {a: 1}\n").value == {"a": 1}
