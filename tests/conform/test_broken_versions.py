"""The mock of a version, broken in one place, and judged by the contract of this version.

Such a contract describes what a real server does, so that much of what it does is a fact; a fault is not.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from conform.judged import FAST, causes, summary
from conftest import KEY, Running
from flowise_mock.conform import contract as contracts
from flowise_mock.conform import options as settings
from flowise_mock.conform import run as runs
from flowise_mock.conform.contract import Contract
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

VERSION = "3.1.4"
API = "/api/v1"


class Exchange(NamedTuple):
    """A request, and the answer of the mock to it."""

    method: str
    path: str
    status: int
    body: Any


Change = Callable[[Exchange], "tuple[int, Any] | None"]
"""Another status and body (a text is a stream), or None for the answer as it is."""


class Changed:
    """An ASGI app with other answers, and perhaps another request."""

    def __init__(self, app: Any, change: Change, headers: dict[str, str] | None = None) -> None:
        self.app, self.change, self.headers = app, change, headers or {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/prediction/" in scope["path"]:
            await self.app(scope, receive, send)  # streams, and requests that are never answered
            return
        own = {name.lower().encode(): value.encode() for name, value in self.headers.items()}
        kept = [(name, value) for name, value in scope["headers"] if name not in own]
        scope = {**scope, "headers": [*kept, *own.items()]}
        sent: list[Any] = []

        async def keep(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, keep)
        for message in self.answered(scope, sent):
            await send(message)

    def answered(self, scope: Any, sent: list[Any]) -> Iterator[Any]:
        text = b"".join(each.get("body", b"") for each in sent)
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        path = scope["path"].removeprefix(API)
        changed = self.change(Exchange(scope["method"], path, sent[0]["status"], body))
        if changed is None:
            yield from sent
            return
        stream = isinstance(changed[1], str)
        text = changed[1].encode() if stream else json.dumps(changed[1]).encode()
        media = b"text/event-stream" if stream else b"application/json"
        headers = [(b"content-type", media), (b"content-length", str(len(text)).encode())]
        yield {"type": "http.response.start", "status": changed[0], "headers": headers}
        yield {"type": "http.response.body", "body": text}


def judged(folder: Path, paths: tuple[str, ...], change: Change, **headers: str) -> runs.Run:
    mock = build.build(Options(contract=VERSION, token_delay=0, hang=5))
    running = Running(dataclasses.replace(mock, app=Changed(mock.app, change, headers)))
    whole = contracts.load(VERSION).document
    cut = Contract(VERSION, {**whole, "paths": {path: whole["paths"][path] for path in ("/ping", *paths)}})
    options = settings.Options(
        url=running.url, contract=cut, key=KEY, phases=FAST, ledger=folder / "ledger.jsonl", seconds=2.0
    )
    try:
        return runs.run(options)
    finally:
        running.stop()


# --- faults ------------------------------------------------------------------------------------------


def as_it_is(found: Exchange) -> None:
    return None


def answer(method: str, start: str, made: Callable[[Exchange], Any], status: int = 200) -> Change:
    """Other answers to the requests whose path starts like this."""

    def change(found: Exchange) -> tuple[int, Any] | None:
        if found.method == method and found.path.startswith(start) and found.status == 200:
            return status, made(found)
        return None

    return change


def first_tool(found: Exchange) -> tuple[int, Any] | None:
    """A read of an unknown tool shows another one, as a query without a condition does."""
    if found.method == "GET" and found.path.startswith("/tools/") and found.status not in (200, 401):
        dates = dict.fromkeys(("createdDate", "updatedDate"), "2026-01-01T00:00:00.000Z")
        return 200, {"id": str(uuid.uuid4()), "name": "n", "description": "d", "color": "c", **dates}
    return None


def open_execution(found: Exchange) -> tuple[int, Any] | None:
    """Each execution is public."""
    kind, id = found.path.split("/")[1:3] if found.path.count("/") == 2 else ("", "")
    if kind == "executions" and found.method == "GET" and found.status == 200:
        LIVE[id] = found.body
    if kind == "executions" and found.method == "DELETE":
        LIVE.pop(id, None)
    return (200, LIVE[id]) if kind == "public-executions" and id in LIVE else None


def absent(found: Exchange) -> tuple[int, Any] | None:
    """Neither variables nor unknown paths are there."""
    known = ("/ping", "/tools", "/version")
    return None if found.path.startswith(known) else (404, {"message": f"Cannot {found.method} {found.path}"})


def lying(found: Exchange) -> tuple[int, Any] | None:
    """Keys are never deleted; the list still has them."""
    if found.path == "/apikey" and found.method == "GET" and isinstance(found.body, list):
        ghosts = [each for each in GHOSTS if each["id"] not in {row["id"] for row in found.body}]
        return 200, [*found.body, *ghosts]
    if found.path == "/apikey" and found.method == "POST" and found.status == 200:
        GHOSTS[:] = [row for row in found.body if "conform-" in str(row["keyName"])]
    return None


LIVE: dict[str, Any] = {}
GHOSTS: list[dict[str, Any]] = []

TOOLS = ("/tools", "/tools/{id}")
KEYS = ("/apikey", "/apikey/{id}")
CREDENTIALS = ("/credentials", "/credentials/{id}")
EXECUTIONS = (
    "/chatflows", "/chatflows/{id}", "/prediction/{id}", "/executions", "/executions/{id}",
    "/public-executions/{id}",
)  # fmt: skip
LOADERS = (
    "/document-store/store", "/document-store/store/{id}", "/document-store/loader/preview",
    "/document-store/loader/save", "/document-store/loader/process/{loaderId}",
    "/document-store/chunks/{storeId}/{loaderId}/{chunkId}",
)  # fmt: skip


MCP = (
    "/chatflows", "/chatflows/{id}", "/mcp-server/{id}", "/mcp-server/{id}/refresh", "/mcp/{id}",
    "/chatmessage/{id}",
)  # fmt: skip
TEMPLATES = ("/chatflows", "/chatflows/{id}", "/marketplaces/custom", "/marketplaces/custom/{id}")


def old_token(found: Exchange) -> tuple[int, Any] | None:
    """A token counts after it was replaced."""
    if found.path.startswith("/mcp/") and found.method == "POST" and found.status == 401:
        return 200, 'event: message\ndata: {"jsonrpc": "2.0", "id": 3, "result": {}}\n\n'
    return None


class Broken(NamedTuple):
    """How a version is broken, in which part, and what names the cause."""

    paths: tuple[str, ...]
    change: Change
    title: str
    headers: Mapping[str, str] = MappingProxyType({})


BROKEN = {
    "no key is needed": Broken(
        TOOLS, as_it_is, "No valid key is needed where the contract requires one", {"authorization": f"Bearer {KEY}"}
    ),
    "an unknown ID shows another tool": Broken(
        TOOLS, first_tool, "Another record is shown for an ID that is not there"
    ),
    "all executions are public": Broken(EXECUTIONS, open_execution, "What is not public is shown"),
    "variables are not there": Broken(
        (*TOOLS, "/variables", "/variables/{id}"), absent, "Documented operations are missing"
    ),
    "a secret is shown": Broken(
        CREDENTIALS,
        answer("POST", "/credentials", lambda found: {**found.body, "plainDataObj": found.body["name"] + "-secret"}),
        "Secrets are shown",
    ),
    "a key is still listed": Broken(KEYS, lying, "What was deleted is still there"),
    "a key keeps its name": Broken(
        KEYS,
        answer("PUT", "/apikey/", lambda found: [{**row, "keyName": "as before"} for row in found.body]),
        "A change is not kept",
    ),
    "a deletion counts nothing": Broken(
        EXECUTIONS,
        answer("DELETE", "/executions", lambda found: {"success": True, "deletedCount": 0}),
        "A response says what is not so",
    ),
    "a loader has no chunks": Broken(
        LOADERS,
        answer("POST", "/document-store/loader/process", lambda found: {**found.body, "count": 0}),
        "A response says what is not so",
    ),
    "the token of an MCP server stays valid": Broken(
        MCP, old_token, "No valid key is needed where the contract requires one"
    ),
    "an MCP server stays on": Broken(
        MCP,
        answer("GET", "/mcp-server/", lambda found: {**found.body, "enabled": True}),
        "A response says what is not so",
    ),
    "a custom template is not listed": Broken(
        TEMPLATES, answer("GET", "/marketplaces/custom", lambda found: []), "What was made is not in its list"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_one_cause_names_the_fault(name: str, tmp_path: Path) -> None:
    broken = BROKEN[name]
    run = judged(tmp_path, broken.paths, broken.change, **broken.headers)
    assert [each["title"] for each in causes(run)] == [broken.title], summary(run)
    assert run["status"] == 1


@pytest.mark.parametrize("paths", [TOOLS, KEYS, CREDENTIALS, EXECUTIONS, LOADERS, MCP, TEMPLATES])
def test_a_part_of_a_version_conforms(paths: tuple[str, ...], tmp_path: Path) -> None:
    run = judged(tmp_path, paths, as_it_is)
    assert summary(run) == ""
