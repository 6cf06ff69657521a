"""The command: `flowise-mock serve`, `conform`, `lint`, `replay` and more; one module for each group."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from flowise_mock import __version__
from flowise_mock.cli.examples import EXAMPLES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status. An error that the user can fix is one line and status 2."""
    top = parser()
    own, program = _divided(sys.argv[1:] if arguments is None else arguments)
    options, more = top.parse_known_args(own)
    if program and not getattr(options, "takes_program", False):
        top.error("only proxy runs a command after --")
    options.program = program
    if more and not getattr(options, "takes_more", False):
        top.error(f"unrecognized arguments: {' '.join(more)}")
    options.more = more
    if missing := _missing_extra(options.command):
        print(f"flowise-mock: {missing}", file=sys.stderr)
        return 2
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if not isinstance(error, _fixable()):
            raise
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2
    return status


def _divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments before `--`, and the command after it."""
    place = list(arguments).index("--") if "--" in arguments else len(arguments)
    return list(arguments[:place]), list(arguments[place + 1 :])


def _fixable() -> tuple[type[Exception], ...]:
    """Errors that the user can fix. The packages that raise them are slow to import, so this is the place."""
    from flowise_mock.contract.document import DocumentError
    from flowise_mock.engine.seed import SeedError
    from flowise_mock.proxy.upstream import UpstreamError
    from flowise_mock.replay.exchanges import RecordingError
    from flowise_mock.scripts.reading import ScriptError
    from flowise_mock.server.run import ServerError

    return DocumentError, RecordingError, ScriptError, SeedError, ServerError, UpstreamError


EXTRAS = {"conform": ("schemathesis", "conform")}
"""Commands that need a package of an extra: the package, and the extra."""


def _missing_extra(command: str) -> str:
    """What to install for a command, if something is missing; else an empty text."""
    package, extra = EXTRAS.get(command, ("", ""))
    if not package or find_spec(package) is not None:
        return ""
    return f"{command} needs {package}; install it with: pip install 'flowise-mock[{extra}]'"


def parser() -> argparse.ArgumentParser:
    """The command line, as its `--help` describes it."""
    from flowise_mock.cli import changes, conform, contract, doctor, learn, lint, proxy, replay, script, serve

    top = argparse.ArgumentParser(
        prog="flowise-mock", description="A stateful, in-memory stand-in for the Flowise REST API."
    )
    top.add_argument("--version", action="version", version=f"flowise-mock {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in (serve, script, proxy, contract, changes, replay, learn, conform, lint, doctor):
        module.add(commands)
    for name, command in commands.choices.items():
        command.epilog = f"examples:\n{EXAMPLES[name]}"
        command.formatter_class = argparse.RawDescriptionHelpFormatter
    return top
