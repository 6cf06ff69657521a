"""Sends requests within bounds: a server that hangs ends the request, not the run."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx

MAX_BYTES = 64 * 1024 * 1024
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ACTIONS = ("/webhook/",)
"""Paths that act by any method: a GET runs a flow."""
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
    """Whether the key of the server is sent, unless a header replaces it."""

    @property
    def url(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    @property
    def writes(self) -> bool:
        return self.method not in SAFE_METHODS or self.path.startswith(ACTIONS)

    @property
    def streams(self) -> bool:
        """Whether its body requests a stream of events."""
        body = self.json if self.json is not None else _parsed(self.text)
        if isinstance(body, dict):
            return body.get("streaming") not in (None, False, "false", "", 0)
        field = re.search(rb'name="streaming"[^\n]*\r\n\r\n([^\r]*)', self.text)
        return field is not None and field[1] not in (b"", b"false")

    @property
    def text(self) -> bytes:
        """Its body as one text: JSON, raw bytes, or the fields of a form."""
        if self.content is not None:
            return self.content
        if self.form is not None or self.files:
            return json.dumps(self.form or {}).encode()
        return b"" if self.json is None else json.dumps(self.json, default=str).encode()


class Response(NamedTuple):
    """What the server sent; `error` says why there is no complete response."""

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    elapsed: float = 0.0
    error: str = ""

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300 and not self.error

    def json(self) -> Any:
        """The body as JSON, or None if it holds none."""
        return _parsed(self.body)

    def summary(self, limit: int = 600) -> str:
        """The response in a few lines, for a reader."""
        if self.error:
            return self.error
        text = self.body[:limit].decode(errors="replace")
        more = " …" if len(self.body) > limit else ""
        return f"{self.status} {self.headers.get('content-type', 'no media type')}\n{text}{more}"


def _parsed(text: bytes) -> Any:
    """JSON as its specification has it: Python would accept NaN."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class Client:
    """A connection to a server: its address, its key, its pace, and what must not be sent to it."""

    def __init__(
        self, url: str, key: str | None, *, seconds: float = 15.0, rate: float = 0.0, verify: bool = True
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.seconds = seconds
        self.forbids: Callable[[Request], str] = lambda request: ""
        """Why a request must not be sent; empty if it may be."""
        self._pause = 1 / rate if rate else 0.0
        self._last = 0.0
        # Certificates take longer to load than a walk, and no redirect is followed to where they are needed.
        self._client = httpx.Client(verify=verify and self.url.startswith("https:"), trust_env=False)

    def close(self) -> None:
        self._client.close()

    def send(self, request: Request, seconds: float | None = None) -> Response:
        """The response to `request`, never later than twice the seconds that a response may take.

        Raises ForbiddenError if the request must not be sent.
        """
        why = self.forbids(request)
        if why:
            raise ForbiddenError(why)
        seconds = min(seconds or self.seconds, self.seconds)
        self._wait()
        started = time.monotonic()
        try:
            with self._client.stream(
                request.method,
                self.url + quoted(request.url),
                timeout=httpx.Timeout(seconds, connect=min(seconds, 10.0)),
                **self._arguments(request),
            ) as got:
                body, error = self._read(got, started, seconds)
                headers = {name.lower(): value for name, value in got.headers.items()}
                return Response(got.status_code, headers, body, time.monotonic() - started, error)
        except httpx.TimeoutException:
            return Response(elapsed=time.monotonic() - started, error=f"no answer within {seconds:g} s")
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            return Response(error=f"the connection broke: {error or type(error).__name__}")
        except httpx.InvalidURL as error:
            return Response(error=f"is no address: {error}")

    def _arguments(self, request: Request) -> dict[str, Any]:
        headers = dict(request.headers)
        if request.key and self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key}"
        arguments: dict[str, Any] = {"headers": headers}
        if request.files or request.form is not None:
            fields = [(name, (None, value)) for name, value in (request.form or {}).items()]
            arguments["files"] = [*fields, *request.files]
        elif request.content is not None:
            arguments["content"] = request.content
            headers.setdefault("Content-Type", "application/json")
        elif request.json is not None:
            arguments["json"] = request.json
        return arguments

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


class ForbiddenError(Exception):
    """A request that must not be sent; the text says why."""


def quoted(url: str) -> str:
    return quote(url, safe="/?&=%:+,;@!$'()*~-._[]")


def without_key(request: Request, headers: dict[str, str] | None = None) -> Request:
    return replace(request, key=False, headers={**request.headers, **(headers or {})})
