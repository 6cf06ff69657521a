"""A small server that keeps the documented contract as far as it goes, to be broken in one place at a time."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

from flowise_mock.contract import contracts, document
from flowise_mock.contract.schemas import Schemas, is_uuid

KEY = "a-right-key"
PATHS = (
    "/ping", "/tools", "/tools/{id}", "/variables", "/variables/{id}", "/chatflows", "/chatflows/{id}",
    "/prediction/{id}", "/chatmessage/{id}", "/feedback", "/feedback/{id}", "/attachments/{chatflowId}/{chatId}",
)  # fmt: skip
Row = dict[str, Any]


def contract(paths: tuple[str, ...] = PATHS) -> document.Document:
    """The documented contract, cut down to what the server has."""
    whole = _documented()
    return {**whole, "paths": {path: whole["paths"][path] for path in paths}}


@cache
def _documented() -> document.Document:
    """The documented contract. It is read once: a hundred servers are judged by it."""
    return contracts.load("documented")


@cache
def _schemas() -> Schemas:
    return Schemas(contract())


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message


class World:
    """The records, and every decision of the server as a method: a fault replaces one."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {
            name: [] for name in ("tools", "variables", "chatflows", "messages", "feedback")
        }
        self._clock = itertools.count()
        self._schemas = _schemas()
        self.loaded = contract()

    def now(self) -> str:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=17 * next(self._clock) + 1)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # --- records ---
    def create(self, table: str, body: Row) -> Row:
        made = {**body, "id": str(uuid.uuid4()), "createdDate": self.now()}
        if table not in ("messages", "feedback"):
            made["updatedDate"] = self.now()
        self.rows[table].append(made)
        return made

    def replace(self, **methods: Any) -> None:
        """Make this world behave otherwise: methods by name, without `self`."""
        assert methods.keys() <= vars(type(self)).keys(), "a method that the world has"
        vars(self).update(methods)

    def find(self, table: str, id: str) -> Row:
        for row in self.rows[table]:
            if row["id"] == id:
                return row
        raise Refused(404, f"{table} {id} not found")

    def change(self, table: str, id: str, body: Row) -> Row:
        row = self.find(table, id)
        row.update({name: value for name, value in body.items() if name not in ("id", "createdDate")})
        if "updatedDate" in row:
            row["updatedDate"] = self.now()
        return row

    def delete(self, table: str, id: str) -> None:
        self.rows[table].remove(self.find(table, id))
        if table == "chatflows":
            for name in ("messages", "feedback"):
                self.rows[name] = [row for row in self.rows[name] if row.get("chatflowid") != id]

    def listed(self, table: str) -> list[Row]:
        return self.rows[table]

    # --- messages ---
    def kept(self, row: Row, name: str, value: str) -> bool:
        if name == "startDate":
            return bool(row["createdDate"] >= value)
        if name == "endDate":
            return bool(row["createdDate"] <= value)
        return row.get(name) == value

    def messages(self, flow: str, query: dict[str, str]) -> list[Row]:
        self.find("chatflows", flow)
        names = ("chatId", "sessionId", "chatType", "memoryType", "startDate", "endDate")
        filters = {name: query[name] for name in names if name in query}
        found = [dict(row) for row in self.rows["messages"] if row["chatflowid"] == flow]
        found = [row for row in found if all(self.kept(row, *pair) for pair in filters.items())]
        if query.get("feedback") == "true" or "feedbackType" in query:
            found = self.rated(found, query.get("feedbackType"))
        return self.ordered(found, query.get("order", "ASC") == "DESC")

    def rated(self, found: list[Row], wanted: str | None) -> list[Row]:
        ratings = {row.get("messageId"): row for row in self.rows["feedback"]}
        rated = [{**row, "feedback": ratings[row["id"]]} if row["id"] in ratings else row for row in found]
        return rated if not wanted else [r for r in rated if r.get("feedback", {}).get("rating") == wanted]

    def ordered(self, rows: list[Row], descending: bool) -> list[Row]:
        return sorted(rows, key=lambda row: str(row["createdDate"]), reverse=descending)

    def feedback(self, flow: str, query: dict[str, str]) -> list[Row]:
        found = [row for row in self.rows["feedback"] if row.get("chatflowid") == flow]
        filters = {name: query[name] for name in ("chatId", "startDate", "endDate") if name in query}
        found = [row for row in found if all(self.kept(row, *pair) for pair in filters.items())]
        return self.ordered(found, query.get("sortOrder") == "desc")

    def predict(self, flow: str, body: Row) -> Row:
        memory = (
            "Buffer Memory" if "bufferMemory" in str(self.find("chatflows", flow).get("flowData")) else ""
        )
        if isinstance(body.get("overrideConfig"), str):
            body = {**body, "overrideConfig": parsed(body["overrideConfig"])}
        session = (body.get("overrideConfig") or {}).get("sessionId")
        chat = body.get("chatId") or session or str(uuid.uuid4())
        common = {
            "chatflowid": flow,
            "chatType": "EXTERNAL",
            "chatId": chat,
            "sessionId": session or chat,
            "memoryType": memory,
        }
        question = str(body.get("question", ""))
        text = f"you said {question}"
        self.create("messages", {**common, "role": "userMessage", "content": question})
        answer = self.create("messages", {**common, "role": "apiMessage", "content": text})
        ids = {"chatId": chat, "chatMessageId": answer["id"], "sessionId": session or chat}
        return {"text": text, "question": question, **ids}

    # --- streams ---
    def frame(self, event: str, data: Any) -> str:
        return f"message:\ndata:{json.dumps({'event': event, 'data': data})}\n\n"

    def events(self, answer: Row) -> Iterator[tuple[str, Any]]:
        yield "start", ""
        for word in answer["text"].split(" "):
            yield "token", word
        yield (
            "metadata",
            {name: answer[name] for name in ("chatId", "chatMessageId", "question", "sessionId")},
        )
        yield "end", "[DONE]"

    def stream(self, answer: Row) -> Iterator[str]:
        for event, data in self.events(answer):
            yield self.frame(event, data)

    # --- the door ---
    def knows(self, key: str | None) -> bool:
        return key == f"Bearer {KEY}"

    def accepts(self, operation: document.Operation, body: Any) -> bool:
        schema = operation.definition["requestBody"]["content"]["application/json"]["schema"]
        return self._schemas.compile(schema).accepts(body)

    def fits(self, schema: Row, value: Any) -> bool:
        return self._schemas.compile(schema).accepts(value)

    def failure(self, status: int, message: str) -> Row:
        return {"statusCode": status, "success": False, "message": message, "stack": {}}

    def prediction_failure(self, message: str) -> Row:
        return {"error": message}


