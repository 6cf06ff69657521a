"""Overlays that would take long, or much memory: one clear line within seconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowise_mock.contract import bounds, contracts
from flowise_mock.contract.document import DocumentError

LEVELS = "\n".join(f"  - &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(12))
BOMB = f"x:\n  - &a0 [lol, lol]\n{LEVELS}\n"
MERGES = "\n".join(
    f"  - &b{n + 1} {{<<: *b{n}, {', '.join(f'k{n}_{i}: *b{n}' for i in range(9))}}}" for n in range(9)
)
HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\n"


def overlay(target: str, update: str = "{x-a: 1}") -> str:
    return f'{HEAD}actions:\n- target: "{target}"\n  update: {update}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB + overlay("$"), "once its aliases are followed"),
        (f"x:\n  - &b0 {{a: 1}}\n{MERGES}\n" + overlay("$"), "once its aliases are followed"),
        (f"x: {'[' * 100_000}\n" + overlay("$"), "nested deeper"),
        (f"x: {'{a: ' * 50_000}\n" + overlay("$"), "nested deeper"),
        ("- a\n" * 600_000, "has more than 500000 values"),
        (overlay("$..*..*..*..*"), "more than 3 `..`"),
        (overlay("$..*..*..*"), "more than 200000 places|no word x-a"),
        (overlay("$" + "['paths','paths','paths','paths']" + "[*,*,*,*]" * 8), "more than 200000 places|longer than 2 s"),
        (overlay("$..[?search(@.description, '^(.|..)*(.|...)*[zq][zq]$')]"), "repeat in a repeat"),
        (overlay("$..[?@..[?@..[?@..[?@..x]]]]"), "more than 3 `..`"),
        (overlay("$.nothing..x"), "matches nothing"),
        (overlay("$..["), "is not a JSONPath"),
    ],
)  # fmt: skip
def test_an_overlay_ends_within_seconds(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "o.yaml"
    file.write_text(text)
    started = time.process_time()
    with pytest.raises(DocumentError, match=words) as raised:
        contracts.load("documented", [file])
    assert time.process_time() - started < 9
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 500


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(DocumentError, match="is not a file"):
            contracts.load("documented", [path])


def test_a_target_that_is_more_than_a_path_selects(tmp_path: Path) -> None:
    document = contracts.load("documented")
    found = list(bounds.find("$.paths..[?search(@.operationId, '^get.ll')].operationId", document))
    assert len(found) > 5
    assert list(bounds.find("$.paths..[?match(@.operationId, 'getAllTools')]", document)) == [
        ["paths", "/tools", "get"]
    ]
    assert list(bounds.find("$.paths..[?match(@.operationId, 'getAllTool')]", document)) == []


def test_the_bundled_overlays_are_within_the_bounds() -> None:
    for path in contracts.overlay_files("3.1.4"):
        bounds.check_yaml(path.read_bytes())
