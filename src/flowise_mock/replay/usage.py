"""What an application uses of Flowise: the requests of a HAR, of a journal of this mock, or of an access log.

Each request becomes an exchange as a recording has it. An access log has no bodies; a request without the
body that it needs is sent with a sample by its reader.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flowise_mock.replay.exchanges import API_KEY, Exchange, RecordingError, json_or_text, read

API = "/api/v1/"
LOGGED = "logged"
"""The case of a request from an access log."""
HEADERS = ("content-type", "accept", "origin", "x-request-from")
"""The headers that are sent again, beside the key."""
SIZE = 70
"""The size of a file that is not in a HAR."""
METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
_LINE = re.compile(rf'\b(?P<method>{METHODS}) (?P<target>/\S*)(?: HTTP/[\d.]+)?"? (?P<status>\d{{3}})\b')
_MULTIPART = "multipart/"


def usage(path: Path) -> list[Exchange]:
    """The requests to the API in a file, in their order. Raises RecordingError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None
    try:
        value = json.loads(text)
    except ValueError:
        found = list(read(path)) if text.lstrip().startswith("{") else list(_access_log(text))
    else:
        found = list(_entries(path, value))
    if not found:
        raise RecordingError(
            f"{path}: no request below {API} was found; give a HAR, a journal of this mock, or an access log "
            "with method, path and status"
        )
    return found


def _entries(path: Path, value: Any) -> Iterator[Exchange]:
    try:
        if isinstance(value, dict) and "log" in value:
            yield from (each for row in value["log"]["entries"] for each in _har(row))
        elif isinstance(value, dict) and "operationId" in value:
            yield from read(path)
        else:
            rows = value["entries"] if isinstance(value, dict) else value
            yield from (each for row in rows for each in _journal(row))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordingError(f"{path}: is neither a HAR nor a journal: {error!r}") from None


def _har(row: dict[str, Any]) -> Iterator[Exchange]:
    request, response = row["request"], row["response"]
    content = response.get("content", {})
    text = content.get("text") or ""
    if content.get("encoding") == "base64":
        text = base64.b64decode(text).decode(errors="replace")
    sent = request.get("postData", {})
    body = None
    if "params" in sent and sent.get("mimeType", "").startswith(_MULTIPART):
        body = {"multipart": _form(sent["params"])}
    elif sent.get("text"):
        body = sent["text"]
    yield from _exchange(
        request["method"], request["url"], _pairs(request["headers"]), body, response["status"], text
    )


def _form(params: list[dict[str, Any]]) -> dict[str, Any]:
    fields = [[each["name"], each.get("value", "")] for each in params if "fileName" not in each]
    files = [
        [
            each["name"],
            each["fileName"],
            each.get("contentType", "text/plain"),
            len(each.get("value", "")) or 70,
        ]
        for each in params
        if "fileName" in each
    ]
    return {"fields": fields, "files": files}


def _size(param: dict[str, Any]) -> int:
    return len(param.get("value", "")) or SIZE


def _pairs(headers: list[dict[str, str]]) -> dict[str, str]:
    return {each["name"].lower(): each["value"] for each in headers}


def _journal(row: dict[str, Any]) -> Iterator[Exchange]:
    answer = row.get("response", {})
    headers = {name.lower(): text for name, text in row.get("headers", {}).items()}
    target = row["path"]
    for number, (name, value) in enumerate(row.get("query", {}).items()):
        target += f"{'&' if number else '?'}{name}={value}"
    body = row.get("text") if row.get("json") is None else json.dumps(row["json"])
    shown = answer.get("text") if answer.get("json") is None else json.dumps(answer["json"])
    yield from _exchange(row["method"], target, headers, body or None, row["status"], shown or "")


def _access_log(text: str) -> Iterator[Exchange]:
    for line in text.splitlines():
        found = _LINE.search(line)
        if found:
            headers = {"authorization": "unknown"}
            status = int(found["status"])
            for each in _exchange(found["method"], found["target"], headers, None, status, ""):
                yield replace(each, case=LOGGED)


def _exchange(
    method: str,
    url: str,
    headers: dict[str, str],
    body: Any,
    status: int,
    answer: str,
    *,
    logged: bool = False,
) -> Iterator[Exchange]:
    address = urlsplit(url)
    _, found, rest = address.path.partition(API)
    if not found:
        return
    sent = {name: text for name, text in headers.items() if name in HEADERS}
    media = sent.get("content-type", "")
    if isinstance(body, str):
        value = json_or_text(body)
        body = {"raw": body} if isinstance(value, str) or "json" not in media else value
    if isinstance(body, dict) and "multipart" in body:
        sent.pop("content-type", None)
    if "authorization" in headers:
        sent["authorization"] = "Bearer wrong" if status == 401 else f"Bearer {API_KEY}"
    request = {
        "method": method,
        "path": API + rest,
        "query": dict(parse_qsl(address.query, keep_blank_values=True)),
        "headers": sent,
        "body": body,
    }
    yield Exchange("", "", request, {"status": status, "body": json_or_text(answer)})