def build(world: World) -> Flask:
    """The server. Routes are those of the contract; each is one line to the world."""
    app = Flask("right")
    app.url_map.strict_slashes = False
    operations = {each.id: each for each in document.operations(world.loaded)}
    for id, operation in operations.items():
        path = "/api/v1" + operation.path.replace("{", "<").replace("}", ">")
        app.add_url_rule(
            path, f"{id}", _view(world, operation, ANSWERS[id]), methods=[operation.method.upper()],
            provide_automatic_options=False,
        )  # fmt: skip

    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[Response, int]:
        prediction = "/prediction/" in request.path or error.status == 401
        body = (
            world.prediction_failure(error.message)
            if prediction
            else world.failure(error.status, error.message)
        )
        return jsonify(body), error.status

    for status in (404, 405):
        app.register_error_handler(
            status,
            lambda error: (
                jsonify(world.failure(error.code, "no such path")),
                error.code,
                error.get_headers()[1:],
            ),
        )
    return app


def _view(
    world: World, operation: document.Operation, answer: Callable[..., Any]
) -> Callable[..., Any]:  # fmt: skip
    def view(**names: str) -> Any:
        security = operation.definition.get("security")
        if security and {} not in security and not world.knows(request.headers.get("Authorization")):
            raise Refused(401, "Unauthorized Access")
        for parameter in operation.definition.get("parameters", []):
            check(world, parameter, names)
        return answer(world, names, body(world, operation))

    return view


def check(world: World, parameter: Row, names: dict[str, str]) -> None:
    """A path or query parameter is what its schema says."""
    schema, name = parameter["schema"], parameter["name"]
    given = names.get(name) if parameter["in"] == "path" else request.args.get(name)
    if parameter["in"] == "query" and len(request.args.getlist(name)) > 1:
        raise Refused(400, f"{name} is given twice")
    if given is None:
        return
    fits = (
        is_uuid(given) if schema.get("format") == "uuid"
        else given in schema["enum"] if "enum" in schema
        else given in ("true", "false") if schema["type"] == "boolean"
        else _is_date(given) if schema.get("format") == "date-time"
        else True
    )  # fmt: skip
    if not fits:
        raise Refused(400, f"{name}: {given!r} does not fit")


