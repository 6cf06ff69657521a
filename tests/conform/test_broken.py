"""Servers broken in one place: each fault is caught and named; that the right one has none is in test_safety."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request

from conform.judged import found, judge, summary
from conform.right import Refused, Row, Served, World, build

PAGE = "<!DOCTYPE html><html><body>Flowise</body></html>"
Fault = Callable[[World, Flask], None]


# --- faults: what is broken, and how ----------------------------------------------------------------


def rewrite(endpoint: str, change: Callable[[Any], Any]) -> Fault:
    """Change the JSON that an operation answers with success."""

    def fault(world: World, app: Flask) -> None:
        @app.after_request
        def after(response: Response) -> Response:
            if request.endpoint == endpoint and response.status_code == 200 and response.is_json:
                response.set_data(json.dumps(change(response.get_json())))
            return response

    return fault


def answer(endpoint: str, change: Callable[[Response], None], status: int | None = 200) -> Fault:
    """Change the whole answer of an operation."""

    def fault(world: World, app: Flask) -> None:
        @app.after_request
        def after(response: Response) -> Response:
            if request.endpoint == endpoint and status in (response.status_code, None):
                change(response)
            return response

    return fault


def instead(name: str, method: Callable[..., Any]) -> Fault:
    """Replace a decision of the world."""

    def fault(world: World, app: Flask) -> None:
        original = getattr(world, name)
        setattr(world, name, lambda *given: method(original, *given))

    return fault


def without(*names: str) -> Callable[[Any], Any]:
    return lambda body: {key: value for key, value in body.items() if key not in names}


def with_(**fields: Any) -> Callable[[Any], Any]:
    return lambda body: {**body, **fields}


def status(code: int) -> Callable[[Response], None]:
    def change(response: Response) -> None:
        response.status_code = code

    return change


def body(text: str, media: str) -> Callable[[Response], None]:
    def change(response: Response) -> None:
        response.set_data(text)
        response.headers["Content-Type"] = media

    return change


def gone_path(endpoint: str) -> Fault:
    def fault(world: World, app: Flask) -> None:
        def nothing(**names: str) -> Any:
            return world.failure(404, "no such path"), 404

        app.view_functions[endpoint] = nothing

    return fault


def web_pages(endpoint: str) -> Fault:
    """As a real Flowise: what is not there is answered with the page of its UI, 200."""

    def fault(world: World, app: Flask) -> None:
        app.register_error_handler(404, lambda error: Response(PAGE, mimetype="text/html"))
        app.view_functions[endpoint] = lambda **names: Response(PAGE, mimetype="text/html")

    return fault


def hangs(original: Callable[..., Any], *given: Any) -> Any:
    time.sleep(30)
    return original(*given)


def endless(original: Callable[..., Any], answer: Row) -> Iterator[str]:
    yield from original(answer)
    while True:
        time.sleep(0.2)
        yield ":heartbeat\n\n"


def events(change: Callable[[list[Any]], list[Any]]) -> Fault:
    return instead("events", lambda original, answer: iter(change(list(original(answer)))))


def drop(name: str) -> Fault:
    return events(lambda sent: [each for each in sent if each[0] != name])


def swapped(sent: list[Any]) -> list[Any]:
    return [*sent[:-2], sent[-1], sent[-2]]


def ignores(parameter: str) -> Fault:
    return instead("kept", lambda original, row, name, value: name == parameter or original(row, name, value))


def crash(original: Callable[..., Any], operation: Any, sent: Any) -> Any:
    if isinstance(sent, list):
        raise Refused(500, "TypeError")
    return original(operation, sent)


def no_delete(world: World, app: Flask) -> None:
    """Only says that it deletes; an unknown ID is refused."""
    world.replace(delete=world.find)


def no_login(world: World, app: Flask) -> None:
    world.replace(knows=lambda key: True)


def wrong_key_passes(world: World, app: Flask) -> None:
    world.replace(knows=lambda key: bool(key))


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "wrong status": (answer("createTool", status(201)), "createTool", "status_code_conformance"),
    "a refusal of what fits": (answer("updateTool", status(400)), "updateTool", "valid_request_succeeds"),
    "a missing ID": (rewrite("createTool", without("id")), "createTool", "answer_has_fields"),
    "a missing field": (rewrite("getToolById", without("color")), "getToolById", "answer_is_true"),
    "a missing date": (rewrite("createVariable", without("createdDate")), "createVariable", "answer_has_fields"),
    "a wrong type": (rewrite("createTool", with_(color=7)), "createTool", "response_schema_conformance"),
    "an extra null": (rewrite("getToolById", with_(name=None)), "getToolById", "response_schema_conformance"),
    "a wrong format": (rewrite("createTool", with_(createdDate="yesterday")), "createTool", "response_schema_conformance"),
    "an undocumented value": (rewrite("getChatflowById", with_(type="ROBOT")), "getChatflowById", "response_schema_conformance"),
    "an object for a list": (rewrite("getAllTools", lambda rows: {"data": rows}), "getAllTools", "response_schema_conformance"),
    "a list for an object": (rewrite("getToolById", lambda row: [row]), "getToolById", "response_schema_conformance"),
    "a wrong media type": (answer("getAllTools", lambda r: r.headers.__setitem__("Content-Type", "text/plain")), "getAllTools", "content_type_conformance"),
    "JSON that is none": (answer("getToolById", body("{'id': 1}", "application/json")), "getToolById", "response_schema_conformance"),
    "an empty body": (answer("getToolById", body("", "application/json")), "getToolById", "response_schema_conformance"),
    "HTML for JSON": (answer("getAllVariables", body(PAGE, "text/html")), "getAllVariables", "html_instead_of_json"),
    "an operation that is not there": (gone_path("getAllVariables"), "getAllVariables", "operation_exists"),
    "a web page where nothing is": (web_pages("updateVariable"), "updateVariable", "operation_exists"),
    "what was made is not listed": (rewrite("getAllTools", lambda rows: rows[1:]), "getAllTools", "made_is_listed"),
    "what was made is listed twice": (rewrite("getAllTools", lambda rows: rows + rows), "getAllTools", "made_is_listed"),
    "a list of old values": (rewrite("getAllVariables", lambda rows: [{**row, "value": "old"} for row in rows]), "getAllVariables", "list_shows_record"),
    "a change that is not kept": (instead("change", lambda original, *given: {**original(given[0], given[1], {}), **given[2]}), "getToolById", "change_is_kept"),
    "a change that is not answered": (rewrite("updateTool", with_(name="as before")), "updateTool", "change_is_kept"),
    "what was sent is changed": (rewrite("createChatflow", with_(name="another")), "createChatflow", "sent_is_kept"),
    "a delete that does not delete": (no_delete, "getToolById", "deleted_is_gone"),
    "a deleted record that is listed": (instead("listed", lambda original, table: original(table) + [{"id": i} for i in GRAVES]), "getAllTools", "deleted_is_gone"),
    "an unknown ID that succeeds": (answer("deleteTool", status(200), 404), "deleteTool", "unknown_is_refused"),
    "an unknown ID that is a server error": (answer("getToolById", status(500), 404), "getToolById", "unknown_is_refused"),
    "a bad ID that is a server error": (answer("getToolById", status(500), 400), "getToolById", "malformed_id_is_refused"),
    "broken JSON that is a server error": (answer("createTool", status(500), 400), "createTool", "broken_json_is_refused"),
    "an error body of another form": (answer("getToolById", body('{"error": "no"}', "application/json"), 404), "getToolById", "error_body"),
    "500 on odd input": (instead("accepts", crash), "createTool", "not_a_server_error"),
    "no key is asked": (no_login, "createTool", "ignored_auth"),
    "any key will do": (wrong_key_passes, "getAllTools", "ignored_auth"),
    "an unordered list": (instead("ordered", lambda original, rows, descending: original(rows, True)), "getAllChatMessages", "list_is_ordered"),
    "order is ignored": (instead("ordered", lambda original, rows, descending: original(rows, False)), "getAllChatMessageFeedback", "parameter_has_effect"),
    "a filter is ignored": (ignores("chatId"), "getAllChatMessages", "parameter_has_effect"),
    "a date is ignored": (ignores("startDate"), "getAllChatMessageFeedback", "parameter_has_effect"),
    "a filter that drops everything": (instead("kept", lambda original, *given: False), "getAllChatMessages", "parameter_has_effect"),
    "messages that are not written down": (instead("messages", lambda original, *given: original(*given)[:2]), "getAllChatMessages", "answer_is_true"),
    "an answer to another question": (rewrite("createPrediction", with_(question="what?")), "createPrediction", "answer_is_true"),
    "a stream without end": (instead("stream", endless), "createPrediction", "stream_ends"),
    "a stream without the event end": (drop("end"), "createPrediction", "stream_order"),
    "a stream without metadata": (drop("metadata"), "createPrediction", "stream_order"),
    "metadata after end": (events(swapped), "createPrediction", "stream_order"),
    "start after tokens": (events(lambda sent: [*sent[1:2], sent[0], *sent[2:]]), "createPrediction", "stream_order"),
    "metadata without an ID": (events(lambda sent: [(n, {} if n == "metadata" else d) for n, d in sent]), "createPrediction", "stream_metadata"),
    "a wrong frame": (instead("frame", lambda original, event, data: f"event: {event}\ndata: {json.dumps(data)}\n\n"), "createPrediction", "stream_data_is_json"),
    "a frame with a name": (instead("frame", lambda original, event, data: original(event, data).replace("message:", f"event: {event}")), "createPrediction", "stream_frame"),
    "data that is no JSON": (instead("frame", lambda original, event, data: f"message:\ndata:{data}\n\n"), "createPrediction", "stream_data_is_json"),
    "one newline between events": (instead("frame", lambda original, event, data: original(event, data).replace("\n\n", "\n")), "createPrediction", "stream_frame"),
    "a stream of another media type": (answer("createPrediction", lambda r: r.headers.__setitem__("Content-Type", "text/plain") if r.mimetype == "text/event-stream" else None), "createPrediction", "content_type_conformance"),
    "a hang": (instead("predict", hangs), "createPrediction", "answers_in_time"),
}  # fmt: skip
GRAVES: list[str] = []


PATIENCE = {"a hang": 0.5}
"""Seconds that the judge waits for an answer, where it is not two."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_and_named(name: str, tmp_path: Path) -> None:
    fault, operation, check = FAULTS[name]
    world = World()
    bury(world)
    app = build(world)
    fault(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path, seconds=PATIENCE.get(name, 2.0))
    assert (operation, check) in found(run), summary(run)
    assert run["status"] == 1
    assert len(accused(run, check) - {operation}) <= 8, summary(run)


