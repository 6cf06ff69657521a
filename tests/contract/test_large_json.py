"""Large JSON is read in parts: the same values as of the whole, and no part is large."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import orjson
import pytest

from flowise_mock.contract import jsontext, large_json
from flowise_mock.contract.large_json import Broken, NotInParts

CHARACTERS = 'ab\\"\n\u00e9\u20ac\U0001f600[]{},: '
SCALARS: tuple[Any, ...] = (0, -2.5, 10**10, True, False, None, "", [], {})
MESSAGES = {"question": "a", "history": [{"type": "userMessage", "message": "b"}] * 2000}


def shallow(_value: Any, _around: int) -> bool:
    return False


def made(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 4 or kind < 0.35:
        return "".join(chance.choices(CHARACTERS, k=chance.randrange(30)))
    if kind < 0.5:
        return chance.choice(SCALARS)
    if kind < 0.75:
        return [made(chance, depth + 1) for _ in range(chance.randrange(6))]
    return {str(chance.randrange(20)): made(chance, depth + 1) for _ in range(chance.randrange(6))}


def broken(chance: random.Random, text: bytes) -> bytes:
    """A text with something put in or taken out, which may leave it JSON."""
    at = chance.randrange(len(text) + 1)
    return (
        text[:at]
        + chance.choice((b"", b",", b"]", b"}", b'"', b"\\", b" "))
        + text[at + chance.randrange(2) :]
    )


@pytest.mark.parametrize("part", [16, 40, 64, 1000])
def test_parts_and_the_whole_are_the_same(part: int) -> None:
    chance = random.Random(part)
    reasons: list[type[BaseException]] = []
    for _ in range(500):
        text = json.dumps(
            made(chance), ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, 1))
        ).encode()
        for each in (text, *(broken(chance, text) for _ in range(4))):
            try:
                expected = orjson.loads(each)
            except ValueError as error:
                with pytest.raises((Broken, NotInParts)) as refused:
                    large_json.loads(each, shallow, 200, part)
                assert refused.type is NotInParts or str(refused.value) == str(error)
                reasons.append(refused.type)
            else:
                found = large_json.loads(each, shallow, 200, part)
                assert json.dumps(found) == json.dumps(expected)  # also in the order of their keys
    assert reasons.count(Broken) > len(reasons) / 2


def sizes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the texts that orjson reads from now on."""
    read: list[int] = []
    loads = orjson.loads

    def counted(text: bytes) -> Any:
        read.append(len(text))
        return loads(text)

    monkeypatch.setattr(orjson, "loads", counted)
    return read


@pytest.mark.parametrize(
    "value",
    [
        MESSAGES,
        {"name": "a", "value": "word " * 20_000},
        {"value": "\u20ac\U0001f600" * 9000, "other": ["\n\\" * 20_000, ["x" * 9000] * 9]},
        [[[{"nodes": [{"data": {"inputs": {}}}] * 2000}]]],
    ],
)
@pytest.mark.parametrize("ascii", [True, False])
def test_no_part_is_large(value: Any, ascii: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read = sizes_read(monkeypatch)
    text = json.dumps(value, ensure_ascii=ascii).encode()
    assert large_json.loads(text, shallow, 200, 4096) == value
    assert max(read) <= 4096 + 2
    assert len(read) < len(text) / 1000


@pytest.mark.parametrize("depth", [199, 200, 201])
@pytest.mark.parametrize("size", [10, jsontext.LARGE])
def test_the_depth_is_limited_whatever_the_size(depth: int, size: int) -> None:
    text = b'["' + b"x" * size + b'",' + b"[" * (depth - 1) + b"]" * depth
    if depth <= jsontext.MAX_DEPTH:
        assert len(jsontext.loads(text)) == 2
    else:
        with pytest.raises(ValueError, match="nested deeper than 200 levels"):
            jsontext.loads(text)


@pytest.mark.parametrize("depth", [199, 200, 201, 900])
def test_the_depth_around_a_large_value_is_limited(depth: int) -> None:
    text = b"[" * depth + b'"' + b"x" * jsontext.LARGE + b'"' + b"]" * depth
    assert jsontext.is_json(text.decode())
    if depth <= jsontext.MAX_DEPTH:
        assert jsontext.dumps(jsontext.loads(text)).encode() == text
    else:
        with pytest.raises(ValueError, match="nested deeper than 200 levels"):
            jsontext.loads(text)


def test_what_nests_deeply_is_not_read_again_for_each_level() -> None:
    text = b"[" * 150 + b"[[[]]]," * 100_000 + b"1" + b"]" * 150
    started = time.perf_counter()
    assert len(jsontext.loads(text)) == 1
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("text", [b'{"a": "%s"', b'{"a": "%s",}', b'["%s"] x', b'{"a": "%s\n"}', b'[["%s"}'])
def test_what_is_wrong_is_found_in_parts(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text % (b"x" * 200_000)
    with pytest.raises(ValueError, match="char") as expected:
        orjson.loads(text)
    read = sizes_read(monkeypatch)
    with pytest.raises(Broken) as refused:
        large_json.loads(text, shallow, 200, 4096)
    assert str(refused.value) == str(expected.value)
    assert max(read) <= 4096 * large_json.NEAR + 20


@pytest.mark.parametrize("text", [b'["%s]', b'{"a": "%s"]', b'["%s"] x', b'["\\ud800%s"]', b'["\xff%s"]'])
def test_what_is_no_json_is_refused_as_if_it_were_small(text: bytes) -> None:
    text = text % (b"x" * jsontext.LARGE)
    with pytest.raises(ValueError, match=r".") as expected:
        orjson.loads(text)
    with pytest.raises(ValueError, match=r".") as refused:
        jsontext.loads(text)
    assert str(refused.value) == str(expected.value)


def test_a_text_of_characters() -> None:
    text = json.dumps(["\u20ac" * jsontext.LARGE], ensure_ascii=False)
    assert jsontext.loads(text) == ["\u20ac" * jsontext.LARGE]
    with pytest.raises(ValueError, match="surrogates"):
        jsontext.loads(f'["{"x" * jsontext.LARGE}\ud800"]')
