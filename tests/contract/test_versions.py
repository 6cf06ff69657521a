"""Real versions over HTTP: the gate, bodies, ids, errors, streams, browsers, permissions."""

from __future__ import annotations

import ast
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import flowise_mock
from conftest import KEY, Running
from flowise_mock.contract import change_report, contracts, document
from flowise_mock.contract.changes import changes
from flowise_mock.contract.publish import publish
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

VERSIONS = ("3.0.5", "3.1.4")
ROOT = Path(__file__).parents[2]
CHAT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
UNKNOWN = "12345678-0000-4000-8000-000000000000"


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(build.build(Options(contract=request.param, token_delay=0, hang=0.3)))
    running.contract = request.param
    yield running
    running.stop()


@pytest.fixture(scope="module")
def old() -> Iterator[Running]:
    yield from with_low_key("3.0.5")


@pytest.fixture(scope="module")
def new() -> Iterator[Running]:
    yield from with_low_key("3.1.4")


def with_low_key(contract: str) -> Iterator[Running]:
    options = Options(contract=contract, token_delay=0, permissions={"low": ["tools:view"]})
    running = Running(build.build(options))
    yield running
    running.stop()


# --- the gate --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {KEY}", 200),
        (KEY, 200),
        (f"bearer {KEY}", 401),
        (f"Bearer  {KEY}", 401),
        (f"Token {KEY}", 401),
        ("Bearer wrong", 401),
    ],
)
def test_how_a_key_is_shown(version: Running, header: str, status: int) -> None:
    answer = httpx.get(f"{version.api}/tools", headers={"Authorization": header})
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"error": "Unauthorized Access"}


def test_public_paths_are_compared_as_text(version: Running) -> None:
    with version.client(None) as client:
        assert client.get("/ping").text == "pong"
        assert client.get("/ping").headers["content-type"] == "text/html; charset=utf-8"
        assert client.get("/PING").status_code == 401
        assert client.get("/tools").status_code == 401
        assert client.get("/nowhere").status_code == 401
    with version.client() as client:
        assert client.get("/PING").text == "pong"
        assert client.get("/Tools/").status_code == 200
        assert httpx.get(f"{version.url}/API/V1/tools", headers=client.headers).status_code == 401


def test_what_no_route_takes_is_the_web_interface(version: Running) -> None:
    with version.client() as client:
        for answer in (client.get("/nowhere"), client.patch("/tools"), client.get(f"/variables/{UNKNOWN}")):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")


def test_the_session_of_the_interface_is_asked_for(version: Running) -> None:
    with version.client() as client:
        answer = client.get("/tools", headers={"x-request-from": "internal"})
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid or Missing token"})


def test_permissions_bite_since_3_0_13(old: Running, new: Running) -> None:
    with old.client("low") as client:
        assert client.get("/variables").status_code == 200
    with new.client("low") as client:
        assert client.get("/tools").status_code == 200
        assert client.get("/variables").json() == {"message": "Forbidden"}
        assert client.post("/tools", json={}).status_code == 403
        assert client.get(f"/chatmessage/{UNKNOWN}").status_code == 500  # needs no permission


def test_a_broken_permission_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from flowise_mock.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["serve", "--key-permissions", "low"])
    assert ended.value.code == 2
    assert "write for example ci=tools:view" in capsys.readouterr().err


# --- requests --------------------------------------------------------------------------------------


def test_a_missing_id_is_a_412_and_a_blank_one_too(version: Running) -> None:
    with version.client() as client:
        for path in ("/tools", "/tools/", "/tools/%20"):
            answer = client.put(path, json={})
            assert answer.status_code == 412
            assert answer.json()["message"] == "Error: toolsController.updateTool - id not provided!"
        assert isinstance(client.get("/tools/%20").json(), list)


@pytest.mark.parametrize("blank", ["%20", "%09", "%0A", "%0C", "%0D", "%C2%A0", "%EF%BB%BF", "%20%09"])
def test_blanks_at_the_end_of_a_url_do_not_count(version: Running, blank: str) -> None:
    with version.client() as client:
        tool = client.get("/tools").json()[0]["id"]
        assert client.get(f"/tools/{tool}{blank}").json()["id"] == tool
        assert isinstance(client.get(f"/tools/{blank}").json(), list)
        for counted in (f"{tool}{blank}?x=1", f"{tool}{blank}/", f"{blank}{tool}"):
            assert client.get(f"/tools/{counted}").status_code == 500  # not found


