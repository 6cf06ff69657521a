"""The command `changes`, and the servers that it compares."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.cli.arguments import add_format, version

if TYPE_CHECKING:
    from flowise_mock.contract.document import Document
    from flowise_mock.contract.paths import Paths
    from flowise_mock.replay.exchanges import Exchange
    from flowise_mock.replay.transport import AsgiTransport

TABLES = {
    "tools": "tool",
    "variables": "variable",
    "assistants": "assistant",
    "document-store": "documentstore",
}
"""The table of the records that a path names, by its first segment; that of any other is CHATFLOW."""
CHATFLOW = "chatflow"
IDS = ("id", "chatflowid", "chatflowId", "storeId")
"""The parameters of paths that name such a record."""
HANG = 0.5
"""Seconds after which a request that a version never answers ends."""


def add(commands: Any) -> None:
    """Add the command to a command line."""
    command = commands.add_parser(
        "changes",
        help="what a client sees change from one contract to another",
        description="Print what a client sees change from one contract to another, by operation: what breaks code that reads answers, what breaks code that makes requests, and what is harmless. With --used, only the requests of an application count: both contracts answer them, and the answers are compared. Exits with 1 if something breaks.",
    )
    command.add_argument(
        "first", type=version, metavar="OLD", help="documented, clients, or a version such as 3.0.5"
    )
    command.add_argument("second", type=version, metavar="NEW", help="the contract that it is compared with")
    command.add_argument(
        "--used", type=Path, metavar="FILE",
        help="what the application requests: a HAR, a journal of this mock, a recording, or an access log",
    )  # fmt: skip
    add_format(command, "the output format", "text", "md", "json")
    command.add_argument("--exit-zero", action="store_true", help="exit with 0 even if something breaks")
    command.set_defaults(run=_changes)


def _changes(options: argparse.Namespace) -> int:
    from flowise_mock.contract import change_report, contracts
    from flowise_mock.contract.changes import changes

    one, other = options.first, options.second
    if options.used:
        return _used(options, one, other)
    found = list(changes(contracts.load(one), contracts.load(other)))
    print("\n".join(change_report.report(found, one, other, options.format)))
    return _status(options, any(each.breaks for _, changes in found for each in changes))


def _status(options: argparse.Namespace, breaks: bool) -> int:
    return 1 if breaks and not options.exit_zero else 0


def _used(options: argparse.Namespace, one: str, other: str) -> int:
    from flowise_mock.contract import contracts
    from flowise_mock.contract.paths import Paths
    from flowise_mock.engine.seed import DEFAULT_KEY
    from flowise_mock.replay import upgrade_report
    from flowise_mock.replay.player import Player
    from flowise_mock.replay.upgrade import upgrade
    from flowise_mock.replay.usage import usage

    document = contracts.load(one)
    paths = Paths(document)
    exchanges = [_complete(document, paths, each) for each in usage(options.used)]
    existing = _existing(paths, exchanges)
    with _server(document, existing) as first, _server(contracts.load(other), existing) as second:
        players = Player(first, DEFAULT_KEY), Player(second, DEFAULT_KEY)
        found = list(upgrade(exchanges, *players, {id for _, id in existing}))
    print("\n".join(upgrade_report.report(found, len(exchanges), one, other, options.format)))
    return _status(options, any(each.breaks for each in found))


# --- what the application uses ---------------------------------------------------------------------


def _complete(document: Document, paths: Paths, exchange: Exchange) -> Exchange:
    """An exchange with its operation, and with a sample of the body that an access log lacks."""
    from flowise_mock.contract.document import resolve
    from flowise_mock.contract.samples import sample
    from flowise_mock.replay.usage import LOGGED

    method = exchange.request["method"]
    found = paths.find(method, exchange.request["path"])
    if found is None:
        return exchange
    operation = found[0]
    content = resolve(document, operation.definition.get("requestBody", {})).get("content", {})
    request = exchange.request
    if exchange.case == LOGGED and "application/json" in content:
        body = sample(document, content["application/json"].get("schema", {}))
        request = {
            **request,
            "body": body,
            "headers": {**request["headers"], "content-type": "application/json"},
        }
    return replace(exchange, operation=f"{method} {operation.path}", request=request)


def _existing(paths: Paths, exchanges: Sequence[Exchange]) -> list[tuple[str, str]]:
    """(table, id) of each record that the application uses with success and does not create."""
    from flowise_mock.state.store import UUID

    created: set[str] = set()
    found: dict[tuple[str, str], None] = {}
    for each in exchanges:
        method, path, body = each.request["method"], each.request["path"], each.body
        match = paths.find(method, path)
        if match is not None and (each.status or 500) < 400:
            for name, id in match[1].items():
                if name in IDS and UUID.fullmatch(id) and id not in created:
                    found[_table(path), id] = None
        if method == "POST" and isinstance(body, dict) and isinstance(body.get("id"), str):
            created.add(body["id"])
    return list(found)


def _table(path: str) -> str:
    return TABLES.get(path.split("/")[3], CHATFLOW)


def _server(contract: Document, existing: Sequence[tuple[str, str]]) -> AsgiTransport:
    """A server with the sample records, and a copy of one for each record that exists."""
    from flowise_mock.replay.transport import AsgiTransport
    from flowise_mock.server.build import Options, build

    mock = build(Options(token_delay=0, hang=HANG, ids="reproducible", journal=0), contract)
    for table, id in existing:
        samples = mock.store.select(table)
        if samples and mock.store.get(table, id) is None:
            mock.store.put(table, {**samples[0], "id": id})
    return AsgiTransport(mock.app)
