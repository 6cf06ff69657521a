"""Recordings: one exchange per line, `{operationId, case, request, response}`, in the order of the requests.

A request has method, path, query, headers and body: JSON, `{raw: text}` or `{multipart: {fields, files}}`,
with only name, type and size of its files. A response has status (null if there was no response), headers,
and body or `raw_chunks`, `[ms, text]` as received. `<API_KEY>` and `<LOW_KEY>` stand for keys. Files may be
gzipped.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API_KEY, LOW_KEY = "<API_KEY>", "<LOW_KEY>"
CUT = "...<cut "


class RecordingError(Exception):
    """A recording cannot be read or played; the message names the file and the line, and says why."""


@dataclass(frozen=True)
class Exchange:
    """A request to a server, and its response."""

    operation: str
    case: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.operation}/{self.case}"

    @property
    def status(self) -> int | None:
        status: int | None = self.response.get("status")
        return status

    @property
    def media(self) -> str:
        """The media type of the answer, without its parameters."""
        return media_of(self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, also if only its bytes were recorded."""
        if self.response.get("headers") or "raw_chunks" not in self.response:
            return dict(self.response.get("headers") or {})
        lines = [line.partition(": ") for line in self._raw[0].split("\r\n")[1:]]
        return {name: value for name, _, value in lines}

    @property
    def streamed(self) -> str | None:
        """The body of an event stream as received; None for any other answer."""
        return self._raw[1] if "raw_chunks" in self.response and self.media == "text/event-stream" else None

    @property
    def body(self) -> Any:
        """The body of the answer: JSON, or a text."""
        if "raw_chunks" not in self.response:
            return self.response.get("body")
        return json_or_text(self._raw[1])

    @property
    def _raw(self) -> tuple[str, str]:
        text = "".join(str(text) for _, text in self.response.get("raw_chunks", ()))
        head, _, body = text.partition("\r\n\r\n")
        return head, dechunk(body) if "transfer-encoding: chunked" in head.lower() else body


def json_or_text(body: str) -> Any:
    """The value of a JSON body, or the text of any other body."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def media_of(headers: dict[str, str]) -> str:
    """The media type in the headers, in lower case and without parameters."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def dechunk(body: str) -> str:
    """Decode a chunked body (RFC 9112); other bodies are returned unchanged."""
    data, joined = body.encode(), b""
    while data:
        size, found, rest = data.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return joined.decode(errors="replace") if joined else body
        if not found or length == 0:
            break
        joined, data = joined + rest[:length], rest[length + 2 :]
    return joined.decode(errors="replace")


def read(path: Path) -> Iterator[Exchange]:
    """The exchanges of a recording. Raises RecordingError."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _exchange(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None


def _exchange(path: Path, number: int, line: str) -> Exchange:
    try:
        row = json.loads(line)
        request, response = row["request"], row["response"]
        if not isinstance(request["method"], str) or not isinstance(request["path"], str):
            raise TypeError("method and path are texts")
        return Exchange(str(row["operationId"]), str(row["case"]), dict(request), dict(response))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path}:{number}: is not an exchange: {error}") from None
