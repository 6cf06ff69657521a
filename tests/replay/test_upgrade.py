"""`changes --used`: what an application uses, in each kind of file, and the exchanges that change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowise_mock.cli import main
from flowise_mock.replay.exchanges import RecordingError
from flowise_mock.replay.transport import Answer
from flowise_mock.replay.upgrade import answer_changes, schema_of
from flowise_mock.replay.usage import usage
from flowise_mock.testing import FlowiseMock

pytestmark = pytest.mark.server

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
OWN = "0b0b0b0b-1111-4222-8333-444444444444"
TOOL = {"name": "n", "description": "d", "color": "c"}


def careful(client: httpx.Client) -> None:
    """An application that no change breaks: a question, a stream, a tool that it reads again."""
    client.post(f"prediction/{FLOW}", json={"question": "hi"}).raise_for_status()
    client.post(f"prediction/{FLOW}", json={"question": "hi", "streaming": True}).raise_for_status()
    tool = client.post("tools", json=TOOL).raise_for_status().json()
    client.get(f"tools/{tool['id']}").raise_for_status()


def careless(client: httpx.Client) -> None:
    """An application that breaks: it reads leads, and gives a tool an id of its own."""
    careful(client)
    client.get(f"leads/{FLOW}").raise_for_status()
    client.post("tools", json={"id": OWN, **TOOL}).raise_for_status()
    client.get(f"tools/{OWN}").raise_for_status()


@pytest.fixture(scope="module", params=["har", "journal", "log"])
def record(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Callable[[httpx.Client], None]], Path]:
    """Runs an application with 3.0.5, and returns the file of what it used."""

    def run(application: Callable[[httpx.Client], None]) -> Path:
        file = tmp_path_factory.mktemp("used") / f"app.{request.param}"
        with FlowiseMock(contract="3.0.5") as mock:
            headers = {"Authorization": f"Bearer {mock.api_key}"}
            with httpx.Client(base_url=f"{mock.url}/api/v1/", headers=headers) as client:
                application(client)
            journal = httpx.get(f"{mock.url}/__mock__/journal{'/har' if request.param != 'journal' else ''}")
        file.write_text(access_log(journal.json()) if request.param == "log" else journal.text)
        return file

    return run


def access_log(har: dict[str, Any]) -> str:
    """The lines that nginx writes."""
    rows = [
        f'10.0.0.1 - - [26/Nov/2026:18:00:00 +0000] "{each["request"]["method"]} '
        f'/{each["request"]["url"].split("/", 3)[3]} HTTP/1.1" {each["response"]["status"]} 12 "-" "x"'
        for each in har["log"]["entries"]
    ]
    return "\n".join(rows)


Record = Callable[[Callable[[httpx.Client], None]], Path]


def test_an_application_that_breaks_learns_by_which_request(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    file = record(careless)
    assert main(["changes", "3.0.5", "3.1.4", "--used", str(file)]) == 1
    output = capsys.readouterr().out
    assert "GET /leads/{id}\n  breaks writers: status: 200 → 404\n" in output
    assert f"  GET /api/v1/leads/{FLOW}\n  # 3.0.5: 200 [" in output
    if file.suffix != ".log":  # which does not say that the id was sent
        assert "GET /tools/{id}\n  breaks writers: status: 200 → 500\n" in output
    assert main(["changes", "3.0.5", "3.1.4", "--used", str(file), "--exit-zero", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["requests"] == 7
    leads = next(each for each in data["exchanges"] if each["operation"] == "GET /leads/{id}")
    assert (leads["before"]["status"], leads["after"]["status"]) == (200, 404)


def test_an_application_that_does_not_break_hears_of_nothing_that_breaks(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", "3.0.5", "3.1.4", "--used", str(record(careful))]) == 0
    output = capsys.readouterr().out
    assert "4 requests: 0 break from 3.0.5 to 3.1.4" in output
    assert "breaks readers" not in output
    assert "breaks writers" not in output


def test_a_har_of_a_browser_lacks_the_key_and_its_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {
        "request": {"method": "GET", "url": f"https://flowise.example/api/v1/tools/{OWN}", "headers": []},
        "response": {"status": 200, "content": {"text": json.dumps({"id": OWN, **TOOL})}},
    }
    file = tmp_path / "browser.har"
    file.write_text(json.dumps({"log": {"entries": [entry]}}))
    assert main(["changes", "3.0.5", "3.1.4", "--used", str(file)]) == 0
    assert "1 requests: 0 break" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no request below /api/v1/ was found; give a HAR"),
        ("GET /index.html 200", "no request below /api/v1/ was found"),
        ("[1]", "is neither a HAR nor a journal"),
        ('{"log": {"entries": [{}]}}', "is neither a HAR nor a journal: KeyError('request')"),
        ('{"log": 5}', "is neither a HAR nor a journal"),
    ],
)
def test_a_file_without_requests_gives_one_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "used"
    file.write_text(text)
    assert main(["changes", "3.0.5", "3.1.4", "--used", str(file)]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(RecordingError, match="cannot be read"):
        usage(tmp_path / "missing")


JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": 1}, {"a": 1, "b": 1}, ["harmless: body.b is new"]),
        ({"a": 1}, {}, ["reader: body.a is gone"]),
        ({"a": 1}, {"a": None}, ["reader: body.a: number → null"]),
        ([{"a": 1}], [{"a": 1}, {"a": "x"}], ["reader: body[].a: number → number or string"]),
        ([], [{"a": 1}], []),
    ],
)
def test_the_shape_of_an_answer_counts_and_not_its_values(
    before: object, after: object, expected: list[str]
) -> None:
    one, two = (Answer(200, JSON, json.dumps(each).encode()) for each in (before, after))
    assert [f"{each.severity}: {each.text}" for each in answer_changes(one, two)] == expected


def test_other_changes_of_an_answer() -> None:
    one = Answer(200, JSON, b"{}")
    assert [each.severity for each in answer_changes(one, Answer(401, JSON, b"{}"))] == ["writer"]
    assert [each.severity for each in answer_changes(Answer(500, JSON), Answer(404, JSON))] == ["reader"]
    assert [each.text for each in answer_changes(one, Answer(200, {"Content-Type": "text/html"}))] == [
        "media type: application/json → text/html"
    ]
    assert [each.text for each in answer_changes(one, Answer(None))] == ["status: 200 → no answer"]
    texts = [Answer(500, JSON, json.dumps({"statusCode": 500, "message": each}).encode()) for each in "ab"]
    assert [(each.severity, each.text) for each in answer_changes(*texts)] == [("harmless", "message: a → b")]
    streams = [
        Answer(200, {"Content-Type": "text/event-stream"}, f'{frame}\ndata:{{"event":"{name}"}}\n\n'.encode())
        for frame, name in (("message:", "end"), ("message", "end"), ("message:", "error"))
    ]
    assert [each.severity for each in answer_changes(streams[0], streams[1])] == ["harmless"]
    assert [each.severity for each in answer_changes(streams[0], streams[2])] == ["reader"]


def test_the_items_of_a_list_have_one_schema() -> None:
    found = schema_of([{"a": 1}, {"a": None, "b": [{"c": 1}, None]}])["items"]
    assert found["required"] == ["a"]
    assert found["properties"]["a"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