@pytest.mark.parametrize("letter", ["%00", "%0B", "%1C", "%1E", "%1F", "%C2%85", "%E2%80%83", "%E2%80%8B"])
def test_what_else_is_blank_in_python_is_part_of_an_id(version: Running, letter: str) -> None:
    with version.client() as client:
        assert client.get(f"/tools/{letter}").status_code == 500  # not found


@pytest.mark.parametrize("content", [b"", b"[]", b"name=x", b"\xff\xfe"])
@pytest.mark.parametrize("media", ["text/plain", "application/octet-stream", "nonsense", ""])
def test_what_is_no_json_counts_as_nothing(version: Running, content: bytes, media: str) -> None:
    with version.client() as client:
        answer = client.post("/tools", content=content, headers={"content-type": media} if media else {})
    assert answer.status_code == 500
    assert answer.json()["message"].endswith("NOT NULL constraint failed: tool.name")


def test_a_refused_body_is_json_where_other_failures_are_text(version: Running) -> None:
    with version.client(key=None) as client:
        answer = client.post(
            "/openai-assistants-file/download", content=b"{", headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert answer.json()["success"] is False


@pytest.mark.parametrize("docId", [["a"], {"a": 1}, 7, True])
def test_a_loader_named_by_no_text_is_not_found(version: Running, docId: object) -> None:
    with version.client() as client:
        id = client.get("/document-store/store").json()[0]["id"]
        answer = client.post(f"/document-store/refresh/{id}", json={"items": [{"docId": docId}]})
    assert answer.status_code in (404, 500)
    assert "Document loader" in answer.json()["message"]


def test_what_was_sent_is_answered_and_a_text_is_kept(version: Running) -> None:
    with version.client() as client:
        made = client.post("/tools", json={"name": 12, "description": {"a": 1}, "color": True, "x": 1}).json()
        kept = client.get(f"/tools/{made['id']}").json()
        gone = client.delete(f"/tools/{made['id']}").json()
        again = client.delete(f"/tools/{made['id']}").json()
    assert (made["name"], made["description"], made["color"]) == (12, {"a": 1}, True)
    assert (kept["name"], kept["description"], kept["color"]) == ("12", "[object Object]", "1")
    assert list(kept)[-1] == "workspaceId"
    assert "x" not in made
    assert (gone, again) == ({"raw": [], "affected": 1}, {"raw": [], "affected": 0})


def test_pages_take_both_numbers(version: Running) -> None:
    with version.client() as client:
        page = client.get("/tools", params={"page": 1, "limit": 1}).json()
        assert len(page["data"]) == 1 < page["total"]
        assert list(client.get("/document-store/store", params={"page": 1, "limit": 1}).json()) == [
            "total",
            "data",
        ]
        assert isinstance(client.get("/tools", params={"page": 1}).json(), list)
        assert isinstance(client.get("/tools", params={"page": "a", "limit": "b"}).json(), list)
        refused = client.get("/tools", params={"page": -1, "limit": 1})
    assert (refused.status_code, refused.json()["message"]) == (412, "Error: page cannot be negative!")


def test_a_store_that_cannot_be_shown_breaks_the_list(version: Running) -> None:
    with version.client() as client:
        made = client.post("/document-store/store", json={"name": "la", "loaders": []}).json()
        assert client.get("/document-store/store").json()["message"] == '"[object Object]" is not valid JSON'
        assert client.delete(f"/document-store/store/{made['id']}").json() == {"deleted": 1}
        assert client.get("/document-store/store").status_code == 200


def test_ids_that_are_sent_count_in_the_old_one(old: Running, new: Running) -> None:
    body = {"id": "mine", "name": "n", "description": "d", "color": "c"}
    with old.client() as client:
        assert client.post("/tools", json=body).json()["id"] == "mine"
        moved = client.put("/tools/mine", json={"id": "yours"}).json()
        assert moved["id"] == "yours"
        assert [client.get(f"/tools/{id}").json()["name"] for id in ("mine", "yours")] == ["n", "n"]
    with new.client() as client:
        assert client.post("/tools", json=body).json()["id"] != "mine"


def test_the_clock_follows_a_header(version: Running) -> None:
    with version.client() as client:
        headers = {"flowise-mock-time": "2025-01-02T03:04:05.678Z"}
        made = client.post("/variables", json={"name": "n", "value": "v"}, headers=headers).json()
        assert made["createdDate"] == "2025-01-02T03:04:05.000Z"
        client.get("/ping", headers={"flowise-mock-time": "now"})
        again = client.post("/variables", json={"name": "n", "value": "v"}).json()
    assert again["createdDate"] > "2026"


def test_an_answer_that_is_known_is_not_sent_again(version: Running) -> None:
    with version.client() as client:
        tag = client.get("/ping").headers["etag"]
        assert tag == 'W/"4-DlFKBmK8tp3IY5U9HOJuPUDoGoc"'
        again = client.get("/ping", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


# --- predictions -----------------------------------------------------------------------------------


def test_an_error_is_not_answered_where_a_stream_is_asked_for(version: Running) -> None:
    body = b'{"streaming": true}'
    with socket.create_connection(("127.0.0.1", version.port), timeout=5) as connection:
        started = time.monotonic()
        connection.sendall(
            b"POST /api/v1/prediction/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (UNKNOWN.encode(), len(body), body)
        )
        try:
            answered = connection.recv(100)
        except ConnectionResetError:
            answered = b""
        took = time.monotonic() - started
    assert answered == b""
    assert 0.2 < took < 4


def test_the_last_frame_of_the_old_one_has_no_colon(old: Running, new: Running) -> None:
    for running, frame in ((old, "message\ndata:"), (new, "message:\ndata:")):
        with running.client(None) as client:
            stream = client.post(f"/prediction/{CHAT}", json={"question": "hi", "streaming": True}).text
        assert stream.endswith(f'\n\n{frame}{{"event":"end","data":"[DONE]"}}\n\n')
        assert stream.startswith('message:\ndata:{"event":"start"')


def test_a_flow_that_asks_for_a_key_refuses_within_the_stream(version: Running) -> None:
    with version.client() as client:
        flow = {
            "name": "p",
            "type": "CHATFLOW",
            "apikeyid": "x",
            "flowData": '{"nodes":[{"id":"a","data":{"category":"Chains"}}],"edges":[]}',
        }
        id = client.post("/chatflows", json=flow).json()["id"]
        plain = client.post(f"/prediction/{id}", json={"question": "hi"})
        response = client.post(f"/prediction/{id}", json={"question": "hi", "streaming": True})
    message = "Error: predictionsServices.buildChatflow - Unauthorized"
    assert (plain.status_code, plain.json()["message"]) == (500, message)
    assert (response.status_code, message in response.text) == (200, True)


# --- browsers --------------------------------------------------------------------------------------


def test_which_origins_may_call(old: Running, new: Running) -> None:
    origin = {"Origin": "http://page.example"}
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    with old.client() as client:
        assert (
            client.get("/ping", headers=origin).headers["access-control-allow-origin"]
            == "http://page.example"
        )
        assert client.options("/feedback", headers=preflight).status_code == 204
    with new.client() as client:
        assert "access-control-allow-origin" not in client.get("/ping", headers=origin).headers
        refused = client.options("/feedback", headers=preflight)
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (200, False)
        response = client.post(f"/prediction/{CHAT}", json={"question": "hi"}, headers=origin)
        assert response.headers["access-control-allow-origin"] == "http://page.example"
        assert response.headers["x-frame-options"] == "SAMEORIGIN"


def test_origins_of_the_command_line_may_call() -> None:
    running = Running(build.build(Options(contract="3.1.4", cors=["http://page.example"])))
    try:
        with running.client() as client:
            origin = {"Origin": "http://page.example", "Access-Control-Request-Method": "POST"}
            assert client.options("/feedback", headers=origin).status_code == 204
    finally:
        running.stop()


# --- the contracts themselves ----------------------------------------------------------------------


@pytest.mark.parametrize("contract", contracts.versions())
def test_the_contract_is_a_valid_document(contract: str) -> None:
    from openapi_spec_validator import OpenAPIV30SpecValidator

    shown = publish(contracts.load(contract))
    assert list(OpenAPIV30SpecValidator(shown).iter_errors()) == []
    assert shown["info"]["version"] == contract


@pytest.mark.parametrize("contract", contracts.versions())
def test_the_table_in_the_docs_is_what_changes_prints(contract: str) -> None:
    found = list(changes(contracts.load("documented"), contracts.load(contract)))
    page = "\n".join(change_report.markdown(found, "documented", contract)) + "\n"
    assert (ROOT / f"docs/flowise-{contract}.md").read_text() == page


def test_no_version_is_named_in_the_code() -> None:
    package = Path(flowise_mock.__file__).parent
    named = []
    for path in [
        each
        for part in ("state", "knowledge", "flows", "handlers", "engine")
        for each in (package / part).glob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                named += [path.name for part in ast.walk(node) if _is_version(part)]
    assert named == []


def _is_version(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in VERSIONS


# --- odd input -------------------------------------------------------------------------------------

ODD: list[object] = [
    None,
    5,
    -1.5,
    True,
    "",
    "x",
    "{",
    "[]",
    [],
    [None],
    [{}],
    {},
    {"a": {"b": [1]}},
    "\x00é",
    10**20,
]


def odd_bodies(contract: document.Document, definition: document.Document) -> Iterator[dict[str, object]]:
    """Bodies in which one field after the other is something that nobody would send."""
    content = definition.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = document.resolve(contract, content.get("schema", {}))
    fields = [*schema.get("properties", {}), "id", "createdDate", "streaming", "chatId", "items"]
    if not content:
        fields = ["id"]  # no handler gets the body
    valid = {"name": "n", "description": "d", "color": "c", "value": "v", "details": '{"name":"n"}',
             "credential": "x", "type": "CUSTOM" if "details" in fields else "CHATFLOW", "flowData": '{"nodes":[]}',
             "chatflowid": CHAT, "storeId": UNKNOWN, "query": "q", "question": "q", "pageContent": "p"}  # fmt: skip
    for field in fields:
        for value in ODD:
            yield {**{key: text for key, text in valid.items() if key in fields}, field: value}


def test_no_input_breaks_the_mock(version: Running, caplog: pytest.LogCaptureFixture) -> None:
    """The versions share the handlers, so each gets every second body; the slow test has all."""
    share = VERSIONS.index(version.contract)
    assert survives(version, lambda number: number % 2 == share, caplog) > 2000


@pytest.mark.slow
def test_no_input_at_all_breaks_the_mock(version: Running, caplog: pytest.LogCaptureFixture) -> None:
    assert survives(version, lambda number: True, caplog) > 4000


def survives(version: Running, is_due: Callable[[int], bool], caplog: pytest.LogCaptureFixture) -> int:
    """Send odd queries and those odd bodies that are due; how many requests there were."""
    contract = contracts.load(version.contract)
    count = 0
    broken: list[object] = []
    with version.client() as client:
        for operation in document.operations(contract):
            path = concrete(operation.path)
            queries = [
                {"page": "x", "limit": "-0"},
                {"order": "", "startDate": "9", "chatType": "[", "feedback": ""},
            ]
            for query in queries:
                client.request(operation.method, path, params=query)
                count += 1
            for number, body in enumerate(odd_bodies(contract, operation.definition)):
                if not is_due(number) or body.get("streaming") not in (None, "", [], {}, False):
                    continue  # an error of a stream would never be answered
                answer = client.request(operation.method, path, json=body)
                if b"flowise-mock failed" in answer.content:
                    broken.append((operation.id, body, answer.text))
                count += 1
    broken += [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert broken == []
    return count


def concrete(path: str) -> str:
    """A path with IDs of the seed."""
    path = path.replace("{storeId}", "603a7b51-ae7c-4b0a-8865-e454ed2f6766")
    for name in ("id", "chatflowId", "chatflowid"):
        path = path.replace(f"{{{name}}}", CHAT if "tool" not in path else UNKNOWN)
    return path.replace("{", "").replace("}", "")


# --- versions by name, and what the mock says about an answer ---------------------------------------


def test_the_nearest_older_version_is_used_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    from flowise_mock.cli import main

    assert main(["contract", "--flowise", "3.0.7", "--operations"]) == 0
    assert capsys.readouterr().err == "there is no contract for Flowise 3.0.7: using 3.0.5\n"
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--flowise", "2.0.0"])
    assert ended.value.code == 2
    assert "nor for an older 2.x; choose one of " in capsys.readouterr().err


def test_explain_lists_the_outcomes_of_a_request() -> None:
    running = Running(build.build(Options(contract="3.0.5", explain=True)))
    try:
        with running.client() as client:
            answer = client.get(f"/upsert-history/{UNKNOWN}")
            found = json.loads(client.get(f"/tools/{UNKNOWN}").headers["flowise-mock-outcomes"])
    finally:
        running.stop()
    assert found == [{"outcome": "NotFound", "fields": {"noun": "Tool", "id": UNKNOWN}, "ignored": False}]
    ignored = [each["ignored"] for each in json.loads(answer.headers["flowise-mock-outcomes"])]
    assert ignored == [True, False]
