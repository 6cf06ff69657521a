"""The command `serve` and its options."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.cli import settings
from flowise_mock.cli.arguments import add_contract, count, milliseconds, port, seconds
from flowise_mock.cli.settings import Setting
from flowise_mock.flows import models

if TYPE_CHECKING:
    from flowise_mock.server.build import Options

MODELS = {"echo": models.echo, "recorded-model": models.recorded}
"""The scripts that answer every question, for those that no rule answers."""


def add(commands: Any) -> None:
    """Add the command to a command line."""
    serve = commands.add_parser(
        "serve",
        usage="flowise-mock serve [OPTIONS]",
        help="start the mock server",
        description="Start the mock server.",
    )
    _add_address(serve.add_argument_group("address"))
    _add_contract(serve.add_argument_group("contract and records"))
    _add_answers(serve.add_argument_group("answers"))
    _add_upstream(serve.add_argument_group("a real server behind it"))
    _add_access(serve.add_argument_group("access"))
    _add_control(serve.add_argument_group("control API"))
    _add_output(serve.add_argument_group("output"))
    serve.set_defaults(run=_serve)


def _add_address(group: Any) -> None:
    group.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    group.add_argument("--port", type=port, help="port, 0 for a free one (default: 3000)")
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server, if it listens on loopback; may be repeated",
    )


def _add_contract(group: Any) -> None:
    add_contract(group, None, "contract to serve", shown="clients")
    group.add_argument(
        "--overlay",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an overlay to apply to the contract; may be repeated",
    )
    seed = group.add_mutually_exclusive_group()
    seed.add_argument(
        "--seed",
        type=Path,
        metavar="DIR",
        help="a folder of records to start with, or one file of them all (default: the bundled one)",
    )
    seed.add_argument("--empty", action="store_true", help="start without records")
    group.add_argument(
        "--ids",
        default="random",
        choices=("random", "reproducible"),
        help="reproducible ids are the same for the same requests (default: %(default)s)",
    )


def _add_answers(group: Any) -> None:
    group.add_argument(
        "--script",
        action="append",
        default=[],
        metavar="FILE",
        help="a file of rules that say what flows answer, or the name of a bundled one; may be repeated; echo or recorded-model answers if no rule does (default: echo)",
    )
    group.add_argument("--strict", action="store_true", help="a question that no rule answers is an error")
    group.add_argument(
        "--strict-operations",
        action="store_true",
        help="answer 501 to operations of Flowise that are not imitated",
    )
    group.add_argument(
        "--explain",
        action="store_true",
        help="name the rule that answered in Flowise-Mock-Rule, and the outcomes in Flowise-Mock-Outcomes",
    )
    group.add_argument("--reload", action="store_true", help="read a script again when its file changes")
    group.add_argument(
        "--token-delay",
        type=milliseconds,
        default=30.0,
        metavar="MS",
        help="pause between streamed tokens in milliseconds (default: 30)",
    )
    group.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="FACTOR",
        help="divide the pauses of scripts by this (default: 1)",
    )
    group.add_argument(
        "--hang",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="close a request that a real server would never answer after this time (default: 60)",
    )


def _add_upstream(group: Any) -> None:
    group.add_argument(
        "--upstream",
        metavar="URL",
        help="send on what no rule and no record of this mock answers, to this real server",
    )
    group.add_argument(
        "--record",
        choices=("missing",),
        help="record the predictions that went on, into the last --script FILE",
    )
    group.add_argument(
        "--insecure", action="store_true", help="do not check the certificate of an https server behind it"
    )


def _add_access(group: Any) -> None:
    group.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="a key that opens the server; may be repeated (default: flowise-mock)",
    )
    group.add_argument(
        "--key-permissions",
        type=_permissions,
        action="append",
        default=[],
        metavar="KEY=PERMISSION,...",
        help="a further key with these permissions alone, such as ci=tools:view; may be repeated",
    )
    group.add_argument("--no-auth", action="store_true", help="require no key")
    group.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="an origin that browsers may call from; may be repeated (default: as the contract says, else pages of this machine)",
    )
    group.add_argument(
        "--max-body",
        type=_positive,
        default=50 * 1024 * 1024,
        metavar="BYTES",
        help="largest request body (default: %(default)s)",
    )


def _add_control(group: Any) -> None:
    group.add_argument(
        "--journal",
        type=count,
        default=1000,
        metavar="N",
        help="requests that each namespace keeps in its journal, 0 for none (default: %(default)s)",
    )
    group.add_argument(
        "--namespaces",
        type=count,
        default=1000,
        metavar="N",
        help="how many namespaces there may be (default: %(default)s)",
    )
    control = group.add_mutually_exclusive_group()
    control.add_argument("--control-token", metavar="TOKEN", help="opens the control API to other machines")
    control.add_argument("--no-control", action="store_true", help="serve no control API")


def _add_output(group: Any) -> None:
    group.add_argument(
        "--stop-at-eof",
        action="store_true",
        help="stop when standard input ends, as it does when the program that started the server is gone",
    )
    group.add_argument("--no-access-log", action="store_true", help="print no line per request")
    group.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="what to log (default: %(default)s)",
    )


def _permissions(text: str) -> tuple[str, list[str]]:
    key, equals, permissions = text.partition("=")
    if not key or not equals or not permissions:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY=PERMISSION,...: write for example ci=tools:view,variables:view"
        )
    return key, [each.strip() for each in permissions.split(",") if each.strip()]


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor: give a number above 0, such as 100")
    return value


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)


def _serve(arguments: argparse.Namespace) -> int:
    gc.disable()  # importing makes many objects and drops few
    from flowise_mock.scripts.reading import find_script
    from flowise_mock.server import build, run

    gc.enable()

    if sys.stderr.isatty():
        print("flowise-mock: starting ...", file=sys.stderr)
    settings.resolve(arguments, SETTINGS)
    options = build.Options(
        host=arguments.host,
        port=arguments.port,
        contract=arguments.contract,
        overlays=arguments.overlay,
        keys=arguments.api_key,
        open=arguments.no_auth,
        cors=arguments.cors or None,
        permissions=dict(arguments.key_permissions),
        max_body=arguments.max_body,
        token_delay=arguments.token_delay / 1000,
        speed=arguments.speed,
        hang=arguments.hang,
        model=MODELS[next((each for each in reversed(arguments.script) if each in MODELS), "echo")],
        scripts=[find_script(each) for each in arguments.script if each not in MODELS],
        strict=arguments.strict,
        explain=arguments.explain,
        strict_operations=arguments.strict_operations,
        reload=arguments.reload,
        ids=arguments.ids,
        journal=arguments.journal,
        namespaces=arguments.namespaces,
        control=not arguments.no_control,
        control_token=arguments.control_token,
        allowed_hosts=arguments.allow_host,
        stop_at_eof=arguments.stop_at_eof,
        access_log=not arguments.no_access_log,
        log_level=arguments.log_level,
    )
    if arguments.seed or arguments.empty:
        options.seed = arguments.seed
    if arguments.upstream or arguments.record:
        return _serve_before(arguments, options)
    run.run(options)
    return 0


def _serve_before(arguments: argparse.Namespace, options: Options) -> int:
    """Serve with a real server behind. Raises UpstreamError or ScriptError."""
    from flowise_mock.contract import contracts
    from flowise_mock.proxy import fallback
    from flowise_mock.proxy.recorder import Recorder
    from flowise_mock.proxy.upstream import Upstream, UpstreamError
    from flowise_mock.scripts.reading import bundled_scripts
    from flowise_mock.server import run

    if not arguments.upstream:
        raise UpstreamError("--record needs --upstream URL, the server whose answers are recorded")
    upstream = Upstream.of(arguments.upstream, insecure=arguments.insecure)
    recorder = None
    if arguments.record:
        if not options.scripts or options.scripts[-1] in bundled_scripts().values():
            raise UpstreamError("--record needs --script FILE, where it writes; the file need not exist")
        recorder = Recorder(contracts.load(options.contract, options.overlays), options.scripts[-1])
        recorder.begin()
        options.reload = True
    options.around = fallback.around(upstream, recorder)
    print(f"  behind {upstream.url}{', its certificate is not checked' * upstream.insecure}")
    run.run(options)
    for line in recorder.finish()[0] if recorder else ():
        print(line)
    return 0


SETTINGS = (
    Setting("host", default="127.0.0.1"),
    Setting("port", port, 3000),
    Setting("contract", default="clients"),
    Setting("script", default=(), many=True),
    Setting("api-key", default=(), many=True),
    Setting("control-token", secret=True),
)
"""What the environment or a file may say too."""
