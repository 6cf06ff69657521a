"""Makes rules of scripts out of exchanges: what was asked, and what a real flow answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document, operations, resolve
from flowise_mock.contract.schemas import Schemas, is_uuid
from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.requests import Bodies
from flowise_mock.flows.turn import stored_history
from flowise_mock.knowledge.files import Upload
from flowise_mock.proxy.exchange import Exchange
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.recorded import ONE_MORE
from flowise_mock.state.outcomes import Outcome
from flowise_mock.state.store import Store
from flowise_mock.state.table import Record

IDS = ("chatId", "sessionId", "chatMessageId", "executionId")
"""What differs in each run, and is a template in a script."""
EXECUTED = "agentFlowExecutedData"
_PATH = re.compile(r"/api/v1/prediction/([^/?]+)/?")
_LINE = re.compile(rb"\r\n|\r|\n")


class NotRecorded(Exception):
    """An exchange cannot be a rule; the message says why."""


@dataclass
class RecordedQuestion:
    """A question: what a rule matches, and the session that the request names."""

    flow: str
    match: Record
    session: str
    streaming: bool


@dataclass
class RecordedAnswer:
    """An answer as a script has it, whether its flow is an agentflow, and the session that it names."""

    answer: Record
    is_agentflow: bool
    session: str


class Reader:
    """Reads predictions as the mock reads them."""

    def __init__(self, contract: Document, by_turn: bool = False) -> None:
        self._secrets = Secrets(contract)
        self._by_turn = by_turn
        definition = {each.id: each for each in operations(contract)}["createPrediction"].definition
        body = resolve(contract, definition["requestBody"])
        self._bodies = Bodies(contract, Schemas(contract), body, lenient=True)

    def flow(self, exchange: Exchange) -> str:
        """The flow that an exchange asks; empty if it is no prediction."""
        found = _PATH.fullmatch(exchange.path)
        return found[1] if found and exchange.method == "POST" else ""

    # --- questions ---

    def question(self, exchange: Exchange) -> RecordedQuestion:
        """The question of a prediction. Raises NotRecorded."""
        try:
            body, files = self._read(exchange)
        except (Outcome, ValueError) as failure:
            raise NotRecorded(f"its request cannot be read: {failure}") from None
        if not isinstance(body, dict):
            raise NotRecorded("its request is no object")
        flow = self.flow(exchange)
        if not is_uuid(flow):
            raise NotRecorded(f"{flow} is no ID of a flow")
        names = [{"name": file.name, "mime": file.type} for file in files]
        match = {"chatflow": flow, **self._conditions(body, names)}
        session = jsontext.mapping(body.get("overrideConfig")).get("sessionId") or body.get("chatId") or ""
        return RecordedQuestion(flow, match, str(session), body.get("streaming") in (True, "true"))

    def scripted(self, exchange: Exchange, flow: Record, store: Store) -> Question:
        """The question of a prediction as rules match it. Raises NotRecorded."""
        try:
            body, files = self._read(exchange)
        except (Outcome, ValueError) as failure:
            raise NotRecorded(f"its request cannot be read: {failure}") from None
        names = [{"name": file.name, "mime": file.type, "type": "file"} for file in files]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.request_headers
        }
        query = exchange.target.partition("?")[2]
        request = HttpRequest(exchange.method, exchange.path, query, headers, body, "createPrediction")
        found = Question.of_request(request, flow)
        found.stored_history = stored_history(store, str(flow["id"]), found.session_id)
        found.files = names
        return found

    def _read(self, exchange: Exchange) -> tuple[Any, list[Upload]]:
        """The body and its files, as the mock reads them. Raises Outcome or ValueError."""
        media = exchange.header(b"content-type", response=False)
        if media.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(exchange.request.decode("latin-1"), keep_blank_values=True)), []
        if media.startswith("multipart/form-data"):
            return self._bodies.read(media, exchange.request, lambda condition: None)
        return jsontext.loads(exchange.request or b"{}"), []

    def _conditions(self, body: Record, files: list[Record]) -> Record:
        found: Record = {}
        if not self._by_turn:
            if isinstance(body.get("question"), str):
                found["question"] = body["question"]
            if form := jsontext.mapping(body.get("form")):
                found["form"] = form
        if human := jsontext.mapping(body.get("humanInput")):
            known = {name: human[name] for name in ("type", "feedback") if isinstance(human.get(name), str)}
            found["humanInput"] = {name: each for name, each in known.items() if each} or True
        sent = [each for each in jsontext.sequence(body.get("uploads")) if isinstance(each, dict)]
        if uploads := [*sent, *files]:
            first = {
                name: uploads[0][name] for name in ("name", "mime") if isinstance(uploads[0].get(name), str)
            }
            found["uploads"] = {"count": len(uploads), **first}
        settings = jsontext.mapping(body.get("overrideConfig"))
        settings = {name: each for name, each in settings.items() if name != "sessionId"}
        if settings and self._secrets.value(settings) == settings:
            found["overrideConfig"] = settings
        return found

    def _question_of(self, exchange: Exchange) -> str:
        try:
            body, _ = self._read(exchange)
        except (Outcome, ValueError):
            return ""
        return str(body.get("question") or "") if isinstance(body, dict) else ""

    # --- answers ---

    def answer(self, exchange: Exchange) -> RecordedAnswer:
        """The answer of a prediction. Raises NotRecorded."""
        if exchange.failure:
            raise NotRecorded(exchange.failure)
        content = exchange.content
        if not exchange.whole or content is None:
            raise NotRecorded("its body is too long, or in a coding that is not read")
        if exchange.status >= 400:
            return RecordedAnswer({"fault": self._fault(exchange, content)}, False, "")
        if exchange.header(b"content-type").startswith("text/event-stream"):
            return self._stream(exchange, content)
        try:
            value = jsontext.loads(content)
        except ValueError:
            value = None
        if exchange.status != 200 or not isinstance(value, dict):
            raise NotRecorded(f"{exchange.status} with {exchange.header(b'content-type') or 'no media type'}")
        ids = _ids(value)
        response = templated(self._secrets.value(value), ids)
        _repeat_question(response, self._question_of(exchange))
        answer = {
            "response": response,
            **({"ms": round(exchange.duration)} if exchange.duration >= 1 else {}),
        }
        is_agentflow = "agentFlowExecutedData" in value or "executionId" in value
        return RecordedAnswer(answer, is_agentflow, ids.get("sessionId") or ids.get("chatId", ""))

    def _fault(self, exchange: Exchange, content: bytes) -> Record:
        try:
            body = self._secrets.value(jsontext.loads(content))
        except ValueError:
            body = self._secrets.body(content).decode(errors="replace")
        return {"name": "status", "code": exchange.status, "body": body}

    def _stream(self, exchange: Exchange, content: bytes) -> RecordedAnswer:
        found = events_of(content, exchange.arrivals, is_plain=content is exchange.response)
        names = [name for _, name, _ in found]
        if "end" not in names:
            raise NotRecorded("its stream has no end")
        metadata = next((jsontext.mapping(data) for _, name, data in found if name == "metadata"), {})
        ids = _ids(metadata)
        question = self._question_of(exchange)
        shown = []
        for pause, name, data in found:
            made = templated(self._secrets.value(data), ids)
            if name == "metadata" and isinstance(made, dict):
                _repeat_question(made, question)
            if name != "end":
                shown.append((pause, name, made))
        session = ids.get("sessionId") or ids.get("chatId", "")
        is_agentflow = "agentFlowEvent" in names or "agentFlowExecutedData" in names
        return RecordedAnswer({"events": list(_items(shown))}, is_agentflow, session)


def _ids(value: Record) -> Record:
    return {name: str(value[name]) for name in IDS if isinstance(value.get(name), str)}


def _repeat_question(made: Record, question: str) -> None:
    """Write the question that an answer repeats as a template: it stays right if a person edits the match."""
    if question and made.get("question") == _text(question, {}):
        made["question"] = "{{ question }}"


def _items(found: list[tuple[float, str, Any]]) -> Any:
    """Events as a script lists them; tokens in a row are one item."""
    row: list[tuple[float, str]] = []
    executed: Any = []
    for pause, name, data in found:
        if name == "token" and isinstance(data, str):
            row.append((pause, data))
            continue
        if row:
            yield _tokens(row)
            row = []
        yield {**_named_event(name, data, executed), **({"ms": round(pause)} if round(pause) else {})}
        if name == EXECUTED:
            executed = data
    if row:
        yield _tokens(row)


def _named_event(name: str, data: Any, executed: Any) -> Record:
    """An event by its name; of a list of nodes that has one more than the last, this node alone."""
    if name == EXECUTED and isinstance(data, list) and data and data[:-1] == executed:
        return {ONE_MORE: data[-1]}
    return {name: data}


def _tokens(row: list[tuple[float, str]]) -> Record:
    pauses = [round(pause) for pause, _ in row]
    texts = [text for _, text in row]
    if not any(pauses):
        return {"tokens": texts}
    return {"tokens": texts, "ms": pauses if len(set(pauses)) > 1 else pauses[0]}


def events_of(
    content: bytes, arrivals: list[tuple[float, int]], *, is_plain: bool = True
) -> list[tuple[float, str, Any]]:
    """The events of a stream: milliseconds since the one before, name and data. Raises NotRecorded."""
    found, place, last = [], 0, 0.0
    times = iter(arrivals if is_plain else ())
    moment, size = 0.0, 0
    for frame in content.split(b"\n\n"):
        place += len(frame) + 2
        while size < min(place, len(content)):
            moment, size = next(times, (moment, len(content)))
        data = [line[5:] for line in _LINE.split(frame) if line.startswith(b"data:")]
        if not data:
            continue
        try:
            event = jsontext.loads(b"\n".join(data))
            name, value = event["event"], event["data"]
        except (ValueError, TypeError, KeyError):
            raise NotRecorded("its stream has a frame that is no event of Flowise") from None
        found.append((moment - last, str(name), value))
        last = moment
    return found


def templated(value: Any, ids: Record) -> Any:
    """A value as a script has it: ids are templates, and what looks like a template is none."""
    if isinstance(value, dict):
        return {name: _named(name, each, ids) for name, each in value.items()}
    if isinstance(value, list):
        return [templated(each, ids) for each in value]
    return _text(value, ids) if isinstance(value, str) else value


def _named(name: str, value: Any, ids: Record) -> Any:
    """The value of a key: that of an id is the template of this id, even if two ids are equal."""
    if name in ids and value == ids[name]:
        return "{{ " + name + " }}"
    return templated(value, ids)


def _text(text: str, ids: Record) -> str:
    """A text with its ids as templates; only long ids are looked for in other texts."""
    for name, id in ids.items():
        if len(id) >= 16 and id in text:
            return _join([_text(part, ids) for part in text.split(id)], "{{ " + name + " }}")
    return re.sub(r"\{[{%#]", lambda found: '{{ "' + found[0] + '" }}', text)


def _join(parts: list[str], template: str) -> str:
    """Parts with a template between them; a brace before it is written so that it does not belong to it."""
    opened = [part[:-1] + '{{ "{" }}' if part.endswith("{") else part for part in parts[:-1]]
    return template.join([*opened, parts[-1]])
