"""The command: `flowise-mock serve`, `conform`, `lint`, `replay` and more."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flowise_mock import __version__
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
    _add_contract(serve, "clients", "contract to serve")
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
        type=_milliseconds,
        default=30.0,
        metavar="MS",
        help="pause between streamed tokens in milliseconds (default: 30)",
    )
    serve.add_argument(
        "--hang",
        type=_seconds,
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

    script = commands.add_parser(
        "script",
        help="check files of rules, or print their schema",
        description="Check files of rules against a contract, or print the JSON Schema of such files.",
    )
    script.add_argument(
        "files", nargs="*", metavar="FILE", help="a file of rules, or the name of a bundled one"
    )
    script.add_argument("--schema", action="store_true", help="print the JSON Schema, for an editor")
    _add_contract(script, "clients", "the contract that answers must fit")
    script.set_defaults(run=_script)

    departures = commands.add_parser(
        "departures",
        help="where the document departs from the documentation",
        description="Print every place where the document says something else than Flowise's documentation, and why.",
    )
    _add_contract(departures, "documented", "the contract to look at")
    departures.set_defaults(run=_departures)

    contract = commands.add_parser(
        "contract", help="print a contract", description="Print a contract as an OpenAPI document."
    )
    _add_contract(contract, "documented", "the contract to print")
    _add_format(contract, "the form to print it in", "yaml", "json")
    contract.set_defaults(run=_contract)

    diff = commands.add_parser(
        "diff",
        help="how two contracts differ",
        description="Print how the second contract differs from the first, operation by operation.",
    )
    diff.add_argument("first", metavar="CONTRACT", help="documented, clients, or a version such as 3.0.5")
    diff.add_argument("second", metavar="CONTRACT", help="the contract that is compared with it")
    _add_format(diff, "the form to print it in", "text", "md")
    diff.set_defaults(run=_diff)

    replay = commands.add_parser(
        "replay",
        help="play a recording against a server and score it",
        description="Ask a server what a recording asked, and compare status, media type and shape.",
    )
    replay.add_argument("recording", type=Path, metavar="FILE", help="a recording, .jsonl or .jsonl.gz")
    replay.add_argument("url", metavar="URL", help="the server, such as http://127.0.0.1:3000")
    _add_keys(replay)
    _add_format(replay, "the form of the score", "text", "json")
    replay.add_argument(
        "--at-least",
        type=float,
        default=100.0,
        metavar="PERCENT",
        help="exit with 1 where fewer exchanges agree (default: 100)",
    )
    replay.set_defaults(run=_replay)

    record = commands.add_parser(
        "record",
        help="record what a server answers",
        description="Ask a server what another recording asked, write down its answers, and clean up.",
    )
    record.add_argument("url", metavar="URL", help="the server, such as http://127.0.0.1:3000")
    _add_keys(record)
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording to write")
    record.add_argument(
        "--cases",
        type=Path,
        metavar="FILE",
        help="the recording whose requests are asked (default: the one of the newest version)",
    )
    record.set_defaults(run=_record)
    conform.add(commands)

    lint.add(commands)
    return top


def _add_keys(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--api-key",
        default=os.environ.get("FLOWISE_API_KEY", "flowise-mock"),
        metavar="KEY",
        help="a key with all permissions (default: $FLOWISE_API_KEY, else flowise-mock)",
    )
    command.add_argument("--low-key", metavar="KEY", help="a key with the permission tools:view alone")
    command.add_argument(
        "--patience",
        type=_seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long to wait for answers that were never given (default: %(default)s)",
    )


def _add_contract(command: argparse.ArgumentParser, default: str, what: str) -> None:
    named = command.add_mutually_exclusive_group()
    named.add_argument("--contract", default=default, metavar="NAME", help=f"{what} (default: %(default)s)")
    named.add_argument(
        "--flowise", dest="contract", metavar="VERSION", help="the contract of that Flowise, such as 3.1.4"
    )


def _add_format(command: argparse.ArgumentParser, what: str, *forms: str) -> None:
    command.add_argument("--format", default=forms[0], choices=forms, help=f"{what} (default: %(default)s)")


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


def _milliseconds(text: str) -> float:
    return _pause(text, "milliseconds")


def _seconds(text: str) -> float:
    return _pause(text, "seconds")


def _pause(text: str, unit: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pause in {unit}: give a number from 0 to 600000")
    return value


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


def _script(asked: argparse.Namespace) -> int:
    import json

    from flowise_mock import document
    from flowise_mock.scripts import reading
    from flowise_mock.scripts.script import Script

    if asked.schema:
        print(json.dumps(reading.schema(), indent=2))
        return 0
    if not asked.files:
        raise reading.ScriptError("there is nothing to check: name a file of rules, or ask for the --schema")
    script = Script([reading.found(each) for each in asked.files], document.load(asked.contract))
    print(f"{len(script.rules)} rules, all in order")
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


def _replay(asked: argparse.Namespace) -> int:
    from flowise_mock.replay.exchanges import read
    from flowise_mock.replay.player import Player
    from flowise_mock.replay.score import Score

    player = Player(asked.url, asked.api_key, asked.low_key, asked.patience)
    score = Score(player.play(read(asked.recording)))
    print(score.json() if asked.format == "json" else "\n".join(score.lines()))
    return 0 if score.share >= asked.at_least else 1


def _record(asked: argparse.Namespace) -> int:
    from flowise_mock.replay import recorder
    from flowise_mock.replay.exchanges import read

    cases = asked.cases or recorder.newest()
    count, left = recorder.record(
        asked.url, asked.api_key, read(cases), asked.out, low_key=asked.low_key, patience=asked.patience
    )
    print(f"{count} exchanges in {asked.out}; {len(left)} records could not be deleted")
    for path in left:
        print(f"  {path}")
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
