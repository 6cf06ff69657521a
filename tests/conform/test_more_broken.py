"""Further broken servers: each fault is named by one cause, however many operations and checks show it."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask, Response, redirect, request

from conform import right
from conform.judged import causes, judge, summary
from conform.right import Refused, Row, Served, World, build
from conform.test_broken import PAGE, answer, body, instead, rewrite, status

API = "/api/v1"


class Broken(NamedTuple):
    """A broken server: how it is broken, and what names the one cause."""

    fault: Callable[[World, Flask], None]
    title: str
    check: str
    operation: str


# --- faults ------------------------------------------------------------------------------------------


def changes_another(world: World, app: Flask) -> None:
    """An update reaches a record that it does not name, as with a WHERE that is too wide."""
    original = world.change

    def change(table: str, id: str, body: Row) -> Row:
        for row in world.rows[table] if "name" in body else []:
            if row["id"] != id:
                row["name"] = body["name"]
        return original(table, id, body)

    world.replace(change=change)


def old_id(world: World, app: Flask) -> None:
    """A creation returns the ID of a record that was there."""
    rewrite("createTool", lambda row: {**row, "id": world.rows["tools"][0]["id"]})(world, app)


def one_id(world: World, app: Flask) -> None:
    """All tools get the same ID."""
    id = str(uuid.uuid4())
    original = world.create

    def create(table: str, body: Row) -> Row:
        made = original(table, body)
        if table == "tools" and len(world.rows[table]) > 1:
            made["id"] = id
        return made

    world.replace(create=create)


def makes_and_fails(world: World, app: Flask) -> None:
    """A creation fails after it has made the record, so that no response has its ID."""

    def create(original: Callable[..., Row], table: str, sent: Row) -> Row:
        made = original(table, sent)
        if table == "variables":
            raise Refused(500, "the connection to the database was lost")
        return made

    instead("create", create)(world, app)


def makes_two(world: World, app: Flask) -> None:
    def create(original: Callable[..., Row], table: str, sent: Row) -> Row:
        if table == "tools":
            original(table, sent)
        return original(table, sent)

    instead("create", create)(world, app)


def hides_deleted(world: World, app: Flask) -> None:
    """A deletion hides tools from the list; they can still be read."""
    hidden: set[str] = set()
    remove, listed = world.delete, world.listed

    def delete(table: str, id: str) -> None:
        if table != "tools":
            return remove(table, id)
        world.find(table, id)
        hidden.add(id)
        return None

    world.replace(delete=delete)
    world.replace(listed=lambda table: [row for row in listed(table) if row["id"] not in hidden])


def lies_about_tools(world: World, app: Flask) -> None:
    remove = world.delete

    def delete(table: str, id: str) -> None:
        if table == "tools":
            world.find(table, id)
        else:
            remove(table, id)

    world.replace(delete=delete)


def dead_model(world: World, app: Flask) -> None:
    """Chains fail, as the model behind the server does not answer."""

    def predict(original: Callable[..., Row], flow: str, sent: Row) -> Row:
        if "chatOpenAI" in str(world.find("chatflows", flow).get("flowData")):
            raise Refused(500, "Error: predictionsServices.buildChatflow - Connection error.")
        return original(flow, sent)

    instead("predict", predict)(world, app)


def second_page(world: World, app: Flask) -> None:
    @app.before_request
    def fail() -> Any:
        if request.path.endswith("/tools") and int(request.args.get("page", 1)) > 1:
            return world.failure(500, "offset is not a number"), 500
        return None


def extra_method(path: str, method: str, code: int) -> Callable[[World, Flask], None]:
    """A method that no document has."""

    def fault(world: World, app: Flask) -> None:
        app.add_url_rule(API + path, f"extra {method}", lambda **_: ({}, code), methods=[method])

    return fault


def web_page_for_methods(world: World, app: Flask) -> None:
    """As a real Flowise: an unknown path or method shows the page of the UI, with 200."""
    for code in (404, 405):
        app.register_error_handler(code, lambda error: Response(PAGE, mimetype="text/html"))


def wraps(world: World, app: Flask) -> None:
    """Each refusal of a record is a 500 that says what it was."""
    find = world.find

    def wrapped(table: str, id: str) -> Row:
        try:
            return find(table, id)
        except Refused as error:
            raise Refused(500, f"Error: {table}Service.get - {error.message}") from None

    world.replace(find=wrapped)


def no_validation(world: World, app: Flask) -> None:
    """Bodies are not checked: the database refuses what is missing."""
    accepts = world.accepts

    def accept(operation: Any, body: Any) -> bool:
        if operation.id == "createTool" and (not isinstance(body, dict) or "name" not in body):
            raise Refused(500, "SQLITE_CONSTRAINT: NOT NULL constraint failed: tool.name")
        return accepts(operation, body)

    world.replace(accepts=accept)


def stream_never_begins(world: World, app: Flask) -> None:
    """A refused request for a stream is never answered, as in a real Flowise."""
    find = world.find

    def waits(table: str, id: str) -> Row:
        try:
            return find(table, id)
        except Refused:
            if request.method == "POST" and (request.get_json(silent=True) or {}).get("streaming"):
                time.sleep(3)
            raise

    world.replace(find=waits)


def breaks_off(original: Callable[..., Any], sent: Row) -> Iterator[str]:
    """A stream that ends in the middle of its tokens."""
    yield from itertools.islice(original(sent), 2)
    raise ConnectionResetError


def cut_answer(endpoint: str) -> Callable[[World, Flask], None]:
    """The body is shorter than its length says."""

    def change(response: Response) -> None:
        response.headers["Content-Length"] = str(len(response.get_data()) + 50)
        response.headers["Connection"] = "close"

    return answer(endpoint, change)


def slow_list(world: World, app: Flask) -> None:
    original = world.listed

    def listed(table: str) -> list[Row]:
        if table == "variables":
            time.sleep(2)
        return original(table)

    world.replace(listed=listed)


def moved(world: World, app: Flask) -> None:
    app.view_functions["getAllVariables"] = lambda: redirect("/elsewhere")


def makes_unknown(world: World, app: Flask) -> None:
    """An update of an unknown ID makes a record."""

    def change(original: Callable[..., Row], table: str, id: str, sent: Row) -> Row:
        if table == "variables" and not any(row["id"] == id for row in world.rows[table]):
            return world.create(table, {"name": "new", "value": "", **sent})
        return original(table, id, sent)

    instead("change", change)(world, app)


def forgets_fields(original: Callable[..., Row], table: str, id: str, sent: Row) -> Row:
    """An update drops what was not sent."""
    row = original(table, id, sent)
    for name in {"color", "description"} - sent.keys():
        row.pop(name, None)
    return row


def limits(world: World, app: Flask) -> None:
    """Too many requests are refused with a status that no document has."""
    count = itertools.count()

    @app.before_request
    def refuse() -> Any:
        if request.path.endswith("/variables") and request.method == "GET" and next(count) > 5:
            return world.failure(429, "slow down"), 429
        return None


def open_for_writes(world: World, app: Flask) -> None:
    knows = world.knows
    world.replace(knows=lambda key: request.method == "DELETE" or knows(key))


def text_errors(world: World, app: Flask) -> None:
    """Refusals are plain text."""
    app.register_error_handler(
        Refused, lambda error: Response(error.message, error.status, mimetype="text/plain")
    )


BROKEN: dict[str, Broken] = {
    "an update that changes another record": Broken(changes_another, "changes a record that it does not name", "others_are_untouched", "updateTool"),
    "a creation with the ID of another record": Broken(old_id, "returns the ID of another record", "made_is_new", "createTool"),
    "one ID for all": Broken(one_id, "returns the ID of another record", "made_is_new", "createTool"),
    "a creation that fails and makes": Broken(makes_and_fails, "A valid request makes a server error", "valid_request_succeeds", "createVariable"),
    "a creation that makes two": Broken(makes_two, "What was made is not in its list", "made_is_listed", "getAllTools"),
    "a deletion that only hides": Broken(hides_deleted, "What was deleted is still there", "deleted_is_gone", "getToolById"),
    "a deletion that lies": Broken(lies_about_tools, "What was deleted is still there", "deleted_is_gone", "deleteTool"),
    "a dead model": Broken(dead_model, "The model behind the server does not answer", "valid_request_succeeds", "createPrediction"),
    "500 on the second page": Broken(second_page, "A page of a list is not answered", "page_is_served", "getAllTools"),
    "an undocumented method": Broken(extra_method("/tools/<id>", "PATCH", 200), "Undocumented methods are answered", "unsupported_method", "getToolById"),
    "an undocumented method that fails": Broken(extra_method("/variables/<id>", "GET", 500), "Undocumented methods make a server error", "unsupported_method", "updateVariable"),
    "a web page for any method": Broken(web_page_for_methods, "Undocumented methods get a web page", "unsupported_method", "getAllTools"),
    "wrapped errors": Broken(wraps, "Refusals are hidden in a 500", "unknown_is_refused", "getToolById"),
    "no validation": Broken(no_validation, "Invalid input makes a server error", "not_a_server_error", "createTool"),
    "a stream that never begins": Broken(stream_never_begins, "A request for a stream is never answered", "answers_in_time", "createPrediction"),
    "a stream that breaks off": Broken(instead("stream", breaks_off), "A stream breaks off", "stream_ends", "createPrediction"),
    "an answer that is cut": Broken(cut_answer("getToolById"), "The connection breaks", "answers_whole", "getToolById"),
    "a slow list": Broken(slow_list, "Requests are never answered", "answers_in_time", "getAllVariables"),
    "a redirect": Broken(moved, "The status 302 is not documented", "status_code_conformance", "getAllVariables"),
    "an update that creates": Broken(makes_unknown, "An ID that is not there is accepted", "unknown_is_refused", "updateVariable"),
    "an update that forgets": Broken(instead("change", forgets_fields), "A response says what is not so", "answer_is_true", "updateTool"),
    "too many requests": Broken(limits, "The status 429 is not documented", "status_code_conformance", "getAllVariables"),
    "deletion without a key": Broken(open_for_writes, "No valid key is needed", "ignored_auth", "deleteTool"),
    "errors as text": Broken(text_errors, "The media type is not the documented one", "content_type_conformance", "getToolById"),
    "NaN in JSON": Broken(answer("getToolById", body('{"id": NaN}', "application/json")), "A body is empty or no JSON", "response_schema_conformance", "getToolById"),
    "a body without a media type": Broken(answer("getAllTools", lambda response: response.headers.remove("Content-Type")), "The media type is not the documented one", "content_type_conformance", "getAllTools"),
    "a deletion that answers 204": Broken(answer("deleteTool", status(204)), "The status 204 is not documented", "status_code_conformance", "deleteTool"),
    "null in each message": Broken(rewrite("getAllChatMessages", lambda rows: [{**row, "content": None} for row in rows]), "Fields are null", "response_schema_conformance", "getAllChatMessages"),
}  # fmt: skip
GIVEN: dict[str, dict[str, Any]] = {
    "a dead model": {"values": {"model_url": "http://127.0.0.1:9/v1"}},
    "a slow list": {"seconds": 1.0},
}
"""Options of a run that are not those of the others."""


@pytest.mark.parametrize("name", BROKEN)
def test_one_cause_names_the_fault(name: str, tmp_path: Path) -> None:
    broken = BROKEN[name]
    world = World()
    for table in ("tools", "variables"):
        world.create(table, {"name": "not of the run", "value": "1", "description": "", "color": "#000000"})
    app = build(world)
    broken.fault(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path, **GIVEN.get(name, {}))
    (cause,) = causes(run) or pytest.fail(summary(run))
    assert broken.title in cause["title"], summary(run)
    assert broken.operation in cause["operations"]
    assert broken.check in {each["check"] for each in run["new"] if each["operation"] == broken.operation}
    assert run["status"] == 1


# --- no fault -----------------------------------------------------------------------------------------


def test_a_missing_model_is_no_deviation(tmp_path: Path) -> None:
    """Without a model: one sentence that says what to set, and exit status 3."""
    world = World()
    app = build(world)
    dead_model(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path)
    assert (run["new"], run["causes"]) == ([], [])
    assert (run["status"], run["doubts"]) == (0, [])  # another walk saw each operation
    assert run["records"]["left"] == []


def test_large_bodies_are_read_to_their_end(tmp_path: Path) -> None:
    """1.7 MB of JSON passes through Schemathesis' report without a cut."""
    world = World()
    world.create("variables", {"name": "large", "value": "x" * 1_700_000})
    with Served(build(world)) as served:
        paths = ("/ping", "/variables", "/variables/{id}", "/tools", "/tools/{id}")
        run = judge(served.url, tmp_path, phases=("generated",), paths=paths)
    assert summary(run) == ""


def test_records_of_others_are_not_judged(tmp_path: Path) -> None:
    world = World()
    world.create("tools", {"name": None, "description": 7, "color": []})
    with Served(build(world)) as served:
        run = judge(served.url, tmp_path, phases=("walks", "probes", "generated"))
    assert summary(run) == ""
    assert (run["verdict"], run["records"]["changed"], run["records"]["left"]) == ("conforms", [], [])


def test_each_parameter_of_a_deletion_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that lacks a record since its deletion ignored one parameter says nothing of the list itself."""

    def ignores(world: World, names: dict[str, str], sent: Any) -> Any:
        known = {
            name: value for name, value in request.args.items() if name not in ("feedbackType", "memoryType")
        }
        gone = [row["id"] for row in world.messages(names["id"], known)]
        world.rows["messages"] = [row for row in world.rows["messages"] if row["id"] not in gone]
        return ""

    monkeypatch.setitem(right.ANSWERS, "removeAllChatMessages", ignores)
    with Served(build(World())) as served:
        run = judge(served.url, tmp_path)
    parameters = {each["what"] for each in run["new"] if each["operation"] == "removeAllChatMessages"}
    assert parameters == {"feedbackType has no effect", "memoryType has no effect"}
