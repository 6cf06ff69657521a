"""Transports: they send one request, over HTTP or to an ASGI application in this process."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from flowise_mock.replay.exchanges import RecordingError


@dataclass
class Answer:
    """The answer of the server under test; `status` is None if there was none in time."""

    status: int | None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Request(NamedTuple):
    """One request. `timeout` is how long to wait for its answer, in seconds."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float


Transport = Callable[[Request], Answer]


class HttpTransport:
    """Sends requests to the server at a URL, each on a connection of its own. Raises RecordingError."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url if "//" in url else f"http://{url}")
        if self.address.scheme != "http":
            raise RecordingError(f"{url}: give the address of a server as http://host:port")

    def __call__(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(
            self.address.hostname or "", self.address.port, timeout=request.timeout
        )
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (TimeoutError, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return Answer(None)
        except (ConnectionRefusedError, socket.gaierror) as error:
            where = self.address.netloc or self.address.geturl()
            raise RecordingError(
                f"{where} does not answer: {error.strerror}; is the server running?"
            ) from None
        finally:
            connection.close()


class AsgiTransport:
    """Sends requests to an ASGI application, on an event loop of its own, without a socket."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def __call__(self, request: Request) -> Answer:
        return self._loop.run_until_complete(self._answer(request))

    async def _answer(self, request: Request) -> Answer:
        answer = Answer(None)
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.Event().wait()  # the client stays until the end
            sent = True
            return {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
                }
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        try:
            await asyncio.wait_for(self._app(_scope(request), receive, send), request.timeout)
        except TimeoutError:
            return Answer(None)
        except Exception:  # a server answers so too if an application fails
            return Answer(500, {"content-type": "text/plain; charset=utf-8"}, b"Internal Server Error")
        return answer


def _scope(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    headers = {"host": "localhost", "accept-encoding": "identity"}
    if request.body is not None:
        headers["content-length"] = str(len(request.body))
    headers |= {name.lower(): value for name, value in request.headers.items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }
