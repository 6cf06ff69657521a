"""Documents are split into chunks and ranked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowise_mock.knowledge import ranking, splitter
from flowise_mock.knowledge.chunking import split as split_document
from flowise_mock.knowledge.documents import Document
from flowise_mock.knowledge.files import Upload, plain_text
from flowise_mock.knowledge.ranking import READ, rank
from flowise_mock.knowledge.splitter import CHUNK_OVERLAP, CHUNK_SIZE, MAX_CHUNKS, PIECES
from flowise_mock.state.table import Record, StoredRecord


def split(text: str, size: int = CHUNK_SIZE, overlap: int = CHUNK_OVERLAP) -> list[str]:
    return [chunk for chunk in splitter.split(text, size, overlap) if chunk is not None]


def test_a_short_text_is_one_chunk() -> None:
    assert split("the sky is blue") == ["the sky is blue"]


def test_a_text_is_split_at_paragraphs_then_lines_then_words() -> None:
    text = "first paragraph here\n\nsecond paragraph\nof two lines"
    assert split(text, 25, 0) == ["first paragraph here", "second paragraph", "of two lines"]


def test_chunks_overlap_by_whole_words() -> None:
    assert split("one two three four five six", 14, 6) == ["one two three", "three four", "four five six"]


def test_a_text_is_split_as_recorded() -> None:
    assert sorted(split("The sky is blue. Grass is green. " * 8, 80, 10)) == [
        "The sky is blue. Grass is green. The sky is blue. Grass is green. The sky is",
        "is blue. Grass is green. The sky is blue. Grass is green.",
        "is blue. Grass is green. The sky is blue. Grass is green. The sky is blue.",
        "sky is blue. Grass is green. The sky is blue. Grass is green. The sky is blue.",
    ]


def test_a_text_without_separators_is_split_by_length() -> None:
    assert split("abcdefghij", 4, 1) == ["abcd", "defg", "ghij"]


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
@pytest.mark.parametrize("overlap", [0, 3, 50, 5000])
def test_no_chunk_is_too_large_and_no_word_is_lost(size: int, overlap: int) -> None:
    text = "\n\n".join(" ".join(f"word{n}" for n in range(i, i + 30)) for i in range(20))
    chunks = split(text, size, overlap)
    assert max(map(len, chunks)) <= size
    if size >= 7:
        assert {word for chunk in chunks for word in chunk.split()} == set(text.split())


def test_the_number_of_chunks_is_limited() -> None:
    assert len(split("x" * 1_000_000, 1, 0)) <= MAX_CHUNKS
    assert len(split("x y " * 100_000, 1000, 999)) <= MAX_CHUNKS


def test_an_empty_text_has_no_chunks() -> None:
    assert split("") == []
    assert split(" \n\n ") == []


def ranked(chunks: list[Record], question: str) -> list[str]:
    return [chunk["pageContent"] for chunk in asyncio.run(rank(chunks, question))]


def test_chunks_are_ranked_by_shared_words() -> None:
    chunks = [{"pageContent": text} for text in ("the sea is deep", "The sky is BLUE", "nothing")]
    assert ranked(chunks, "why is the sky blue?") == [
        "The sky is BLUE",
        "the sea is deep",
        "nothing",
    ]


def test_the_plain_text_a_file() -> None:
    assert plain_text(Upload("a.txt", "text/plain", "\ufeffgrüße".encode())) == "grüße"
    assert plain_text(Upload("a.json", "application/json", b"{}")) == "{}"
    assert plain_text(Upload("a.png", "image/png", b"\x89PNG")) == "\ufffdPNG"
    assert plain_text(Upload("a.txt", "text/plain", b"\xff\xfe")) == "\ufffd\ufffd"


# --- long work ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["word " * 50_000, "x" * 50_000, "a\n" * 50_000])
def test_a_long_text_is_split_in_steps(text: str) -> None:
    """Between two steps only PIECES pieces are merged, so others need not wait for the whole text."""
    steps = list(splitter.split(text, 10, 0))
    chunks = 0
    for step in steps:
        chunks = 0 if step is None else chunks + 1
        assert chunks <= PIECES
    assert None in steps


@pytest.mark.parametrize("window", [2, 3, 7, 50])
@pytest.mark.parametrize(
    "text", ["a b c\n\nd e", "ab" * 60, "a" * 41 + "\n\n" + "b" * 30, "a b " * 40, "a\n"]
)
def test_separators_are_searched_in_windows(text: str, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = split(text, 10, 0)
    before = sum(step is None for step in splitter.split(text, 10, 0))
    monkeypatch.setattr(splitter, "WINDOW", window)
    assert split(text, 10, 0) == expected
    pauses = sum(step is None for step in splitter.split(text, 10, 0)) - before
    assert pauses >= (text.find("\n\n") if "\n\n" in text else len(text)) // window - 1


def test_lines_are_counted_once() -> None:
    """The text before a chunk is not counted anew for each chunk, which took minutes for a large text."""
    counted: list[int] = []

    class Text(str):
        __slots__ = ()

        def count(self, *part: Any) -> int:
            counted.append(part[2] - part[1] if len(part) == 3 else 0)
            return super().count(*part)

    text = Text("".join(f"line {number} of many\n" for number in range(3000)))
    found = [each for each in split_document(Document(text, {}), 100, 0) if each]
    assert found[-1].metadata["loc"]["lines"]["to"] == 3000  # the last line break is no part of a chunk
    assert sum(counted) <= len(text)


def test_words_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of stored chunks are kept until a chunk is another one."""
    chunks: list[Record] = [StoredRecord(pageContent=f"chunk {number}") for number in range(50)]
    read: list[str] = []
    words = ranking.words

    def counting(text: str) -> set[str]:
        read.append(text)
        return words(text)

    monkeypatch.setattr(ranking, "words", counting)
    assert ranked(chunks, "chunk 7")[0] == "chunk 7"
    assert len(read) == 51
    assert ranked(chunks, "chunk 9")[0] == "chunk 9"
    assert len(read) == 52
    changed = [*chunks[:3], StoredRecord(pageContent="another 77"), *chunks[4:]]
    assert ranked(changed, "77")[0] == "another 77"
    assert len(read) == 103


def test_the_beginning_of_a_long_text_counts() -> None:
    chunks = [{"pageContent": "z " * READ + "deep"}, {"pageContent": "deep"}]
    assert ranked(chunks, "deep")[0] == "deep"
    assert ranked(chunks, "z " * READ + "deep")[0] != "deep"


def test_ranking_ends_if_no_one_is_left() -> None:
    async def left() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(rank([{"pageContent": "a"}], "a", left))