def parsed(text: str) -> Any:
    """The JSON that a field of a form holds. Raises Refused."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _is_date(text: str) -> bool:
    return _schemas().compile({"type": "string", "format": "date-time"}).accepts(text)


def body(world: World, operation: document.Operation) -> Any:
    """The JSON body, or a form as one. Raises Refused."""
    wanted = operation.definition.get("requestBody")
    if not wanted:
        return {}
    media = request.mimetype
    if "multipart/form-data" in wanted["content"] and media == "multipart/form-data":
        check_form(world, wanted["content"][media]["schema"])
        return {**request.form, "files": request.files.getlist("files")}
    if not request.data and not wanted.get("required"):
        return {}
    if media != "application/json" or "application/json" not in wanted["content"]:
        raise Refused(415, "send JSON")
    try:
        sent = json.loads(request.data)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    if not world.accepts(operation, sent):
        raise Refused(400, "the body does not fit")
    return sent


def check_form(world: World, schema: Row) -> None:
    """A form has its required fields, and each is what its schema says. Raises Refused."""
    schema = document.resolve(world.loaded, schema)
    sent = {**request.form, **request.files}
    if not set(schema.get("required", [])) <= sent.keys():
        raise Refused(400, "a field of the form is missing")
    for name, text in request.form.items():
        field = document.resolve(world.loaded, schema["properties"].get(name, {}))
        value = text if field.get("type", "string") == "string" else parsed(text)
        if not world.fits(field, value):
            raise Refused(400, f"{name} is not valid")


def predicted(world: World, names: dict[str, str], sent: Row) -> Any:
    answer = world.predict(names["id"], sent)
    if str(sent.get("streaming")).lower() == "true":
        return Response(world.stream(answer), mimetype="text/event-stream")
    return jsonify(answer)


def attached(world: World, names: dict[str, str], sent: Row) -> Any:
    world.find("chatflows", names["chatflowId"])
    if not sent["files"]:
        raise Refused(400, "files are missing")
    rows = []
    for file in sent["files"]:
        text = file.read()
        rows.append(
            {
                "name": file.filename,
                "mimeType": file.mimetype,
                "size": str(len(text)),
                "content": text.decode("latin-1"),
            }
        )
    return jsonify(rows)


def rated(world: World, names: dict[str, str], sent: Row) -> Any:
    message = world.find("messages", str(sent.get("messageId")))
    known = {name: message[name] for name in ("chatflowid", "chatId")}
    if any(sent.get(name, value) != value for name, value in known.items()):
        raise Refused(400, "the message is of another chat")
    return jsonify(world.create("feedback", {**sent, **known}))


def forgotten(world: World, names: dict[str, str], sent: Row) -> Any:
    gone = world.messages(names["id"], dict(request.args))
    ids = {row["id"] for row in gone}
    world.rows["messages"] = [row for row in world.rows["messages"] if row["id"] not in ids]
    return ""


def gone(table: str) -> Callable[..., Any]:
    def answer(world: World, names: dict[str, str], sent: Row) -> Any:
        world.delete(table, names["id"])
        return ""

    return answer


ANSWERS: dict[str, Callable[..., Any]] = {
    "pingServer": lambda w, n, b: Response("pong", mimetype="text/plain"),
    "createPrediction": predicted,
    "createAttachment": attached,
    "getAllChatMessages": lambda w, n, b: jsonify(w.messages(n["id"], dict(request.args))),
    "removeAllChatMessages": forgotten,
    "createChatMessageFeedbackForChatflow": rated,
    "getAllChatMessageFeedback": lambda w, n, b: jsonify(w.feedback(n["id"], dict(request.args))),
    "updateChatMessageFeedbackForChatflow": lambda w, n, b: jsonify(w.change("feedback", n["id"], b)),
    "getAllTools": lambda w, n, b: jsonify(w.listed("tools")),
    "createTool": lambda w, n, b: jsonify(w.create("tools", b)),
    "getToolById": lambda w, n, b: jsonify(w.find("tools", n["id"])),
    "updateTool": lambda w, n, b: jsonify(w.change("tools", n["id"], b)),
    "deleteTool": gone("tools"),
    "getAllVariables": lambda w, n, b: jsonify(w.listed("variables")),
    "createVariable": lambda w, n, b: jsonify(w.create("variables", b)),
    "updateVariable": lambda w, n, b: jsonify(w.change("variables", n["id"], b)),
    "deleteVariable": gone("variables"),
    "listChatflows": lambda w, n, b: jsonify(w.listed("chatflows")),
    "createChatflow": lambda w, n, b: jsonify(w.create("chatflows", {"type": "CHATFLOW", **b})),
    "getChatflowById": lambda w, n, b: jsonify(w.find("chatflows", n["id"])),
    "updateChatflow": lambda w, n, b: jsonify(w.change("chatflows", n["id"], b)),
    "deleteChatflow": gone("chatflows"),
}


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *given: Any) -> None:
        """Says nothing."""


class Served:
    """A server on loopback, in a thread."""

    def __init__(self, app: Any) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
