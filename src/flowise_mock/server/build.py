"""Builds an ASGI app from a contract, a seed and rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock import __version__
from flowise_mock.contract import contracts, tables
from flowise_mock.contract.document import Document, operations
from flowise_mock.contract.secrets import Secrets
from flowise_mock.control.app import ControlApp
from flowise_mock.control.call import Served
from flowise_mock.control.guard import CONTROL, Guard, is_page
from flowise_mock.control.page.app import PageApp
from flowise_mock.engine import seed
from flowise_mock.engine.app import HANG, TOKEN_DELAY, Extend, api_path, create_app, unrouted_answers
from flowise_mock.engine.http_limits import MAX_BODY, HTTPLimits
from flowise_mock.engine.large_bodies import LargeBodies
from flowise_mock.engine.request_state import StateMiddleware
from flowise_mock.engine.streams import Streams
from flowise_mock.engine.worlds import MAX_NAMESPACES, Worlds
from flowise_mock.flows import models
from flowise_mock.flows.call import Model
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.rule_book import RuleBook
from flowise_mock.scripts.script import Script
from flowise_mock.state.ids import RandomIds, ReproducibleIds
from flowise_mock.state.store import Snapshot, Store

JOURNAL = 1000
"""Entries that the journal of a namespace keeps."""


@dataclass
class Options:
    """The options of a server.

    `seed` None is an empty store; `keys` empty is the default key. `permissions` are further keys, each
    with the permissions it has alone. `cors` None follows the contract. `speed` divides the pauses of
    scripts. `model` answers if no rule of the `scripts` does, unless they are `strict`. `ids` are `random`
    or `reproducible`. `journal` is how many entries each namespace keeps, 0 for none; `namespaces` is how
    many there may be. `control` False serves no control API; `control_token` opens it to other machines;
    `allowed_hosts` are names of this server besides loopback's. `limits` are those of the connections.
    `stop_at_eof` stops the server when standard input ends. `extend` gets the Connexion application before
    it is built, to add middlewares. `around` puts something around the API that may answer instead.
    """

    host: str = "127.0.0.1"
    port: int = 3000
    contract: str = "clients"
    overlays: Sequence[Path] = ()
    keys: Sequence[str] = ()
    open: bool = False
    cors: Sequence[str] | None = None
    permissions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seed: Path | None = field(default_factory=contracts.seed)
    max_body: int = MAX_BODY
    token_delay: float = TOKEN_DELAY
    speed: float = 1.0
    hang: float = HANG
    model: Model = models.echo
    scripts: Sequence[Path] = ()
    strict: bool = False
    reload: bool = False
    explain: bool = False
    strict_operations: bool = False
    ids: str = "random"
    journal: int = JOURNAL
    namespaces: int = MAX_NAMESPACES
    control: bool = True
    control_token: str | None = None
    allowed_hosts: Sequence[str] = ()
    limits: HTTPLimits = field(default_factory=HTTPLimits)
    stop_at_eof: bool = False
    access_log: bool = True
    log_level: str = "info"
    extend: Extend | None = None
    around: Callable[[ASGIApp, Document], ASGIApp] = lambda app, contract: app


@dataclass
class Mock:
    """A server ready to run. `records` is how many the seed holds."""

    app: ASGIApp
    contract: Document
    worlds: Worlds
    streams: Streams
    options: Options
    operations: int
    records: int

    @property
    def store(self) -> Store:
        """The store of the default namespace."""
        return self.worlds.default.store


def build(options: Options, contract: Document | None = None) -> Mock:
    """The app for `options`, or for a contract. Raises DocumentError, SeedError or ScriptError."""
    contract = contract or contracts.load(options.contract, options.overlays)
    seeded, records = _seeded(options, contract)
    check = ContractCheck(contract)
    script = None
    if options.scripts:
        script = Script(options.scripts, check, reload=options.reload)
        seed.add_flows(seeded, contract, script.flows)
    found = list(tables.tables(contract))
    workspace = seeded.workspace

    def make_store(name: str, ids: str | None) -> Store:
        new_id = ReproducibleIds(name) if (ids or options.ids) == "reproducible" else RandomIds()
        store = Store(found, new_id=new_id, workspace=workspace)
        store.restore(start)
        return store

    start: Snapshot = seeded.snapshot()
    worlds = Worlds(
        make_store,
        lambda: RuleBook(check, script, strict=options.strict),
        limit=options.namespaces,
        journal=options.journal,
    )
    streams = Streams()
    api: ASGIApp = create_app(
        contract,
        streams=streams,
        open=options.open,
        max_body=options.max_body,
        cors=options.cors,
        token_delay=options.token_delay,
        speed=options.speed,
        hang=options.hang,
        model=options.model,
        explain=options.explain,
        strict_operations=options.strict_operations,
        journal=options.journal > 0,
        extend=options.extend,
    )
    api = options.around(api, contract)
    count = sum(1 for _ in operations(contract))
    ready = _ready(options, count, records)
    control = ControlApp(Served(contract, worlds, streams, Secrets(contract), ready))
    pages = PageApp(options.contract, api_path(contract))
    at_root = options.control and "x-server" not in contract
    switch = _Switch(api, control, pages, at_root=at_root)
    app = StateMiddleware(LargeBodies(switch, options.limits), worlds, unrouted_answers(contract))
    guard = Guard(
        app,
        host=options.host,
        allowed=options.allowed_hosts,
        token=options.control_token,
        control=options.control,
    )
    return Mock(guard, contract, worlds, streams, options, count, records)


class _Switch:
    """Sends requests below `/__mock__` to the control API or its pages, and all others to the API.

    `pages` answers browsers at `/` too, if `at_root`.
    """

    def __init__(self, api: ASGIApp, control: ASGIApp, pages: ASGIApp, *, at_root: bool) -> None:
        self.api = api
        self.control = control
        self.pages = pages
        self.at_root = at_root

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path = scope["path"]
        if not path.startswith(CONTROL) and path != "/":
            return self.api(scope, receive, send)
        if scope["method"] in ("GET", "HEAD") and (is_page(path) or self._is_visit(scope)):
            return self.pages(scope, receive, send)
        is_control = path.startswith(f"{CONTROL}/") or path == CONTROL
        return (self.control if is_control else self.api)(scope, receive, send)

    def _is_visit(self, scope: Scope) -> bool:
        """Whether a browser opens the root."""
        accept = dict(scope["headers"]).get(b"accept", b"") if scope["path"] == "/" else b""
        return self.at_root and b"text/html" in accept


def _ready(options: Options, operations: int, records: int) -> dict[str, object]:
    """What is loaded, for `GET ready`."""
    return {
        "version": __version__,
        "contract": options.contract,
        "operations": operations,
        "seed": options.seed.name if options.seed else None,
        "records": records,
        "scripts": [_loaded(path) for path in options.scripts],
        "overlays": [_loaded(path) for path in options.overlays],
    }


def _loaded(path: Path) -> dict[str, str]:
    return {"name": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}


def _seeded(options: Options, contract: Document) -> tuple[Store, int]:
    """A store with the records that every namespace begins with, and how many the seed holds."""
    workspace = ReproducibleIds("workspace")() if options.ids == "reproducible" else None
    store = Store(tables.tables(contract), workspace=workspace)
    if options.ids == "reproducible":
        store.new_id = ReproducibleIds("seed")
    records = seed.plant(store, contract, options.seed) if options.seed else 0
    seed.add_keys(store, options.keys or [seed.DEFAULT_KEY])
    seed.add_keys(store, options.permissions, options.permissions)
    return store, records
