"""Predictions compared with those of a real Flowise 3.1.4: the same frames, keys, order and values.

The model of the recordings answers `Echo of your question: ` and the last line of its prompt; so does the
model here. Values that differ in every run are not compared: ids, times, and the counts and costs of a model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Running
from flowise_mock.flows import models
from flowise_mock.server import build
from flowise_mock.server.build import Options
from replay.test_replay import write_unmatched_script

pytestmark = pytest.mark.server

FILE = Path(__file__).parents[2] / "fixtures/recordings/flowise-3.1.4-prediction.jsonl"
EXCHANGES = [json.loads(line) for line in FILE.read_text().splitlines()]
MEASURED = ("timeMetadata", "responseMetadata", "usageMetadata", "llmModelConfig")
KNOWN = {
    "form_question_and_form": "the default contract accepts a question with a form; a real server refuses it",
    "form_question_and_form_stream": "the same",
    "hitl_json_proceed_again": "the default contract answers 409 with prediction's own error body",
    "hitl_json_resume_wrong_session": "the default contract answers 404 with prediction's own error body",
    "hitl_json_resume_no_chatId": "the same",
}
"""Recorded cases with another answer, and the reason."""


@pytest.fixture(scope="module", params=["no script", "a script that does not match"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scripts = (
        [write_unmatched_script(tmp_path_factory.mktemp("script"))] if request.param != "no script" else []
    )
    running = Running(build.build(Options(seed=None, token_delay=0, model=models.recorded, scripts=scripts)))
    yield running
    running.stop()


def frames(response: dict[str, Any]) -> list[str]:
    """The frames of a recorded stream, decoded from its chunked body."""
    head, _, body = "".join(text for _, text in response["raw_chunks"]).encode().partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole.decode().removesuffix("\n\n").split("\n\n")


def plain(value: Any) -> Any:
    """A value without the parts that differ in every run."""
    if isinstance(value, dict):
        return {key: "MEASURED" if key in MEASURED else plain(child) for key, child in value.items()
                if key not in ("timeMetadata", "responseMetadata")}  # fmt: skip
    if isinstance(value, list):
        return [plain(child) for child in value]
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "ID", value)
    return value


def plain_frame(frame: str) -> str:
    head, _, data = frame.partition("data:")
    return head + "data:" + json.dumps(plain(json.loads(data)), ensure_ascii=False)


def test_every_exchange_agrees(model: Running, capsys: pytest.CaptureFixture[str]) -> None:
    flow, agreed, differing = "", 0, {}
    with model.client() as client:
        for exchange in EXCHANGES:
            request, response, case = exchange["request"], exchange["response"], exchange["case"]
            if exchange["operationId"] == "createChatflow":
                flow = client.post("/chatflows", json=request["body"]).json()["id"]
                continue
            answer = client.post(f"/prediction/{flow}", json=request["body"])
            difference = compare(answer, response)
            if difference is None:
                agreed += 1
            else:
                differing[case] = difference
    with capsys.disabled():
        print(
            f"\nrecorded predictions: {agreed} of {agreed + len(differing)} agree; differing: {', '.join(differing) or 'none'}"
        )
    assert {case: difference for case, difference in differing.items() if case not in KNOWN} == {}
    assert set(differing) == set(KNOWN), "a known difference no longer exists: remove it"


def compare(answer: httpx.Response, response: dict[str, Any]) -> str | None:
    """The first difference between our answer and the recorded one."""
    if "raw_chunks" not in response:
        recorded, ours = plain(response["body"]), plain(answer.json())
        if answer.status_code != response["status"]:
            return f"status {answer.status_code}, recorded {response['status']}"
        return first_difference([json.dumps(recorded)], [json.dumps(ours)])
    recorded = [plain_frame(frame) for frame in frames(response)]
    ours = [plain_frame(frame) for frame in answer.text.removesuffix("\n\n").split("\n\n")]
    return first_difference(recorded, ours)


def first_difference(recorded: list[str], ours: list[str]) -> str | None:
    for number, (one, other) in enumerate(zip(recorded, ours, strict=False)):
        if one != other:
            at = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
            at = max(at - 60, 0)
            return f"{number}: recorded …{one[at : at + 160]} | ours …{other[at : at + 160]}"
    return None if len(recorded) == len(ours) else f"{len(ours)} frames, recorded {len(recorded)}"


def test_the_head_of_a_stream(model: Running) -> None:
    with model.client() as client:
        flow = client.post("/chatflows", json={"name": "f", "flowData": "{}"}).json()["id"]
        body = {"question": "q", "streaming": True}
        with client.stream("POST", f"/prediction/{flow}", json=body) as response:
            response.read()
    expected = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "connection": "keep-alive",
        "x-accel-buffering": "no",
        "transfer-encoding": "chunked",
    }
    assert {name: response.headers[name] for name in expected} == expected


def test_a_difference_is_found() -> None:
    assert first_difference(["a"], ["a"]) is None
    assert first_difference(["a", "b"], ["a"])
    assert first_difference(["a"], ["b"])
    assert plain({"id": "6b274d8f-0227-4ea2-b80e-4d2c16db77ad", "timeMetadata": {}}) == {"id": "ID"}
