"""The commands `conform` and `matrix`, and what their options mean."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from flowise_mock.cli.arguments import add_contract
from flowise_mock.contract.document import DocumentError

FORMATS = ("terminal", "html", "json", "junit", "sarif", "md", "github", "har", "vcr", "ndjson")
BY_SCHEMATHESIS = ("har", "vcr", "ndjson")


def add(commands: Any) -> None:
    """Hang the two commands into a command line."""
    _add_conform(commands)
    _add_matrix(commands)


def _add_conform(commands: Any) -> None:
    one = commands.add_parser(
        "conform",
        help="judge a server by a contract",
        description="Judge a Flowise, or this mock, by a contract: what breaks, where, how to repeat it, whether it was known. Options that are not listed go to Schemathesis.",
    )
    one.add_argument("url", nargs="?", metavar="URL", help="address of the server, with or without /api/v1")
    named = add_contract(one, "clients", "contract to judge by")
    named.add_argument("--document", type=Path, metavar="FILE", help="an OpenAPI 3.0 document to judge by")
    one.add_argument(
        "--overlay",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an overlay to lay over the contract; may be repeated",
    )
    one.add_argument("--api-key", metavar="KEY", help="key of the server (default: $FLOWISE_API_KEY)")
    one.add_argument(
        "--allow-writes", action="store_true", help="write to a server that is not on this machine"
    )
    one.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="OPERATION",
        help="call this operation with generated data too; may be repeated",
    )
    one.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a value of the walks, such as model_url=http://127.0.0.1:11434/v1; may be repeated",
    )
    one.add_argument(
        "--phases", default="walks,probes,generated", metavar="LIST", help="what to do (default: %(default)s)"
    )
    one.add_argument(
        "--max-examples",
        type=int,
        default=3,
        metavar="N",
        help="generated cases per operation in fuzzing (default: %(default)s)",
    )
    one.add_argument("--max-time", type=int, metavar="SECONDS", help="time budget of the generated requests")
    one.add_argument(
        "--seed", type=int, default=1, help="seed of the generated requests (default: %(default)s)"
    )
    one.add_argument(
        "--timeout",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="time for one answer (default: %(default)s)",
    )
    one.add_argument(
        "--rate",
        type=float,
        metavar="PER_SECOND",
        help="most requests per second (default: 10, on this machine no limit)",
    )
    one.add_argument("--insecure", action="store_true", help="do not check the server's certificate")
    one.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="known deviations; `3.0.5` and `3.1.4` name those that come along",
    )
    one.add_argument("--update-baseline", action="store_true", help="write what was found into the baseline")
    one.add_argument(
        "--report",
        action="append",
        default=[],
        type=_report,
        metavar="FORMAT[=FILE]",
        help=f"a report: {', '.join(FORMATS)}; may be repeated",
    )
    one.add_argument("--ledger", type=Path, metavar="FILE", help="where to write down what the run makes")
    one.add_argument(
        "--clean",
        type=Path,
        metavar="LEDGER",
        help="delete what a run that was cut off has left, and do nothing else",
    )
    one.add_argument("--no-progress", action="store_true", help="show no progress")
    one.set_defaults(run=conform, takes_more=True)


def _add_matrix(commands: Any) -> None:
    one = commands.add_parser(
        "matrix",
        help="several runs in one table",
        description="Put the JSON reports of several runs into one table: operation by server.",
    )
    one.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN.json", help="reports of `conform --report json=FILE`"
    )
    one.add_argument("--html", type=Path, metavar="FILE", help="write the table as a page")
    one.add_argument(
        "--md", type=Path, metavar="FILE", help="write the table as Markdown (default: print it)"
    )
    one.set_defaults(run=matrix)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, json.loads(value) if value[:1] in ("{", "[") else value


def _report(text: str) -> tuple[str, str]:
    name, _, file = text.partition("=")
    if name not in FORMATS:
        raise argparse.ArgumentTypeError(f"there is no report {name!r}; there are {', '.join(FORMATS)}")
    if not file and name not in ("terminal", "github", "md"):
        raise argparse.ArgumentTypeError(f"{name}: give it a file: {name}=FILE")
    return name, file


def conform(asked: argparse.Namespace) -> int:
    """Run, report, and say how it went by the exit status: 0, 1, 2 or 3."""
    from flowise_mock.conform.baseline import BaselineError
    from flowise_mock.conform.generated import GeneratedError
    from flowise_mock.conform.ledger import LedgerError
    from flowise_mock.conform.target import TargetError

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _clean(asked) if asked.clean else _conform(asked)
    except (TargetError, LedgerError, BaselineError, DocumentError, GeneratedError) as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _key(asked: argparse.Namespace) -> str | None:
    return asked.api_key or os.environ.get("FLOWISE_API_KEY") or None


def _clean(asked: argparse.Namespace) -> int:
    from flowise_mock.conform import ledger, target, walks

    book = ledger.Ledger(asked.clean)
    found = target.reach(
        asked.url or book.url(), _key(asked), seconds=asked.timeout, verify=not asked.insecure
    )
    gone = book.gone_count()
    left = ledger.clean(book, found.wire, walks.bundled())
    print(f"{book.gone_count() - gone} deleted, {len(left)} left")
    for made in left:
        print(f"left on the server: {made}")
    return 1 if left else 0


def _conform(asked: argparse.Namespace) -> int:
    from flowise_mock.conform import baseline, contract, report, run
    from flowise_mock.conform.progress import Progress
    from flowise_mock.conform.target import TargetError

    if not asked.url:
        raise TargetError("give the address of a server, such as http://127.0.0.1:3000")
    known = _baseline(asked.baseline)
    if asked.update_baseline and known is None:
        raise baseline.BaselineError("--update-baseline needs --baseline FILE")
    if known is not None and not known.exists() and not asked.update_baseline:
        raise baseline.BaselineError(f"{known}: there is no such baseline")
    phases = tuple(each for each in asked.phases.split(",") if each)
    unknown = set(phases) - {"walks", "probes", "generated"}
    if unknown:
        raise TargetError(f"--phases: there is no phase {', '.join(sorted(unknown))}")
    options = run.Options(
        url=asked.url,
        contract=contract.load(asked.contract, asked.overlay, asked.document),
        key=_key(asked),
        allow_writes=asked.allow_writes,
        allowed=tuple(asked.allow),
        values=dict(asked.set),
        phases=phases,
        seed=asked.seed,
        max_examples=asked.max_examples,
        max_time=asked.max_time,
        seconds=asked.timeout,
        rate=asked.rate,
        verify=not asked.insecure,
        ledger=asked.ledger,
        baseline=known,
        filters=tuple(getattr(asked, "more", ())),
        passed=(*getattr(asked, "more", ()), *_by_schemathesis(asked.report)),
    )
    with Progress(sys.stderr, not asked.no_progress) as progress:
        done = run.run(options, progress)
    if asked.update_baseline and known is not None and not done["interrupted"]:
        number = run.update_baseline(options, done)
        print(f"{known}: {number} known deviations")
        report.write(done, asked.report, options.contract)
        return 0
    report.write(done, asked.report or [("terminal", "")], options.contract)
    return int(done["status"])


def _baseline(asked: Path | None) -> Path | None:
    """A baseline file, or the bundled one of a version."""
    if asked is None or asked.exists() or asked.suffix in (".yaml", ".yml", ".json"):
        return asked
    from flowise_mock.conform import baseline

    bundled = baseline.BUNDLED / f"{asked}.yaml"
    return bundled if bundled.exists() else asked


def _by_schemathesis(reports: list[tuple[str, str]]) -> list[str]:
    made: list[str] = []
    for name, file in reports:
        if name in BY_SCHEMATHESIS:
            made += ["--report", name, f"--report-{name}-path", str(Path(file).resolve())]
    return made


def matrix(asked: argparse.Namespace) -> int:
    from flowise_mock.conform import matrix as table

    try:
        runs = [table.read(path) for path in asked.runs]
    except table.MatrixError as error:
        print(f"flowise-mock: {error}", file=sys.stderr)
        return 2
    if asked.html:
        asked.html.write_text(table.html(runs))
    if asked.md:
        asked.md.write_text(table.markdown(runs))
    if not asked.html and not asked.md:
        print(table.markdown(runs), end="")
    return 0
