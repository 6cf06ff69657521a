"""Sends what the mock cannot answer on to a real server: questions without a rule, records it does not hold.

An answer stays local if a rule answers the question, or if the path has the ID of a record of this mock.
Anything else goes on: lists, new records, other questions. Responses come back as they arrive. Predictions
among them can be recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.contract import jsontext
from flowise_mock.contract.document import Document
from flowise_mock.contract.paths import Paths
from flowise_mock.contract.secrets import Secrets
from flowise_mock.engine.connection import Connection
from flowise_mock.engine.http_exchange import Answer, respond
from flowise_mock.engine.request_state import request_state
from flowise_mock.engine.requests import ClientDisconnect, receive_body
from flowise_mock.engine.seed import add_flows
from flowise_mock.engine.worlds import World
from flowise_mock.proxy.exchange import MAX_BODY, Exchange
from flowise_mock.proxy.journal import entry_of
from flowise_mock.proxy.recorder import Recorder
from flowise_mock.proxy.rules import NotRecorded, Reader
from flowise_mock.proxy.upstream import Upstream
from flowise_mock.state.outcomes import ContentTooLarge
from flowise_mock.state.store import UUID

log = logging.getLogger("flowise_mock")
access = logging.getLogger("flowise_mock.access")
HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip
"""Headers of one connection (RFC 9110, section 7.6.1)."""
CONNECT_SECONDS = 10.0
"""Seconds for a connection to the real server; its answer may take any time, as without this mock."""


class Fallback:
    """The API of a mock with a real server behind it. `recorder` gets the predictions that went on."""

    def __init__(
        self, app: ASGIApp, contract: Document, upstream: Upstream, recorder: Recorder | None
    ) -> None:
        self.app = app
        self.recorder = recorder
        self._upstream = upstream
        self._contract = contract
        self._paths = Paths(contract)
        self._secrets = Secrets(contract)
        self._reader = Reader(contract)
        self._client: httpx.AsyncClient | None = None
        self._recording = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        world = request_state(scope).world
        try:
            body = await receive_body(scope, receive, MAX_BODY)
        except ContentTooLarge:
            await respond(
                _refusal(413, f"more than {MAX_BODY} bytes do not go on to {self._upstream.url}"), send
            )
            return
        except ClientDisconnect:
            return
        exchange = _exchange(scope, body)
        if self._is_local(world, exchange):
            await self.app(scope, _again(body, receive), send)
            return
        await self._forward(exchange, request_state(scope).connection, send)
        found = self._paths.find(exchange.method, exchange.target)
        path = self._secrets.path(exchange.target)
        access.info("%s %s %s %.1f ms; upstream", exchange.method, path, exchange.status, exchange.duration)
        entry = entry_of(exchange, found[0].id if found else "")
        entry.rule = f"rule upstream {self._upstream.url}"
        self._secrets.mask(entry)
        entry.id = world.journal.next_id()
        world.journal.add(entry)
        if self.recorder is not None:
            async with self._recording:
                for line in await asyncio.to_thread(self.recorder.saw, exchange):
                    log.warning("%s: %s", exchange.path, line)

    # --- what stays ---

    def _is_local(self, world: World, exchange: Exchange) -> bool:
        """Whether this mock answers: by a rule, or with a record that it holds."""
        world.rules.refresh(world.store.counts)
        named = {str(each["id"]): each for each in world.rules.flows()}
        flow = self._reader.flow(exchange)
        if not flow:
            ids = [id for id in UUID.findall(exchange.path) if id not in named]
            return any(world.store.get(table, id) for id in ids for table in world.store.tables)
        record = world.store.get("chatflow", flow) or named.get(flow)
        if record is None:
            return False
        try:
            question = self._reader.scripted(exchange, record, world.store)
        except NotRecorded:
            return True  # the mock says what is wrong with it
        if not world.rules.answers(question, world.store.counts):
            return False
        add_flows(world.store, self._contract, [record])
        return True

    # --- what goes on ---

    async def _forward(self, exchange: Exchange, connection: Connection, send: Send) -> None:
        """Send a request on and its response back, until either side ends."""
        sending = asyncio.ensure_future(self._exchange(exchange, connection, send))
        leaving = asyncio.ensure_future(connection.closed())
        done, _ = await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in {sending, leaving} - done:
            task.cancel()
        if sending not in done:
            exchange.failure = "the client left in the middle of the response"
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            return
        sending.result()

    async def _exchange(self, exchange: Exchange, connection: Connection, send: Send) -> None:
        start = time.perf_counter()
        headers = [each for each in exchange.request_headers if each[0] not in HOP_BY_HOP]
        headers = [each for each in headers if each[0] not in (b"host", b"content-length")]
        request = self._opened().build_request(
            exchange.method,
            self._upstream.url + exchange.target,
            headers=headers,
            content=exchange.request or None,
        )
        begun = False
        try:
            response = await self._opened().send(request, stream=True)
            try:
                exchange.status, exchange.response_headers = response.status_code, _lower(response)
                kept = [each for each in exchange.response_headers if each[0] not in HOP_BY_HOP]
                await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
                begun = True
                await self._pass(exchange, response.aiter_raw(), start, send)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            exchange.failure = f"the server left: {error or type(error).__name__}"
            if begun:
                await connection.close()
                return
            await respond(_refusal(502, f"{self._upstream.url} does not answer: {error}; is it there?"), send)

    async def _pass(self, exchange: Exchange, pieces: AsyncIterator[bytes], start: float, send: Send) -> None:
        kept: list[bytes] = []
        async for piece in pieces:
            exchange.response_length += len(piece)
            if exchange.response_length <= MAX_BODY:
                kept.append(piece)
            exchange.arrivals.append(
                (round((time.perf_counter() - start) * 1000, 3), exchange.response_length)
            )
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        exchange.response = b"".join(kept)
        exchange.duration = round((time.perf_counter() - start) * 1000, 3)
        await send({"type": "http.response.body", "body": b""})

    def _opened(self) -> httpx.AsyncClient:
        """The client, made at its first use: its connections belong to the event loop of the server."""
        if self._client is None:
            logging.getLogger("httpx").setLevel("WARNING")  # it has a line for each request
            timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                verify=self._upstream.context() or True,
                timeout=timeout,
                limits=limits,
                trust_env=False,
                follow_redirects=False,
            )
            self._client.headers.clear()
        return self._client


def _exchange(scope: Scope, body: bytes) -> Exchange:
    query = scope["query_string"].decode("latin-1")
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    target = path + (f"?{query}" if query else "")
    return Exchange(
        0, time.time_ns() // 1_000_000, scope["method"], target, list(scope["headers"]), body, len(body)
    )


def _lower(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in response.headers.raw]


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read before, then what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _refusal(status: int, message: str) -> Answer:
    body = jsontext.dumps({"statusCode": status, "success": False, "message": message, "stack": {}}).encode()
    return Answer(
        status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body
    )


def around(upstream: Upstream, recorder: Recorder | None) -> Callable[[ASGIApp, Document], ASGIApp]:
    """What puts a real server behind the API of a mock, for `Options.around`."""
    return lambda app, contract: Fallback(app, contract, upstream, recorder)
