"""The recordings of real servers, played against this one as the same version: what agrees, and what not.

A share is measured over all that can be played; each exchange that differs stands here with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import KEY, Running
from flowise_mock.flows import model_echo, model_recorded
from flowise_mock.replay.exchanges import read
from flowise_mock.replay.player import Player
from flowise_mock.replay.score import Score
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

RECORDINGS = Path(__file__).parents[2] / "fixtures/recordings"
COMMON = {
    "upsertDocument/vs_unreachable": "no vector database is called, so none can be out of reach",
    "editDocumentStoreFileChunk/wrong_types": "the length of a number is NaN in JavaScript, and null in JSON",
    "getAllDocumentStores/ordering_after_update": "the recording lacks what deleted the store that cannot be shown",
}
UNCHANGED = "the recording lacks the upsert that gave the loader another text, so all is known already"
KNOWN = {
    "3.1.4": {**COMMON, "refreshDocument/happy_empty_object": UNCHANGED},
    "3.0.5": {
        **COMMON,
        "refreshDocument/items_docId": UNCHANGED,
        "refreshDocument/clean_happy": UNCHANGED,
        "updateVariable/unknown_id": "the recording lacks the change that moved a variable to this id",
        "updateDocumentStore/unknown": "the recording lacks the change that moved a store to this id",
        "refreshDocument/unknown": "the same store",
        "queryVectorStore/unknown_store": "the same store",
        "deleteDocumentStore/unknown": "the same store",
        "_chatmessage/POST_undocumented": "no client posts chat messages; the operation was removed in 3.0.10",
    },
}
MODEL = {
    "createPrediction/llm_400": "no model that fails answers here without --script recorded-model",
    "createPrediction/stream_llm_error": "the same",
}


ACCIDENT = "an accident of that installation: a class did not know its own member"
ENDED = "the run was ended from outside while it went on"
OF_PREDICTIONS = {
    "createPrediction/rag_retrievalQA": ACCIDENT,
    "getAllChatMessages/rag_retrievalQA": ACCIDENT,
    "createPrediction/nostream_parser": "what a list parser reads is told as an object",
    "createPrediction/nostream_customfunction_object": "the code of a flow is not run",
    "createPrediction/form_second_same_chat_stream": "the server told the form of the question before",
    "createPrediction/same_chatId": "two streams of one chat went on at once",
    "createPrediction/webhook_flow_predicted": "a flow that waits for a webhook starts all the same",
    "createPrediction/abort": ENDED,
    "getAllChatMessages/abort": ENDED,
    "_executions/abort": ENDED,
    "_executions/page_default_count": "the recording keeps a summary",
    "_cors/get_chatbotConfig": "the recording keeps a summary",
    "_cors/preflight_prediction_unknown": "a browser takes either",
    "_webhook": "a webhook answers as a prediction does",
    "_text-to-speech": "there is always a voice",
    "_apikey": "the store keeps keys, not their workspaces",
    "_ip": "not served: no client asks for it",
}
"""What differs in the recorded predictions, by the beginnings of names."""


def score(
    version: str, contract: str, *, model: bool = True, scripts: Sequence[Path] = (), part: str = ""
) -> Score:
    options = Options(
        scripts=scripts,
        contract=contract,
        seed=None,
        token_delay=0,
        hang=30,
        permissions={"low": ["tools:view"]},
        model=model_recorded.say if model else model_echo.say,
    )
    running = Running(build.build(options))
    try:
        player = Player(running.url, KEY, "low", patience=1)
        return Score(player.play(read(next(RECORDINGS.glob(f"flowise-{version}{part}.jsonl*")))))
    finally:
        running.stop()


@pytest.mark.parametrize("version", KNOWN)
def test_a_version_answers_as_it_was_recorded(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = score(version, version)
    with capsys.disabled():
        print(f"\nreplay of {version}: {list(told.lines())[-1]}")
    assert {each.exchange.name for each in told.differing} == set(KNOWN[version]), "\n".join(told.lines())
    assert told.share >= 97
    assert told.word_share >= 90


@pytest.mark.parametrize("version", KNOWN)
def test_odd_inputs_are_answered_as_they_were(version: str) -> None:
    told = score(version, version, part="-inputs")
    assert not told.differing, "\n".join(told.lines())
    assert told.word_share == 100


@pytest.mark.parametrize("version", KNOWN)
def test_predictions_of_every_kind_are_answered_as_they_were(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = score(version, version, part="-predictions-all")
    with capsys.disabled():
        print(f"\nreplay of the predictions of {version}: {list(told.lines())[-1]}")
    names = {each.exchange.name for each in told.differing}
    assert not {name for name in names if not name.startswith(tuple(OF_PREDICTIONS))}, "\n".join(told.lines())
    assert told.share >= 92
    assert told.word_share >= 83


@pytest.mark.parametrize("version", KNOWN)
def test_a_script_whose_rules_do_not_match_changes_nothing(version: str, tmp_path: Path) -> None:
    told = score(version, version, scripts=[unmatched(tmp_path)])
    assert {each.exchange.name for each in told.differing} == set(KNOWN[version]), "\n".join(told.lines())


def unmatched(folder: Path) -> Path:
    """A script that has something against every question."""
    file = folder / "unmatched.yaml"
    file.write_text("""
rules:
  - {match: {question: {contains: no recording says this}}, answer: never}
  - {match: {chatflow: no such flow}, answer: {json: {never: true}}}
  - {match: {turn: 1000}, answer: {action: {}}}
""")
    return file


@pytest.mark.parametrize("version", KNOWN)
def test_the_echo_answers_as_the_recorded_model_does_but_never_fails(version: str) -> None:
    told = score(version, version, model=False)
    assert {each.exchange.name for each in told.differing} == set(KNOWN[version]) | set(MODEL)
    assert told.share >= 97


@pytest.mark.parametrize("version", KNOWN)
def test_the_documentation_is_far_from_the_servers(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = score(version, "documented")
    with capsys.disabled():
        print(f"\nreplay of {version} against the documentation: {told.share:.1f} %")
    assert told.share < 30
