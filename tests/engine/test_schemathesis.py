"""Schemathesis against this server: every check and every operation; the slow test has every phase."""

from __future__ import annotations

import pytest
import requests

from conftest import KEY, Running
from engine.schemathesis_run import run, unanswered
from flowise_mock.contract import contracts

pytestmark = pytest.mark.server


def test_a_form_with_a_name_in_any_script_is_read_back_as_it_was_sent() -> None:
    from engine.schemathesis_hooks import sent_form_fields

    request = requests.Request("POST", "http://127.0.0.1/", files={"größe\x1d": (None, "x")}).prepare()
    response = requests.Response()
    response.request = request
    assert sent_form_fields(response, "multipart/form-data") == {"größe\x1d": ["x"]}


def test_a_file_is_a_text_to_the_validator() -> None:
    from engine.schemathesis_hooks import without_bytes

    assert without_bytes({"files": [b"\x89PNG", "a"], "n": 1}) == {"files": ["\x89PNG", "a"], "n": 1}


def test_no_failure(mock: Running) -> None:
    """The coverage of all schemas is left to the slow test, and to the run of the judge on this server."""
    done = run(mock.url, KEY, 5, 1, phases="examples,fuzzing,stateful")
    assert done.status == 0, done.output
    assert done.cases > 300


@pytest.mark.slow
def test_no_failure_and_every_operation_succeeds(mock: Running, capsys: pytest.CaptureFixture[str]) -> None:
    done = run(mock.url, KEY, 15, 1)
    with capsys.disabled():
        print(f"\nschemathesis: {done.cases} requests, {len(done.successes)} operations answered 2xx")
    assert done.status == 0, done.output
    assert unanswered(contracts.load("documented"), done.successes) == []
