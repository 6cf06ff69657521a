"""The command `learn`, and what its options mean."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flowise_mock.cli.arguments import seconds


def add(commands: Any) -> None:
    """Add the command to a command line."""
    learn = commands.add_parser(
        "learn",
        help="write the overlay of another version of Flowise",
        description="Send a server the requests of recordings and one request to each operation, compare its answers with the nearest contract, and write the overlay that explains the differences. What was recorded is kept beside OUT, so a second run sends only what is missing.",
    )
    learn.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="the server, such as http://127.0.0.1:3000; not needed with --recording",
    )
    learn.add_argument(
        "--from", dest="nearest", required=True, metavar="VERSION", help="the nearest contract"
    )
    learn.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the overlay, flowise-VERSION.yaml"
    )
    learn.add_argument(
        "--version",
        dest="learned",
        metavar="VERSION",
        help="the version of the server (default: from the name of OUT)",
    )
    learn.add_argument(
        "--recording", type=Path, action="append", default=[], metavar="FILE",
        help="learn from this recording, without a server; may be repeated",
    )  # fmt: skip
    learn.add_argument(
        "--cases", type=Path, action="append", default=[], metavar="FILE",
        help="the recording whose requests are sent; may be repeated (default in a checkout: those of the newest version)",
    )  # fmt: skip
    learn.add_argument(
        "--compare", action="append", default=None, metavar="VERSION",
        help="another version whose differences are tried; may be repeated (default: all, the nearest first; `none` for none)",
    )  # fmt: skip
    learn.add_argument(
        "--merge", action="store_true", help="keep the actions of an overlay that was changed by hand"
    )
    learn.add_argument("--api-key", default=os.environ.get("FLOWISE_API_KEY", "flowise-mock"), metavar="KEY",
                       help="a key with all permissions (default: $FLOWISE_API_KEY, else flowise-mock)")  # fmt: skip
    learn.add_argument("--low-key", metavar="KEY", help="a key with the permission tools:view alone")
    learn.add_argument(
        "--allow-writes", action="store_true", help="write to a server that is not on this machine"
    )
    learn.add_argument(
        "--timeout", type=seconds, default=15.0, metavar="SECONDS",
        help="how long to wait for an answer (default: %(default)s)",
    )  # fmt: skip
    learn.set_defaults(run=_learn)


def _learn(asked: argparse.Namespace) -> int:
    from flowise_mock.contract import contracts
    from flowise_mock.contract.document import DocumentError
    from flowise_mock.learn import overlay
    from flowise_mock.learn.search import Search

    version = asked.learned or re.sub(r"^flowise-", "", asked.out.stem)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise DocumentError(f"{asked.out}: name the version with --version, or the file flowise-VERSION.yaml")
    if asked.nearest not in contracts.versions():
        raise DocumentError(f"--from {asked.nearest}: choose one of {', '.join(contracts.versions())}")
    by_hand = overlay.by_hand(asked.out) if asked.out.exists() else []
    if by_hand and not asked.merge:
        raise DocumentError(
            f"{asked.out}: was changed by hand; keep its actions with --merge, or name another file"
        )
    started = time.monotonic()
    recordings = asked.recording or _record(asked)
    played = _Plays(asked.nearest, recordings, [_action(each) for each in by_hand])
    search = Search(played, _say, frozenset(str(each["target"]) for each in by_hand))
    search.start()
    _say(f"before: {_score(search.seen)}")
    search.infer()
    for other in _others(asked.compare, version, asked.nearest, contracts.versions()):
        search.compare(contracts.merge(other), other)
    search.infer()
    found = by_hand or overlay.actions(version, [], "")
    found += overlay.actions(version, search.kept, ", ".join(each.name for each in recordings))[2:]
    overlay.write(asked.out, version, f"flowise-{asked.nearest}.yaml", found)
    _list(search.unexplained)
    print(f"before: {_score(search.first)}")
    print(f"after:  {_score(search.seen)}")
    actions = sum(len(each.actions) for each in search.kept)
    print(f"{actions} actions in {asked.out}, {search.plays} plays, {time.monotonic() - started:.0f} s")
    return 0


def _others(chosen: Sequence[str] | None, version: str, nearest: str, known: Sequence[str]) -> list[str]:
    """The versions to compare with: those that were chosen, or all, the nearest first."""
    from flowise_mock.contract import contracts

    if chosen is not None:
        return [each for each in chosen if each != "none"]
    order = sorted({*known, version}, key=contracts.order)
    others = [each for each in order if each not in (version, nearest)]
    return sorted(others, key=lambda each: abs(order.index(each) - order.index(version)))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _score(seen: Sequence[Any]) -> str:
    """The score of what was seen, in the words of `replay`."""
    from flowise_mock.replay.score import Score

    return list(Score([each.result for each in seen]).lines())[-1]


def _list(unexplained: Sequence[Any]) -> None:
    """Print what no action explains, with its place in the recording."""
    if unexplained:
        print("not explained:")
    for each in unexplained:
        result = each.result
        what = "; ".join(result.differences[:3]) or f"another text: {json.dumps(result.expected)[:160]}"
        print(f"  {each.evidence} {result.exchange.name}: {what}")


def _action(data: dict[str, Any]) -> Any:
    from flowise_mock.learn.proposal import Action

    return Action(data["target"], data.get("update"), data.get("description", ""))


# --- recording -------------------------------------------------------------------------------------


def _record(asked: argparse.Namespace) -> list[Path]:
    """Record the cases and the probes that are not recorded yet, beside OUT."""
    from flowise_mock.cli.replay import check_writes
    from flowise_mock.contract import contracts
    from flowise_mock.learn.probes import probes
    from flowise_mock.replay import recorder
    from flowise_mock.replay.exchanges import RecordingError, read

    if not asked.url:
        raise RecordingError("name a server, or a recording with --recording FILE")
    check_writes(asked.url, asked.allow_writes)
    parts = {"probes": list(probes(contracts.merge(asked.nearest)))}
    for number, cases in enumerate(asked.cases or recorder.all_newest(), start=1):
        parts[f"cases{number}"] = list(read(cases))
    for name, exchanges in parts.items():
        _record_part(asked, _beside(asked.out, name), exchanges)
    return [_beside(asked.out, name) for name in parts]


def _beside(out: Path, name: str) -> Path:
    return out.with_name(f"{out.stem}.{name}.jsonl")


def _record_part(asked: argparse.Namespace, out: Path, cases: Sequence[Any]) -> None:
    from flowise_mock.replay import recorder, services

    if out.exists():
        _say(f"{out.name} is recorded already")
        return
    ports = services.missing(cases)
    if ports:
        _say(services.warning(ports))
    partial = out.with_name(out.name + ".part")
    recorded = recorder.record(
        asked.url, asked.api_key, cases, partial, low_key=asked.low_key, timeout=asked.timeout
    )
    partial.replace(out)
    _say(f"{recorded.exchanges} exchanges in {out.name}; {len(recorded.left)} records are left")
    for line in [recorder.ending(recorded), *recorded.left]:
        if line:
            _say(f"  {line}")


# --- playing ---------------------------------------------------------------------------------------


class _Plays:
    """Plays recordings against mocks of this process: the nearest contract with further actions."""

    def __init__(self, nearest: str, recordings: Sequence[Path], first: Sequence[Any]) -> None:
        from flowise_mock.contract import contracts
        from flowise_mock.replay.exchanges import read

        self.recordings = [(_stem(path), list(read(path))) for path in recordings]
        self.first = list(first)
        self.nearest = json.dumps(contracts.merge(nearest))

    def __call__(self, actions: Sequence[Any]) -> tuple[Any, Iterator[Any]]:
        from flowise_mock.contract.expand import expand
        from flowise_mock.contract.overlay import apply_all

        document = json.loads(self.nearest)
        apply_all(document, [each.data("proposed") for each in [*self.first, *actions]])
        expand(document)
        return document, self._observed(document, _mock(json.loads(json.dumps(document))))

    def _observed(self, document: Any, mock: Any) -> Iterator[Any]:
        from flowise_mock.learn.observation import observe
        from flowise_mock.replay.player import Player
        from flowise_mock.replay.transport import AsgiTransport

        empty = mock.store.snapshot()
        for name, exchanges in self.recordings:
            mock.store.restore(empty)
            with AsgiTransport(mock.app) as transport:
                player = Player(transport, "flowise-mock", "low", patience=PATIENCE)
                yield from observe(document, name, player.play(exchanges))


PATIENCE = 0.2
"""Seconds to wait for an answer that a server never gave."""


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _mock(contract: dict[str, Any]) -> Any:
    """A mock with an empty store and the model behind the recordings."""
    from flowise_mock.contract import responses
    from flowise_mock.flows import models
    from flowise_mock.server import build

    responses.complete(contract)
    options = build.Options(
        seed=None, token_delay=0, hang=5, explain=True, permissions={"low": ["tools:view"]},
        model=models.recorded, journal=0, control=False,
    )  # fmt: skip
    return build.build(options, contract)