def accused(run: Any, check: str) -> set[str]:
    """The operations that were found to deviate in another way."""
    return {each["operation"] for each in run["new"] if each["check"] != check}


def bury(world: World) -> None:
    """Remember what is deleted, for the fault that lists it still."""
    GRAVES.clear()
    original = world.delete

    def delete(table: str, id: str) -> None:
        original(table, id)
        GRAVES.append(id)

    world.replace(delete=delete)


# --- faults that only generated requests see ----------------------------------------------------------


def anything_goes(world: World, app: Flask) -> None:
    world.replace(accepts=lambda operation, body: isinstance(body, dict))


def no_name_crashes(world: World, app: Flask) -> None:
    def create(original: Any, table: str, body: Row) -> Row:
        if "name" not in body:
            raise Refused(500, "cannot read properties of undefined")
        made: Row = original(table, body)
        return made

    instead("create", create)(world, app)


GENERATED: dict[str, tuple[Fault, str]] = {
    "bodies outside the schema are taken": (anything_goes, "negative_data_rejection"),
    "500 without a name": (no_name_crashes, "not_a_server_error"),
}


@pytest.mark.parametrize("name", GENERATED)
def test_generated_requests_catch(name: str, tmp_path: Path) -> None:
    fault, check = GENERATED[name]
    world = World()
    app = build(world)
    fault(world, app)
    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=("generated",), paths=("/ping", "/tools", "/tools/{id}"))
    assert ("createTool", check) in found(run), summary(run)
