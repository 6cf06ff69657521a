"""The control API from Python: over a socket, or directly on the event loop of a server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from flowise_mock.control.guard import CONTROL
from flowise_mock.server.thread import ServerThread

TIMEOUT = 30.0
"""Seconds that a call may take."""


class ControlError(Exception):
    """A call of the control API that failed; the text says why. `status` is 0 if no server answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlClient:
    """Calls the control API of the server at `url`, in the namespace of its path, if it has one."""

    def __init__(
        self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._transport = transport
        headers = {"Content-Type": "application/json", **({"Flowise-Mock-Token": token} if token else {})}
        self._http = httpx.Client(
            base_url=f"{self.url}{CONTROL}", headers=headers, timeout=TIMEOUT, transport=transport,
            trust_env=False,
        )  # fmt: skip

    def in_namespace(self, name: str) -> ControlClient:
        """A client of the same server in another namespace."""
        return ControlClient(f"{self.url.partition('/ns/')[0]}/ns/{name}", self._token, self._transport)

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._call("POST", path, {} if body is None else body)

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._call("PUT", path, {} if body is None else body)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = self._http.request(method, path, json=body, params=given)
        except httpx.TransportError as error:
            raise ControlError(0, f"no flowise-mock answers at {self.url}: {error}") from None
        try:
            found: Any = response.json() if response.content else None
            if not response.is_success:
                raise ControlError(response.status_code, str(found["message"]))
        except (ValueError, KeyError, TypeError):
            text = f"{self.url} answers {response.status_code} to the control API; is it a flowise-mock?"
            raise ControlError(response.status_code, text) from None
        return found


class LoopTransport(httpx.BaseTransport):
    """Runs requests on the event loop of a server in this process, without a socket."""

    def __init__(self, server: ServerThread) -> None:
        self._loop = server.loop
        self._app = httpx.ASGITransport(server.mock.app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        running = asyncio.run_coroutine_threadsafe(self._exchange(request), self._loop)
        return running.result(TIMEOUT)

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        response = await self._app.handle_async_request(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)
