"""Requests and answers on the wire, within bounds: a server that hangs ends the request, not the run."""

from __future__ import annotations

import json
import shlex
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx

MAX_BYTES = 64 * 1024 * 1024
Files = list[tuple[str, tuple[str, bytes, str]]]


@dataclass(frozen=True)
class Request:
    """A request of an operation; `path` is below the server's API address."""

    operation: str
    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    form: dict[str, str] | None = None
    files: Files = field(default_factory=list)
    key: bool = True
    streams: bool = False

    @property
    def url(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


class Answer(NamedTuple):
    """What came back; `trouble` says why there is no whole answer."""

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    elapsed: float = 0.0
    trouble: str = ""
    lost: bool = False

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300 and not self.trouble

    def json(self) -> Any:
        """The body as JSON, or None where it holds none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def told(self, limit: int = 600) -> str:
        """The answer in a few lines, for a reader."""
        if self.trouble:
            return self.trouble
        text = self.body[:limit].decode(errors="replace")
        more = " …" if len(self.body) > limit else ""
        return f"{self.status} {self.headers.get('content-type', 'no media type')}\n{text}{more}"


class Wire:
    """A connection to a server: its address, its key, its pace."""

    def __init__(
        self, url: str, key: str | None, *, seconds: float = 15.0, rate: float = 0.0, verify: bool = True
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.seconds = seconds
        self._pause = 1 / rate if rate else 0.0
        self._last = 0.0
        self._client = httpx.Client(verify=verify, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def send(self, request: Request, seconds: float | None = None) -> Answer:
        """The answer to `request`, never later than twice the seconds that an answer may take."""
        seconds = min(seconds or self.seconds, self.seconds)
        self._wait()
        started = time.monotonic()
        try:
            with self._client.stream(
                request.method,
                self.url + quoted(request.url),
                timeout=httpx.Timeout(seconds, connect=min(seconds, 10.0)),
                **self._sent(request),
            ) as got:
                body, trouble = self._read(got, started, seconds)
                headers = {name.lower(): value for name, value in got.headers.items()}
                return Answer(got.status_code, headers, body, time.monotonic() - started, trouble)
        except httpx.TimeoutException as error:
            lost = isinstance(error, httpx.ConnectTimeout)
            return Answer(
                trouble=f"no answer within {seconds:g} s", elapsed=time.monotonic() - started, lost=lost
            )
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            lost = isinstance(error, httpx.ConnectError)
            return Answer(trouble=f"the connection broke: {error or type(error).__name__}", lost=lost)
        except httpx.InvalidURL as error:
            return Answer(trouble=f"is no address: {error}", lost=True)

    def _sent(self, request: Request) -> dict[str, Any]:
        headers = dict(request.headers)
        if request.key and self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key}"
        sent: dict[str, Any] = {"headers": headers}
        if request.files or request.form is not None:
            fields = [(name, (None, value)) for name, value in (request.form or {}).items()]
            sent["files"] = [*fields, *request.files]
        elif request.content is not None:
            sent["content"] = request.content
            headers.setdefault("Content-Type", "application/json")
        elif request.json is not None:
            sent["json"] = request.json
        return sent

    def _read(self, got: httpx.Response, started: float, seconds: float) -> tuple[bytes, str]:
        pieces: list[bytes] = []
        size = 0
        try:
            for piece in got.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if time.monotonic() - started > seconds:
                    return b"".join(pieces), f"the answer did not end within {seconds:g} s"
                if size > MAX_BYTES:
                    return b"".join(pieces), f"the answer is larger than {MAX_BYTES} bytes"
        except httpx.TimeoutException:
            return b"".join(pieces), f"the answer did not end within {seconds:g} s"
        except httpx.HTTPError as error:
            return b"".join(pieces), f"the connection broke in the middle of the answer: {error}"
        return b"".join(pieces), ""

    def _wait(self) -> None:
        if self._pause:
            time.sleep(max(0.0, self._last + self._pause - time.monotonic()))
            self._last = time.monotonic()


def quoted(url: str) -> str:
    return quote(url, safe="/?&=%:+,;@!$'()*~-._[]")


def curl(base: str, request: Request) -> str:
    """A command that repeats a request. The key is not in it."""
    parts = ["curl", "-i", "-X", request.method]
    if request.streams:
        parts.append("-N")
    command = " ".join(parts)
    if request.key and "Authorization" not in request.headers:
        command += ' -H "Authorization: Bearer $FLOWISE_API_KEY"'
    for name, value in request.headers.items():
        command += f" -H {shlex.quote(f'{name}: {value}')}"
    if request.files or request.form is not None:
        fields = [f"{name}={value}" for name, value in (request.form or {}).items()]
        files = [f"{name}=@{file[0]};type={file[2]}" for name, file in request.files]
        command += "".join(f" -F {shlex.quote(each)}" for each in [*fields, *files])
    elif request.content is not None or request.json is not None:
        text = (
            request.content.decode(errors="replace")
            if request.content is not None
            else json.dumps(request.json)
        )
        if "Content-Type" not in request.headers:
            command += " -H 'Content-Type: application/json'"
        command += f" -d {shlex.quote(text)}"
    return f"{command} {shlex.quote(base + quoted(request.url))}"


def without_key(request: Request, headers: dict[str, str] | None = None) -> Request:
    return replace(request, key=False, headers={**request.headers, **(headers or {})})
