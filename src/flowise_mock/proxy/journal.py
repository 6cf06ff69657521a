"""The journal of the proxy: that of a mock, on a port of its own, with its page, its control API and HAR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document
from flowise_mock.contract.secrets import Secrets
from flowise_mock.control import entries
from flowise_mock.control.guard import CONTROL
from flowise_mock.proxy.exchange import Exchange
from flowise_mock.server.build import Options, build
from flowise_mock.server.thread import ServerThread
from flowise_mock.state.journal import MAX_BODY, Entry

ELSEWHERE = b'{"error":"this port has the journal of the proxy, below /__mock__/"}'


class ProxyJournal:
    """The last exchanges, oldest first. Secrets are masked before an entry is kept."""

    def __init__(self, contract: Document, name: str, upstream: str, most: int, port: int | None) -> None:
        options = Options(contract=name, seed=None, journal=max(most, 1), access_log=False, log_level="error")
        mock = build(options, contract)
        mock.app = ControlOnly(mock.app)
        self._journal = mock.worlds.default.journal
        self._secrets = Secrets(contract)
        self._upstream = upstream
        self._server = None if port is None else ServerThread(mock, port=port)
        if self._server is not None:
            self._server.start()

    @property
    def url(self) -> str:
        """The address of its page; empty if it has none."""
        return "" if self._server is None else f"{self._server.url}{CONTROL}/"

    def add(self, exchange: Exchange, operation: str) -> None:
        entry = entry_of(exchange, operation)
        self._secrets.mask(entry)
        if self._server is None:
            self._add(entry)
        else:
            self._server.loop.call_soon_threadsafe(self._add, entry)

    def _add(self, entry: Entry) -> None:
        entry.id = self._journal.next_id()
        self._journal.add(entry)

    def har(self) -> dict[str, Any]:
        """The entries as an HTTP Archive, with the addresses of the server."""
        return entries.har([entries.har_entry(each, self._upstream) for each in self._journal])

    def write_har(self, path: Path) -> None:
        path.write_text(json.dumps(self.har(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()


def entry_of(exchange: Exchange, operation: str) -> Entry:
    """An exchange as an entry; its body is decompressed if it can be."""
    address = urlsplit(exchange.target)
    content = exchange.content
    response = exchange.response if content is None else content
    is_stream = exchange.header(b"content-type").startswith("text/event-stream")
    query = address.query.encode("latin-1", "replace")
    entry = Entry(0, exchange.time, exchange.method, address.path, query, exchange.request_headers)
    entry.operation = operation
    entry.body, entry.length = exchange.request[:MAX_BODY], exchange.request_length
    entry.question = _question(exchange, operation)
    entry.fault = exchange.failure
    entry.status = exchange.status
    entry.response_headers = exchange.response_headers
    entry.response = response[:MAX_BODY]
    entry.response_length = exchange.response_length if content is None else len(response)
    entry.events = response.count(b"\n\n") if is_stream else 0
    entry.completed = not exchange.failure
    entry.duration = exchange.duration
    return entry


def _question(exchange: Exchange, operation: str) -> dict[str, Any] | None:
    """What a prediction resolved to, as far as its request says it."""
    if operation != "createPrediction":
        return None
    try:
        body = jsontext.mapping(jsontext.loads(exchange.request))
    except ValueError:
        return None
    session = jsontext.mapping(body.get("overrideConfig")).get("sessionId")
    found = {"chatId": body.get("chatId"), "sessionId": session or body.get("chatId")}
    return {name: value for name, value in found.items() if isinstance(value, str)} or None


class ControlOnly:
    """Answers below `/__mock__/` alone: the rest of the mock is not for the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ELSEWHERE))]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": ELSEWHERE})
