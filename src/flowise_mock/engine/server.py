"""The server: a contract, a store and a seed made into an app, and uvicorn around it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from flowise_mock.contract import contracts, tables
from flowise_mock.contract.document import operations
from flowise_mock.engine import private_api, seed
from flowise_mock.engine.app import HANG, MAX_BODY, TOKEN_DELAY, create_app
from flowise_mock.engine.streams import Streams
from flowise_mock.flows import model_echo
from flowise_mock.flows.call import Model
from flowise_mock.scripts.script import Script
from flowise_mock.state.store import Store


class ServerError(Exception):
    """A server that cannot start; the text says why and what to do."""


@dataclass
class Options:
    """What `serve` was asked for. `seed` None is an empty store; `keys` empty is the default key.

    `permissions` are further keys, each with the permissions it has alone. `cors` None is as the contract
    says. `model` answers if no rule of the `scripts` does, unless they are `strict`.
    """

    host: str = "127.0.0.1"
    port: int = 3000
    contract: str = "clients"
    overlays: Sequence[Path] = ()
    keys: Sequence[str] = ()
    open: bool = False
    cors: Sequence[str] | None = None
    permissions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seed: Path | None = field(default_factory=lambda: contracts.root() / "fixtures" / "seed")
    max_body: int = MAX_BODY
    token_delay: float = TOKEN_DELAY
    hang: float = HANG
    model: Model = model_echo.say
    scripts: Sequence[Path] = ()
    strict: bool = False
    reload: bool = False
    explain: bool = False
    access_log: bool = True
    log_level: str = "info"


@dataclass
class Mock:
    """A server ready to run: its app, its store, and what its banner tells."""

    app: ASGIApp
    store: Store
    streams: Streams
    script: Script | None
    operations: int
    records: int


def build(options: Options) -> Mock:
    """The app and the store for `options`. Raises DocumentError, SeedError or ScriptError."""
    contract = contracts.load(options.contract, options.overlays)
    store = Store(tables.tables(contract))
    records = seed.plant(store, contract, options.seed) if options.seed else 0
    seed.add_keys(store, options.keys or [seed.DEFAULT_KEY])
    seed.add_keys(store, options.permissions, options.permissions)
    streams = Streams()
    script = None
    if options.scripts:
        script = Script(options.scripts, contract, strict=options.strict, reload=options.reload)
    app = create_app(
        contract,
        store,
        streams=streams,
        open=options.open,
        max_body=options.max_body,
        cors=options.cors,
        token_delay=options.token_delay,
        hang=options.hang,
        model=options.model,
        script=script,
        explain=options.explain,
    )
    return Mock(app, store, streams, script, sum(1 for _ in operations(contract)), records)


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises ServerError where the address cannot be had."""
    mock = build(options)
    bound = listen(options.host, options.port)
    import uvicorn

    for line in banner(options, mock, bound.getsockname()[1]):
        print(line, flush=True)
    logging.basicConfig(level=options.log_level.upper(), format="%(message)s")
    logging.getLogger("flowise_mock.access").setLevel("INFO" if options.access_log else "WARNING")
    config = uvicorn.Config(
        mock.app,
        log_config=None,
        log_level="warning" if options.log_level == "info" else options.log_level,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    private_api.stop_on_signal(server, mock.streams.close)
    server.run(sockets=[bound])


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, else ServerError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerError(f"cannot listen on {host}:{port}: {reason}; choose another --port") from None
    return bound


def banner(options: Options, mock: Mock, port: int) -> list[str]:
    """What is said at start: address, contract, operations, seed, key, and a line that works."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    base = f"http://{host}:{port}"
    records = f"{mock.records} records of {options.seed}" if options.seed else "empty"
    key = (options.keys or [seed.DEFAULT_KEY])[0]
    header = "" if options.open else f' -H "Authorization: Bearer {key}"'
    return [
        f"flowise-mock on {base}/api/v1, contract {options.contract}, {mock.operations} operations",
        f"  seed  {records}",
        f"  key   {'none is asked for' if options.open else key}",
        f"  try   curl{header} {base}/api/v1/chatflows",
        f"  docs  {base}/docs",
    ]
