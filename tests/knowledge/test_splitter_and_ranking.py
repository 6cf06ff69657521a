"""Documents are split into chunks and ranked."""

from __future__ import annotations

import pytest

from flowise_mock.knowledge.files import Upload, plain_text
from flowise_mock.knowledge.ranking import rank
from flowise_mock.knowledge.splitter import MAX_CHUNKS, split


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


def test_chunks_are_ranked_by_shared_words() -> None:
    chunks = [{"pageContent": text} for text in ("the sea is deep", "The sky is BLUE", "nothing")]
    assert [chunk["pageContent"] for chunk in rank(chunks, "why is the sky blue?")] == [
        "The sky is BLUE",
        "the sea is deep",
        "nothing",
    ]


def test_the_plain_text_a_file() -> None:
    assert plain_text(Upload("a.txt", "text/plain", "\ufeffgrüße".encode())) == "grüße"
    assert plain_text(Upload("a.json", "application/json", b"{}")) == "{}"
    assert plain_text(Upload("a.png", "image/png", b"\x89PNG")) == "\ufffdPNG"
    assert plain_text(Upload("a.txt", "text/plain", b"\xff\xfe")) == "\ufffd\ufffd"
