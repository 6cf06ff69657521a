"""Twenty files of each kind: what a real 3.1.4 reads of them, recorded in `loaded.json`, and what is read here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowise_mock.knowledge.chunking import chunks_of
from flowise_mock.knowledge.files import Upload
from flowise_mock.state.outcomes import Outcome, UnreadableFile
from knowledge.made_files import Made, made_files

LOADED = json.loads(Path(__file__).with_name("loaded.json").read_text())
KNOWN = {
    "4.pdf": "a gap between two texts on a line is a blank here",
    "14.pdf": "the same",
    "18.xlsx": "a first row without cells counts as the row of names there",
}


def read(made: Made) -> Any:
    """The texts and metadata of a file, or why it cannot be read."""

    def refuse(outcome: Outcome) -> None:
        raise outcome

    loader = {"loaderId": made.loader, "loaderConfig": made.config, "splitterId": "", "splitterConfig": {}}
    try:
        found = list(chunks_of(refuse, loader, [Upload(made.name, made.media, made.data)]))
    except UnreadableFile as failure:
        return failure.reason + failure.place
    return [[each.text, each.metadata] for each in found if each]


@pytest.mark.parametrize("made", list(made_files()), ids=lambda made: made.name)
def test_a_file_is_read_as_a_real_server_reads_it(made: Made) -> None:
    assert (read(made) == LOADED[made.name]) is (made.name not in KNOWN)


def test_there_are_twenty_of_each_kind() -> None:
    kinds = [name.rpartition(".")[2] for name in LOADED]
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(
        ("pdf", "docx", "csv", "json", "jsonl", "txt", "md", "html", "xlsx"), 20
    )
