"""The commands `replay` and `record` and their options."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from flowise_mock.cli.arguments import add_format, seconds


def add(commands: Any) -> None:
    """Add the two commands to a command line."""
    replay = commands.add_parser(
        "replay",
        help="play a recording against a server and score it",
        description="Send the requests of a recording to a server, and compare status, media type and shape of its answers.",
    )
    replay.add_argument("recording", type=Path, metavar="FILE", help="a recording, .jsonl or .jsonl.gz")
    replay.add_argument("url", metavar="URL", help="the server, such as http://127.0.0.1:3000")
    _add_keys(replay)
    add_format(replay, "the output format", "text", "json")
    replay.add_argument(
        "--at-least",
        type=float,
        default=100.0,
        metavar="PERCENT",
        help="exit with 1 if fewer exchanges agree (default: 100)",
    )
    for name, noun in (
        ("headers", "headers"),
        ("bodies", "bodies that are not JSON"),
        ("order", "orders of keys"),
    ):
        replay.add_argument(
            f"--{name}-at-least",
            type=float,
            default=0.0,
            metavar="PERCENT",
            help=f"exit with 1 if fewer {noun} agree (default: 0)",
        )
    replay.set_defaults(run=_replay)

    record = commands.add_parser(
        "record",
        help="record the answers of a server",
        description="Send the requests of another recording to a server, record its answers, and delete what was created.",
    )
    record.add_argument("url", metavar="URL", help="the server, such as http://127.0.0.1:3000")
    _add_keys(record)
    record.add_argument(
        "--allow-writes", action="store_true", help="write to a server that is not on this machine"
    )
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording to write")
    record.add_argument(
        "--timeout",
        type=seconds,
        default=15.0,
        metavar="SECONDS",
        help="how long to wait for any other answer (default: %(default)s)",
    )
    record.add_argument(
        "--cases",
        type=Path,
        metavar="FILE",
        help="the recording whose requests are sent (default in a checkout: that of the newest version)",
    )
    record.set_defaults(run=_record)


def _add_keys(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--api-key",
        default=os.environ.get("FLOWISE_API_KEY", "flowise-mock"),
        metavar="KEY",
        help="a key with all permissions (default: $FLOWISE_API_KEY, else flowise-mock)",
    )
    command.add_argument("--low-key", metavar="KEY", help="a key that has only the permission tools:view")
    command.add_argument(
        "--patience",
        type=seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long to wait for an answer if the recording has none (default: %(default)s)",
    )


def _replay(arguments: argparse.Namespace) -> int:
    from flowise_mock.replay.details import FIGURES
    from flowise_mock.replay.exchanges import read
    from flowise_mock.replay.player import Player
    from flowise_mock.replay.score import Score

    player = Player(arguments.url, arguments.api_key, arguments.low_key, arguments.patience)
    score = Score(player.play(read(arguments.recording)))
    print(score.json() if arguments.format == "json" else "\n".join(score.lines()))
    enough = all(score.figure_share(name) >= getattr(arguments, f"{name}_at_least") for name in FIGURES)
    return 0 if enough and score.share >= arguments.at_least else 1


def check_writes(url: str, allowed: bool) -> None:
    """Refuse a server on another machine, unless writes are allowed. Raises RecordingError."""
    from flowise_mock.conform.safety import is_loopback
    from flowise_mock.replay.exchanges import RecordingError

    if not allowed and not is_loopback(url if "//" in url else f"http://{url}"):
        raise RecordingError(
            f"{url} is another machine: recording writes to it; if it may, add --allow-writes"
        )


def _record(arguments: argparse.Namespace) -> int:
    from flowise_mock.replay import recorder, services
    from flowise_mock.replay.exchanges import read

    check_writes(arguments.url, arguments.allow_writes)
    cases = arguments.cases or recorder.newest()
    ports = services.missing(read(cases))
    if ports:
        print(services.warning(ports), file=sys.stderr)
    recorded = recorder.record(
        arguments.url,
        arguments.api_key,
        read(cases),
        arguments.out,
        low_key=arguments.low_key,
        patience=arguments.patience,
        timeout=arguments.timeout,
    )
    print(
        f"{recorded.exchanges} exchanges in {arguments.out}; {len(recorded.left)} records could not be deleted"
    )
    for path in recorded.left:
        print(f"  {path}")
    if recorded.ended_at:
        print(f"flowise-mock: {recorder.ending(recorded)}", file=sys.stderr)
    return 1 if recorded.ended_at else 0
