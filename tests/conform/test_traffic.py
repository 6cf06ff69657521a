"""Traffic: what an application sent and what a server answered, judged by a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowise_mock.conform import contract
from flowise_mock.conform.baseline import Entry
from flowise_mock.conform.client import Response
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.reports import html, junit, markdown, terminal
from flowise_mock.conform.reports.write import write
from flowise_mock.conform.traffic import Traffic

PREDICTION = "/api/v1/prediction/d290f1ee-6c54-4b01-90e6-d701748f0851"
ANSWER = {"text": "Hello", "question": "hi", "chatId": "1", "chatMessageId": "2", "sessionId": "1"}


@pytest.fixture(scope="module")
def clients() -> Contract:
    return contract.load("clients")


@pytest.fixture
def traffic(clients: Contract) -> Traffic:
    return Traffic(clients, "http://127.0.0.1:3000")


def answer(value: Any, status: int = 200, media: str = "application/json") -> Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Response(status, {"content-type": media}, body)


def saw(
    traffic: Traffic,
    method: str,
    target: str,
    body: Any = None,
    response: Response | None = None,
    **headers: str,
) -> list[str]:
    """The checks of what is new in an exchange."""
    sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", "authorization": "Bearer secret"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    found = traffic.saw(method, target, given, sent, response or answer(ANSWER))
    return [f"{each.check}: {each.what}" for each in found if not each.note]


def test_a_right_exchange_is_no_finding(traffic: Traffic) -> None:
    assert saw(traffic, "POST", PREDICTION, {"question": "hi"}) == []
    run = traffic.result()
    assert (run["status"], run["headline"]) == (0, "conforms (1 exchange of 1 operation)")


@pytest.mark.parametrize(
    ("method", "target", "body", "found"),
    [
        ("GET", "/api/v1/nothing/7", None, "request_operation_exists: GET /nothing/* is not in the contract"),
        ("POST", PREDICTION, {"question": "hi", "qestion": 1}, "request_field_is_known: body /qestion"),
        ("POST", PREDICTION, {"question": 7}, "request_body_conformance: body /question is integer"),
        ("POST", PREDICTION, b"{", "request_body_conformance: the body is not JSON"),
        ("POST", PREDICTION + "?a=b", {"question": "hi"}, "request_parameter_is_known: the query has a"),
        ("POST", "/api/v1/tools", None, "request_body_conformance: the body is missing"),
    ],
)  # fmt: skip
def test_what_the_application_sends_is_judged(
    traffic: Traffic, method: str, target: str, body: Any, found: str
) -> None:
    assert found in saw(traffic, method, target, body)
    assert traffic.result()["status"] == 1


def test_forms_are_judged_by_their_names(traffic: Traffic) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="question"\r\n\r\nhi\r\n--x\r\nContent-Disposition: form-data; name="odd"\r\n\r\n1\r\n--x--\r\n'
    found = saw(traffic, "POST", PREDICTION, body, content_type="multipart/form-data; boundary=x")
    assert found == ["request_field_is_known: body /odd"]


@pytest.mark.parametrize(
    ("response", "found"),
    [
        (answer({**ANSWER, "text": 7}), "response_schema_conformance: 200 /text is integer"),
        (answer(ANSWER, status=418), "status_code_conformance: 418 is not documented"),
        (answer(b"<!doctype html>", media="text/html"), "html_instead_of_json: 200 with a web page"),
        (Response(200, {}, b"", error="the connection broke: it did"), "answers_whole: the connection broke"),
        (answer(b"data: 1\n\n", media="text/event-stream"), "stream_data_is_json: data is no object with event and data"),
    ],
)  # fmt: skip
def test_what_the_server_answers_is_judged(traffic: Traffic, response: Response, found: str) -> None:
    assert found in saw(traffic, "POST", PREDICTION, {"question": "hi"}, response)


def test_what_is_not_the_api_is_not_judged(traffic: Traffic) -> None:
    assert saw(traffic, "GET", "/assets/app.js?v=1") == []
    assert saw(traffic, "OPTIONS", PREDICTION) == []
    assert traffic.result()["headline"] == "inconclusive: no request of the API came"


def test_a_finding_is_reported_once_and_counted(traffic: Traffic) -> None:
    sent = {"question": "hi", "odd": 1}
    assert saw(traffic, "POST", PREDICTION, sent)
    assert saw(traffic, "POST", PREDICTION, sent) == []
    assert [each["count"] for each in traffic.result()["new"]] == [2]


def test_reports_have_no_secrets(traffic: Traffic) -> None:
    """The text of every report, of a key in a body that breaks the contract."""
    saw(traffic, "POST", "/api/v1/credentials", {"apiKey": "sk-hidden", "odd": 1})
    saw(traffic, "GET", "/api/v1/apikey/sk-hidden/x")
    run = traffic.result()
    assert run["new"]
    shown = [
        json.dumps(run), terminal.text(run, verbose=True), html.page(run), junit.text(run), markdown.text(run)
    ]  # fmt: skip
    assert not [
        text for text in shown if "hidden" in text.replace("hidden-refusals", "") and "sk-hidden" in text
    ]
    assert all("curl -sSi -X POST" in text for text in shown[:2])


def test_a_baseline_covers_what_is_known(traffic: Traffic) -> None:
    saw(traffic, "POST", PREDICTION, {"question": "hi", "odd": 1})
    known = Entry(1, "createPrediction", "request_field_is_known", "body /odd")
    run = traffic.result([known], "known.yaml")
    assert (run["status"], len(run["known"]), run["new"]) == (0, 1, [])


def test_the_version_is_that_which_the_server_says(traffic: Traffic) -> None:
    saw(traffic, "GET", "/api/v1/version", response=answer({"version": "3.1.4"}))
    assert traffic.result()["server"] == "3.1.4"


def test_every_report_is_made_of_traffic(
    traffic: Traffic, clients: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saw(traffic, "POST", PREDICTION, {"question": "hi", "odd": 1})
    saw(traffic, "GET", "/api/v1/nothing")
    forms = ["html", "json", "junit", "sarif", "md", "github"]
    write(traffic.result(), [(form, str(tmp_path / form)) for form in forms], clients)
    assert "deviates: 2 causes, 2 deviations" in capsys.readouterr().out
    for form in forms:
        assert "createPrediction" in (tmp_path / form).read_text(), form
