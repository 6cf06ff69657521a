"""The command `serve`, and what its options mean."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from flowise_mock.cli.arguments import add_contract, milliseconds, seconds
from flowise_mock.flows import model_echo, model_recorded

MODELS = {"echo": model_echo.generate, "recorded-model": model_recorded.generate}
"""The scripts that answer everything: what answers if no rule of a file does."""


def add(commands: Any) -> None:
    """Add the command to a command line."""
    serve = commands.add_parser("serve", help="start the mock server", description="Start the mock server.")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=_port, default=3000, help="port, 0 for a free one (default: %(default)s)"
    )
    add_contract(serve, "clients", "contract to serve")
    serve.add_argument(
        "--overlay",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an overlay to lay over the contract; may be repeated",
    )
    serve.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="a key that opens the server; may be repeated (default: $FLOWISE_MOCK_API_KEY, else flowise-mock)",
    )
    serve.add_argument(
        "--key-permissions",
        type=_permissions,
        action="append",
        default=[],
        metavar="KEY=PERMISSION,...",
        help="a further key with these permissions alone, such as ci=tools:view; may be repeated",
    )
    serve.add_argument("--no-auth", action="store_true", help="ask for no key at all")
    serve.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="an origin that browsers may call from; may be repeated (default: as the contract says, else pages of this machine)",
    )
    world = serve.add_mutually_exclusive_group()
    world.add_argument(
        "--seed",
        type=Path,
        metavar="DIR",
        help="a folder of records to start with (default: the bundled one)",
    )
    world.add_argument("--empty", action="store_true", help="start without records")
    serve.add_argument(
        "--max-body",
        type=_positive,
        default=50 * 1024 * 1024,
        metavar="BYTES",
        help="largest request body (default: %(default)s)",
    )
    serve.add_argument(
        "--token-delay",
        type=milliseconds,
        default=30.0,
        metavar="MS",
        help="pause between streamed tokens in milliseconds (default: 30)",
    )
    serve.add_argument(
        "--hang",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="close a request that a real server would never answer after this time (default: 60)",
    )
    serve.add_argument(
        "--script",
        action="append",
        default=[],
        metavar="FILE",
        help="a file of rules that say what flows answer, or the name of a bundled one; may be repeated; echo or recorded-model answer where no rule does (default: echo)",
    )
    serve.add_argument("--strict", action="store_true", help="a question that no rule answers is an error")
    serve.add_argument(
        "--explain",
        action="store_true",
        help="name the rule that answered in x-flowise-mock-rule, and the outcomes in flowise-mock-outcomes",
    )
    serve.add_argument("--reload", action="store_true", help="read a script again when its file changes")
    serve.add_argument(
        "--ids",
        default="random",
        choices=("random", "reproducible"),
        help="reproducible ids are the same for the same requests (default: %(default)s)",
    )
    serve.add_argument(
        "--journal",
        type=_count,
        default=1000,
        metavar="N",
        help="requests that each namespace keeps in its journal, 0 for none (default: %(default)s)",
    )
    serve.add_argument(
        "--namespaces",
        type=_count,
        default=1000,
        metavar="N",
        help="how many namespaces there may be (default: %(default)s)",
    )
    control = serve.add_mutually_exclusive_group()
    control.add_argument(
        "--control-token",
        metavar="TOKEN",
        help="opens the control API to other machines (default: $FLOWISE_MOCK_CONTROL_TOKEN)",
    )
    control.add_argument("--no-control", action="store_true", help="serve no control API")
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server, if it listens on loopback; may be repeated",
    )
    serve.add_argument("--no-access-log", action="store_true", help="print no line per request")
    serve.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="what to log (default: %(default)s)",
    )
    serve.set_defaults(run=_serve)


def _permissions(text: str) -> tuple[str, list[str]]:
    key, equals, permissions = text.partition("=")
    if not key or not equals or not permissions:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY=PERMISSION,...: say ci=tools:view,variables:view"
        )
    return key, [each.strip() for each in permissions.split(",") if each.strip()]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1000000")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)


def _serve(asked: argparse.Namespace) -> int:
    from flowise_mock.scripts.reading import find_script
    from flowise_mock.server import build, run

    options = build.Options(
        host=asked.host,
        port=asked.port,
        contract=asked.contract,
        overlays=asked.overlay,
        keys=asked.api_key or [key for key in [os.environ.get("FLOWISE_MOCK_API_KEY")] if key],
        open=asked.no_auth,
        cors=asked.cors or None,
        permissions=dict(asked.key_permissions),
        max_body=asked.max_body,
        token_delay=asked.token_delay / 1000,
        hang=asked.hang,
        model=MODELS[next((each for each in reversed(asked.script) if each in MODELS), "echo")],
        scripts=[find_script(each) for each in asked.script if each not in MODELS],
        strict=asked.strict,
        explain=asked.explain,
        reload=asked.reload,
        ids=asked.ids,
        journal=asked.journal,
        namespaces=asked.namespaces,
        control=not asked.no_control,
        control_token=asked.control_token or os.environ.get("FLOWISE_MOCK_CONTROL_TOKEN") or None,
        allowed_hosts=asked.allow_host,
        access_log=not asked.no_access_log,
        log_level=asked.log_level,
    )
    if asked.seed or asked.empty:
        options.seed = asked.seed
    run.run(options)
    return 0
