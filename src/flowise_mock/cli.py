"""The command: `flowise-mock serve`, `conform`, `lint`, `replay` and more."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flowise_mock import __version__
from flowise_mock.arguments import add_contract, add_format, milliseconds, seconds
from flowise_mock.prediction import echo, recorded

MODELS = {"echo": echo.say, "recorded-model": recorded.say}
"""The scripts that answer everything: what answers where no rule of a file does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status. A problem that the user can mend is one line and 2."""
    from flowise_mock.document import DocumentError
    from flowise_mock.replay.exchanges import RecordingError
    from flowise_mock.scripts.reading import ScriptError
    from flowise_mock.seed import SeedError
    from flowise_mock.server import ServerError

    top = parser()
    options, more = top.parse_known_args(arguments)
    if more and not getattr(options, "takes_more", False):
        top.error(f"unrecognized arguments: {' '.join(more)}")
    options.more = more
    try:
        status: int = options.run(options)
    except (DocumentError, RecordingError, ScriptError, SeedError, ServerError) as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def parser() -> argparse.ArgumentParser:
    """The command line, as its `--help` tells it."""
    from flowise_mock.conform import command as conform
    from flowise_mock.lint import command as lint
    from flowise_mock.replay import command as replay
    from flowise_mock.scripts import command as script

    top = argparse.ArgumentParser(
        prog="flowise-mock", description="A stateful, in-memory stand-in for the Flowise REST API."
    )
    top.add_argument("--version", action="version", version=f"flowise-mock {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

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
        help="an origin that browsers may call from; may be repeated (default: as the contract says, else any)",
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
        "--explain", action="store_true", help="name the rule that answered in x-flowise-mock-rule"
    )
    serve.add_argument("--reload", action="store_true", help="read a script again when its file changes")
    serve.add_argument("--no-access-log", action="store_true", help="print no line per request")
    serve.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="what to log (default: %(default)s)",
    )
    serve.set_defaults(run=_serve)

    script.add(commands)

    departures = commands.add_parser(
        "departures",
        help="where the document departs from the documentation",
        description="Print every place where the document says something else than Flowise's documentation, and why.",
    )
    add_contract(departures, "documented", "the contract to look at")
    departures.set_defaults(run=_departures)

    contract = commands.add_parser(
        "contract", help="print a contract", description="Print a contract as an OpenAPI document."
    )
    add_contract(contract, "documented", "the contract to print")
    add_format(contract, "the form to print it in", "yaml", "json")
    contract.set_defaults(run=_contract)

    diff = commands.add_parser(
        "diff",
        help="how two contracts differ",
        description="Print how the second contract differs from the first, operation by operation.",
    )
    diff.add_argument("first", metavar="CONTRACT", help="documented, clients, or a version such as 3.0.5")
    diff.add_argument("second", metavar="CONTRACT", help="the contract that is compared with it")
    add_format(diff, "the form to print it in", "text", "md")
    diff.set_defaults(run=_diff)

    for room in (replay, conform, lint):
        room.add(commands)
    return top


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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)


def _serve(asked: argparse.Namespace) -> int:
    from flowise_mock import server
    from flowise_mock.scripts.reading import ScriptError, found

    if not set(asked.script) - set(MODELS) and (asked.strict or asked.explain or asked.reload):
        raise ScriptError(
            "--strict, --explain and --reload are about rules: name a file of them with --script"
        )
    options = server.Options(
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
        say=MODELS[next((each for each in reversed(asked.script) if each in MODELS), "echo")],
        scripts=[found(each) for each in asked.script if each not in MODELS],
        strict=asked.strict,
        explain=asked.explain,
        reload=asked.reload,
        access_log=not asked.no_access_log,
        log_level=asked.log_level,
    )
    if asked.seed or asked.empty:
        options.seed = asked.seed
    server.run(options)
    return 0


def _departures(asked: argparse.Namespace) -> int:
    from flowise_mock import document

    for pointer, why in document.departures(document.load(asked.contract)):
        print(f"{pointer}\n    {why}")
    return 0


def _diff(asked: argparse.Namespace) -> int:
    from flowise_mock import difference, document

    first, second = document.load(asked.first), document.load(asked.second)
    lines = difference.markdown if asked.format == "md" else difference.text
    for line in lines(first, second, asked.first, asked.second):
        print(line)
    return 0


def _contract(asked: argparse.Namespace) -> int:
    import json

    import yaml

    from flowise_mock import document

    shown = document.published(document.load(asked.contract))
    if asked.format == "json":
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100), end="")
    return 0
