"""Entries of the journal: as JSON, as HAR, as requests that rules can match."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flowise_mock import __version__
from flowise_mock.contract import jsontext
from flowise_mock.engine.worlds import World
from flowise_mock.scripts import rules
from flowise_mock.scripts.conditions import Condition
from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.scripts.question import Question
from flowise_mock.state.clock import Dates, milliseconds, moment
from flowise_mock.state.journal import MAX_BODY, Entry, Headers


def shown(entry: Entry, world: World) -> dict[str, Any]:
    """An entry as the control API shows it."""
    return {
        "id": str(entry.id),
        "namespace": world.name,
        "time": Dates().iso(entry.time),
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "query": _query(entry),
        "headers": _headers(entry.headers),
        **_body(entry.body, entry.length),
        "rule": _rule(entry.rule),
        "fault": _fault(entry.fault),
        "explanation": "; ".join(each for each in (entry.rule, entry.fault) if each) or None,
        "status": entry.status,
        "response": {
            "headers": _headers(entry.response_headers),
            **_body(entry.response, entry.response_length),
        },
        "events": entry.events,
        "completed": entry.completed,
        "duration": round(entry.duration, 3),
    }


def _rule(text: str) -> str | None:
    """The place of the rule that answered, and its name, from the text of the access log."""
    head = text.partition(";")[0]
    return head.removeprefix("rule ") if head.startswith("rule ") else None


def _fault(text: str) -> str | None:
    return text.partition(",")[0].removeprefix("fault ") or None


def read(given: dict[str, Any]) -> Entry:
    """The entry of a JSON value that `shown` returned. Raises ValueError if its time is not a date."""
    when = moment(given["time"])
    if when is None:
        raise ValueError(f"{given['time']} is not a date of the years 1 to 9999")
    query = urlencode(given["query"]).encode()
    entry = Entry(0, milliseconds(when), given["method"], given["path"], query, _pairs_of(given["headers"]))
    entry.body, entry.length = _bytes(given)
    answer = given.get("response", {})
    entry.response, entry.response_length = _bytes(answer)
    entry.response_headers = _pairs_of(answer.get("headers", {}))
    for name in ("operation", "status", "completed", "duration"):
        setattr(entry, name, given[name])
    entry.rule = f"rule {given['rule']}" if given.get("rule") else ""
    entry.fault = given.get("fault") or ""
    entry.events = given.get("events", 0)
    return entry


def _pairs_of(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]


def _bytes(given: dict[str, Any]) -> tuple[bytes, int]:
    """The body that `_body` returned, and its full size."""
    text = given.get("text")
    value = given.get("json")
    if text is None:
        text = "" if value is None else json.dumps(value)
    body = text.encode("utf-8", "replace")[:MAX_BODY]
    return body, given.get("size", len(body))


def _query(entry: Entry) -> dict[str, str]:
    return dict(reversed(parse_qsl(entry.query.decode("latin-1"), True, errors="replace")))


def _headers(headers: Headers) -> dict[str, str]:
    """Headers by name; several of one name are joined, as RFC 9110 has it."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _body(body: bytes, length: int) -> dict[str, Any]:
    """A body as JSON if it is complete JSON, else as text."""
    if not body:
        return {"json": None, "text": None, "size": length}
    value = _json(body)
    if value is not None or body.strip() == b"null":
        return {"json": value, "text": None, "size": length}
    return {"json": None, "text": body.decode(errors="replace"), "size": length}


def _json(body: bytes) -> Any:
    try:
        return jsontext.loads(body)
    except ValueError:
        return None


# --- matching --------------------------------------------------------------------------------------


def question_of(entry: Entry, world: World) -> Question:
    """An entry as a request that rules can match, with what it resolved to then; its flow may be deleted."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in entry.headers}
    query = entry.query.decode("latin-1")
    request = HttpRequest(entry.method, entry.path, query, headers, _json(entry.body), entry.operation)
    known = entry.question or {}
    flow = world.store.get("chatflow", entry.path.rpartition("/")[2]) or {}
    if known.get("chatflow"):
        flow = {**flow, "name": known["chatflow"]}
    return Question.of_request(
        request, flow, chat_id=known.get("chatId", ""), session_id=known.get("sessionId", "")
    )


def compiled(match: dict[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a match. Raises ScriptError."""
    return _compiled(json.dumps(match, sort_keys=True))


@lru_cache(64)
def _compiled(match: str) -> tuple[Condition, ...]:
    return rules.pattern_of(json.loads(match))


def matches(conditions: Sequence[Condition], entry: Entry, world: World) -> bool:
    question = question_of(entry, world)
    with question.request.search_time:
        return all(each.holds(question) for each in conditions)


def differences(conditions: Sequence[Condition], entry: Entry, world: World) -> list[str]:
    """Each condition that an entry does not satisfy, in words."""
    question = question_of(entry, world)
    with question.request.search_time:
        return [each.explain_failure(question) for each in conditions if not each.holds(question)]


def why(entry: Entry, world: World) -> list[str]:
    """Why each rule of the namespace does not answer this request now, or that it matches."""
    question = question_of(entry, world)
    every = [*(rule for _, _, rule in world.rules.added()), *world.rules.of_files()]
    with question.request.search_time:
        return [f"{rule}: {', '.join(rule.failures(question)) or 'matches'}" for rule in every]


# --- HAR -------------------------------------------------------------------------------------------


def har(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """An HTTP Archive 1.2 of entries that are in its form."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "flowise-mock", "version": __version__},
            "entries": entries,
        }
    }


def har_entry(entry: Entry, base: str) -> dict[str, Any]:
    query = entry.query.decode("latin-1")
    media = _headers(entry.headers).get("content-type", "")
    answered = _headers(entry.response_headers)
    request: dict[str, Any] = {
        "method": entry.method,
        "url": f"{base}{entry.path}{'?' + query if query else ''}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(entry.headers),
        "queryString": [{"name": name, "value": value} for name, value in _query(entry).items()],
        "headersSize": -1,
        "bodySize": entry.length,
    }
    if entry.body:
        request["postData"] = {"mimeType": media, "text": entry.body.decode(errors="replace")}
    return {
        "startedDateTime": Dates().iso(entry.time),
        "time": round(entry.duration, 3),
        "request": request,
        "response": {
            "status": entry.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(entry.response_headers),
            "content": {
                "size": entry.response_length,
                "mimeType": answered.get("content-type", ""),
                "text": entry.response.decode(errors="replace"),
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": entry.response_length,
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(entry.duration, 3), "receive": 0},
        "_operation": entry.operation,
        "_rule": _rule(entry.rule),
        "_fault": _fault(entry.fault),
        "_completed": entry.completed,
    }


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name.decode("latin-1"), "value": value.decode("latin-1")} for name, value in headers]
