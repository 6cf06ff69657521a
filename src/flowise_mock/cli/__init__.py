"""The command: `flowise-mock serve`, `conform`, `lint`, `replay` and more; one module for each group."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from flowise_mock import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status. A problem that the user can mend is one line and 2."""
    from flowise_mock.contract.document import DocumentError
    from flowise_mock.engine.seed import SeedError
    from flowise_mock.replay.exchanges import RecordingError
    from flowise_mock.scripts.reading import ScriptError
    from flowise_mock.server.run import ServerError

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
    """The command line, as its `--help` describes it."""
    from flowise_mock.cli import conform, contract, learn, lint, replay, script, serve

    top = argparse.ArgumentParser(
        prog="flowise-mock", description="A stateful, in-memory stand-in for the Flowise REST API."
    )
    top.add_argument("--version", action="version", version=f"flowise-mock {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for module in (serve, script, contract, replay, learn, conform, lint):
        module.add(commands)
    return top
