"""The commands `replay` and `record`, and what their options mean."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from flowise_mock.cli.arguments import add_format, seconds


def add(commands: Any) -> None:
    """Hang the two commands into a command line."""
    replay = commands.add_parser(
        "replay",
        help="play a recording against a server and score it",
        description="Ask a server what a recording asked, and compare status, media type and shape.",
    )
    replay.add_argument("recording", type=Path, metavar="FILE", help="a recording, .jsonl or .jsonl.gz")
    replay.add_argument("url", metavar="URL", help="the server, such as http://127.0.0.1:3000")
    _add_keys(replay)
    add_format(replay, "the form of the score", "text", "json")
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
    command.add_argument("--low-key", metavar="KEY", help="a key with the permission tools:view alone")
    command.add_argument(
        "--patience",
        type=seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long to wait for answers that were never given (default: %(default)s)",
    )


def _replay(asked: argparse.Namespace) -> int:
    from flowise_mock.replay.exchanges import read
    from flowise_mock.replay.player import Player
    from flowise_mock.replay.score import Score

    player = Player(asked.url, asked.api_key, asked.low_key, asked.patience)
    score = Score(player.play(read(asked.recording)))
    print(score.json() if asked.format == "json" else "\n".join(score.lines()))
    return 0 if score.share >= asked.at_least else 1


def check_writes(url: str, allowed: bool) -> None:
    """Refuse a server on another machine, unless writes are allowed. Raises RecordingError."""
    from flowise_mock.conform.safety import is_loopback
    from flowise_mock.replay.exchanges import RecordingError

    if not allowed and not is_loopback(url if "//" in url else f"http://{url}"):
        raise RecordingError(
            f"{url} is another machine: recording writes to it; if it may, add --allow-writes"
        )


def _record(asked: argparse.Namespace) -> int:
    from flowise_mock.replay import recorder
    from flowise_mock.replay.exchanges import read

    check_writes(asked.url, asked.allow_writes)
    cases = asked.cases or recorder.newest()
    count, left = recorder.record(
        asked.url,
        asked.api_key,
        read(cases),
        asked.out,
        low_key=asked.low_key,
        patience=asked.patience,
        timeout=asked.timeout,
    )
    print(f"{count} exchanges in {asked.out}; {len(left)} records could not be deleted")
    for path in left:
        print(f"  {path}")
    return 0
