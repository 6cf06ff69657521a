"""Plays the recordings of real servers against the mock with the same version.

The shares are measured over all exchanges that can be played. Each difference is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import KEY, Running
from flowise_mock.flows import models
from flowise_mock.replay.exchanges import read
from flowise_mock.replay.player import Player
from flowise_mock.replay.score import Score
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

RECORDINGS = Path(__file__).parents[2] / "fixtures/recordings"
COMMON = {
    "upsertDocument/vs_unreachable": "no vector database is called, so none can be unreachable",
    "editDocumentStoreFileChunk/wrong_types": "the length of a number is NaN in JavaScript, and null in JSON",
    "getAllDocumentStores/ordering_after_update": "the recording lacks the request that deleted the store",
}
UNCHANGED = "the recording lacks the upsert that changed the loader's text, so all chunks are indexed already"
KNOWN = {
    "3.1.4": {**COMMON, "refreshDocument/happy_empty_object": UNCHANGED},
    "3.0.5": {
        **COMMON,
        "refreshDocument/items_docId": UNCHANGED,
        "refreshDocument/clean_happy": UNCHANGED,
    },
}
CLEAN = {
    **{name: why for name, why in COMMON.items() if not name.startswith("getAllDocumentStores")},
    "createPrediction/agentflow_form_with_question_only": "a form without a description has none",
}
"""What differs in a recording that was made with `record`, on an empty database."""
FIRST = {"getAllChatMessages/feedbackType_down": "of several ratings of a message, the first counts"}
KNOWN |= {
    "3.1.2": CLEAN,
    "3.1.0": {**CLEAN, "refreshDocument/happy_empty_object": UNCHANGED},
    "3.0.13": {
        **CLEAN,
        "refreshDocument/happy_empty_object": UNCHANGED,
        "createChatflow/client_id_bad": "an earlier recording had left a flow with this id",
        "queryVectorStore/missing_storeId": "without an id, the first store counts, which an earlier recording had left",
    },
    "3.0.8": CLEAN,
    "3.0.0": {**CLEAN, **FIRST},
    "2.2.8": {
        **{name: why for name, why in CLEAN.items() if "agentflow" not in name},
        **FIRST,
    },
}
ENDS = dict.fromkeys(("updateChatflow/type_null", "createChatflow/fresh"), "the server ended")
KNOWN_INPUTS = {"3.0.0": ENDS, "2.2.8": ENDS}
"""The differences in the answers to odd inputs, of versions that have some."""
FULL = ("3.1.4", "3.0.5")
"""The versions of which predictions of every kind are recorded."""
MODEL = {
    "createPrediction/llm_400": "without --script recorded-model, no model fails",
    "createPrediction/stream_llm_error": "the same",
}


DEFECT = "a defect of that installation: a class lacked its own member"
ENDED = "another request ended the run"
KNOWN_PREDICTIONS = {
    "createPrediction/rag_retrievalQA": DEFECT,
    "getAllChatMessages/rag_retrievalQA": DEFECT,
    "createPrediction/nostream_parser": "a list from a parser is sent as an object",
    "createPrediction/nostream_customfunction_object": "the code of a flow does not run",
    "createPrediction/form_second_same_chat_stream": "the server sent the form of the earlier question",
    "createPrediction/same_chatId": "two streams of one chat ran at once",
    "createPrediction/webhook_flow_predicted": "a flow that waits for a webhook starts anyway",
    "createPrediction/abort": ENDED,
    "getAllChatMessages/abort": ENDED,
    "_executions/abort": ENDED,
    "_executions/page_default_count": "the recording has only a summary",
    "_cors/get_chatbotConfig": "the recording has only a summary",
    "_cors/preflight_prediction_unknown": "a browser accepts either",
    "_webhook": "a webhook answers as a prediction does",
    "_text-to-speech": "a voice is always available",
    "_apikey": "keys are stored without their workspaces",
    "_ip": "not served: no client requests it",
}
"""The differences in the recorded predictions, by prefixes of names."""


def play(
    version: str, contract: str, *, model: bool = True, scripts: Sequence[Path] = (), part: str = ""
) -> Score:
    options = Options(
        scripts=scripts,
        contract=contract,
        seed=None,
        token_delay=0,
        hang=30,
        permissions={"low": ["tools:view"]},
        model=models.recorded if model else models.echo,
    )
    running = Running(build.build(options))
    try:
        player = Player(running.url, KEY, "low", patience=1)
        return Score(player.play(read(next(RECORDINGS.glob(f"flowise-{version}{part}.jsonl*")))))
    finally:
        running.stop()


FLOORS = dict.fromkeys(KNOWN, (99, 98)) | {"3.0.13": (98, 97)}
"""Percent of the exchanges, and of the error texts, that agree."""


@pytest.mark.parametrize("version", KNOWN)
def test_a_version_answers_as_recorded(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    score = play(version, version)
    with capsys.disabled():
        print(f"\nreplay of {version}: {list(score.lines())[-1]}")
    assert {each.exchange.name for each in score.differing} == set(KNOWN[version]), "\n".join(score.lines())
    share, words = FLOORS[version]
    assert score.share >= share
    assert score.word_share >= words
    assert score.figure_share("headers") >= 97
    assert score.figure_share("bodies") >= 97
    assert score.figure_share("order") >= 98


@pytest.mark.parametrize("version", KNOWN)
def test_odd_inputs_are_answered_as_recorded(version: str) -> None:
    score = play(version, version, part="-inputs")
    known = KNOWN_INPUTS.get(version, {})
    assert {each.exchange.name for each in score.differing} == set(known), "\n".join(score.lines())
    assert score.word_share == 100


@pytest.mark.parametrize("version", FULL)
def test_predictions_of_every_kind_are_answered_as_recorded(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    score = play(version, version, part="-predictions-all")
    with capsys.disabled():
        print(f"\nreplay of the predictions of {version}: {list(score.lines())[-1]}")
    names = {each.exchange.name for each in score.differing}
    assert not {name for name in names if not name.startswith(tuple(KNOWN_PREDICTIONS))}, "\n".join(
        score.lines()
    )
    assert score.share >= 95
    assert score.word_share >= 83
    assert score.figure_share("headers") >= 97
    assert score.figure_share("bodies") >= 97
    assert score.figure_share("order") >= 98


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.0.8", "3.0.13", "3.1.0", "3.1.2"])
def test_predictions_of_every_kind(version: str) -> None:
    """The requests of 3.1.4, sent by `record`, which keeps no headers of origins."""
    score = play(version, version, part="-predictions-all")
    assert score.share >= 97, "\n".join(score.lines())
    assert score.word_share >= 90
    assert score.figure_share("bodies") == 100


@pytest.mark.parametrize("version", FULL)
def test_a_script_whose_rules_do_not_match_changes_nothing(version: str, tmp_path: Path) -> None:
    score = play(version, version, scripts=[write_unmatched_script(tmp_path)])
    assert {each.exchange.name for each in score.differing} == set(KNOWN[version]), "\n".join(score.lines())


def write_unmatched_script(folder: Path) -> Path:
    """A script whose rules match no recorded question."""
    file = folder / "unmatched.yaml"
    file.write_text("""
rules:
  - {match: {question: {contains: no recording says this}}, answer: never}
  - {match: {chatflow: no such flow}, answer: {json: {never: true}}}
  - {match: {turn: 1000}, answer: {action: {}}}
""")
    return file


@pytest.mark.parametrize("version", FULL)
def test_the_echo_answers_as_the_recorded_model_does_but_never_fails(version: str) -> None:
    score = play(version, version, model=False)
    assert {each.exchange.name for each in score.differing} == set(KNOWN[version]) | set(MODEL)
    assert score.share >= 97


@pytest.mark.parametrize("version", FULL)
def test_the_documentation_is_far_from_the_servers(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    score = play(version, "documented")
    with capsys.disabled():
        print(f"\nreplay of {version} against the documentation: {score.share:.1f} %")
    assert score.share < 30
